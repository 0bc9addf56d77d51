"""Linux's inotify, for one file that may come and go: as much of it as the feed needs."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import struct
import threading
from pathlib import Path
from typing import Final

_MODIFY: Final = 0x002
_ATTRIB: Final = 0x004
_DELETE_SELF: Final = 0x400
_MOVE_SELF: Final = 0x800
_IGNORED: Final = 0x8000
_NONBLOCK: Final = os.O_NONBLOCK if hasattr(os, "O_NONBLOCK") else 0
_CLOEXEC: Final = os.O_CLOEXEC if hasattr(os, "O_CLOEXEC") else 0
_HEADER: Final = struct.Struct("iIII")
_UNARMED_POLL: Final = 0.02


class InotifyWatch:
    """Waits until a file is written to, by whichever process.

    Args:
        path: The file. While there is none, ``wait`` looks for it every 20 ms.

    Raises:
        OSError: The system has no inotify, or no watch left.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._library = ctypes.CDLL(None, use_errno=True)
        self._fd: int = self._library.inotify_init1(_NONBLOCK | _CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self._armed = False
        self._closing = threading.Lock()
        self._closed = False
        self._wake_out, self._wake_in = os.pipe()
        os.set_blocking(self._wake_out, False)
        os.set_blocking(self._wake_in, False)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        self._poll.register(self._wake_out, select.POLLIN)

    def wait(self, timeout: float) -> bool:
        """Sleep until the file changes, somebody calls ``wake``, or the time is up.

        Args:
            timeout: Seconds.

        Returns:
            Whether the file changed, or may have.
        """
        fresh = self._arm()
        if fresh:
            return True
        self._poll.poll((timeout if self._armed else min(timeout, _UNARMED_POLL)) * 1000)
        _drain(self._wake_out)
        return self._read()

    def wake(self) -> None:
        """End a ``wait`` from another thread; nothing happens if it is closed already."""
        with self._closing:
            if not self._closed:
                with contextlib.suppress(BlockingIOError):
                    os.write(self._wake_in, b"!")

    def close(self) -> None:
        """Give the descriptors back; a number that the system gives out anew must not be written to."""
        with self._closing:
            self._closed = True
            for fd in (self._fd, self._wake_in, self._wake_out):
                os.close(fd)

    def _arm(self) -> bool:
        if self._armed:
            return False
        mask = _MODIFY | _ATTRIB | _DELETE_SELF | _MOVE_SELF
        self._armed = self._library.inotify_add_watch(self._fd, os.fsencode(self._path), mask) >= 0
        # What was written before the watch was set made no event.
        return self._armed

    def _read(self) -> bool:
        data = _drain(self._fd)
        place = 0
        while place < len(data):
            _, mask, _, length = _HEADER.unpack_from(data, place)
            if mask & (_IGNORED | _DELETE_SELF | _MOVE_SELF) or (mask & _ATTRIB and not self._path.exists()):
                self._armed = False
            place += _HEADER.size + length
        return bool(data)


def _drain(fd: int) -> bytes:
    try:
        return os.read(fd, 1 << 16)
    except BlockingIOError:
        return b""
