"""Lines from stdin that one can stop waiting for.

The SDK reads stdin in a thread that can't be cancelled, so that a server told to stop would stay until its client
says something. This reader's thread is a daemon, reads the descriptor without locks, and is left behind.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress

_CHUNK = 1 << 16
_AHEAD = 16
"""Lines read before they are asked for."""


@contextmanager
def claimed_stdin() -> Iterator[Lines]:
    """The lines of file descriptor 0, which reads as empty meanwhile, for workflows and their child processes."""
    wire = os.dup(0)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    try:
        yield Lines(wire)
    finally:
        os.dup2(wire, 0)  # the copy stays open: the thread may still wait on it


class Lines:
    """An asynchronous iterator of text lines; bytes that are no UTF-8 are replaced.

    Args:
        fd: Where they come from. Reading begins with the iteration.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    async def __aiter__(self) -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        lines: asyncio.Queue[str | None] = asyncio.Queue(_AHEAD)

        def hand_over(line: bytes | None) -> None:
            text = None if line is None else line.decode("utf-8", "replace")
            asyncio.run_coroutine_threadsafe(lines.put(text), loop).result()

        threading.Thread(target=_read, args=(self._fd, hand_over), name="nexus-mcp-stdin", daemon=True).start()
        while (line := await lines.get()) is not None:
            yield line


def _read(fd: int, hand_over: Callable[[bytes | None], None]) -> None:
    rest = bytearray()
    with suppress(RuntimeError, asyncio.CancelledError):  # the loop is gone: nobody reads on
        while chunk := _chunk(fd):
            first, *others = chunk.split(b"\n")
            rest += first
            for other in others:
                hand_over(bytes(rest))
                rest = bytearray(other)
        if rest:
            hand_over(bytes(rest))
        hand_over(None)


def _chunk(fd: int) -> bytes:
    try:
        return os.read(fd, _CHUNK)
    except OSError:
        return b""
