"""A terminal with a console or a table in it, that only looks for where the cursor is painted.

A terminal emulator would take more time than what is measured. Lines are painted whole, each after a move of the
terminal's cursor, so that a line which begins with the table's ``>`` is where the table's cursor is now.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLUMNS, LINES = 160, 48
_CURSOR = re.compile(rb"\x1b\[(\d+);\d+H(?:\x1b\[[0-9;]*m)*>(?: |\xe2\x97\x8f)")


class Terminal:
    """A process in a pseudo-terminal of 160x48."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start it.

        Args:
            arguments: What Python is given.
            environ: Added to the few variables that every case has.
        """
        environment = {
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("core", "widgets", ".")),
            "TEXTUAL_DISABLE_KITTY_KEY": "1",
            "LANG": "C.UTF-8",
            **environ,
        }
        self.line = 0
        """The line of the screen with the table's cursor, from 1; 0 before the first paint of it."""
        self.written = 0
        self._tail = b""
        self._allowed = float("inf")
        self.started = time.perf_counter()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            # Set here, not by the parent, that may come too late for a quick program.
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
            os.execve(sys.executable, [sys.executable, *arguments], environment)  # noqa: S606

    def read(self, timeout: float, most: int = 1 << 16) -> bytes:
        """Read what comes next, and see where the cursor is.

        Args:
            timeout: Seconds to wait for it.
            most: Bytes.
        """
        if not select.select([self._fd], [], [], max(timeout, 0.0))[0]:
            return b""
        try:
            data = os.read(self._fd, most)
        except OSError:
            raise RuntimeError(f"the program ended; it wrote last: {self._tail[-2000:]!r}") from None
        self.written += len(data)
        self._tail = self._tail[-4000:] + data
        found = _CURSOR.findall(self._tail)
        if found:
            self.line = int(found[-1])
        return data

    def first(self, wanted: bytes, limit: float = 60.0) -> float:
        """Read until something is written; seconds since the start.

        Args:
            wanted: What.
            limit: Seconds until it is a failure.
        """
        end = time.perf_counter() + limit
        while time.perf_counter() < end:
            if self.read(0.1) and wanted in self._tail:
                return time.perf_counter() - self.started
        raise TimeoutError(f"never saw {wanted!r}; the last was {self._tail[-2000:]!r}")

    def drain(self, seconds: float) -> None:
        """Read all that comes for a while."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)

    def drain_slowly(self, seconds: float, per_second: int) -> None:
        """Read for a while, as over a link that brings so many bytes a second."""
        begun, before = time.perf_counter(), self.written
        while (elapsed := time.perf_counter() - begun) < seconds:
            allowed = int(elapsed * per_second) - (self.written - before)
            if allowed > 0:
                self.read(0.01, allowed)
            time.sleep(0.005)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._fd, keys)

    def press(self, key: bytes, line: int | None, limit: float = 2.0) -> float | None:
        """Press a key; the seconds until the cursor is painted where the key moves it, ``None`` if it never was.

        Args:
            key: What is sent.
            line: The line of the screen where the cursor should come; ``None`` for wherever it is painted.
            limit: Seconds after which the key counts as lost.
        """
        self._tail = b""
        if line is None:
            self.line = 0
        begun = time.perf_counter()
        os.write(self._fd, key)
        while (left := begun + limit - time.perf_counter()) > 0:
            self.read(left)
            if self.line == line or (line is None and self.line):
                return time.perf_counter() - begun
        return None

    def cpu_seconds(self) -> float:
        """The processor time used so far, of all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def cpu_share(self, seconds: float) -> float:
        """The share of one processor that is used while all that comes is read for so long."""
        used, begun = self.cpu_seconds(), time.perf_counter()
        self.drain(seconds)
        return (self.cpu_seconds() - used) / (time.perf_counter() - begun)

    def memory_mb(self) -> float:
        """The resident memory of its own, without the file that it has mapped."""
        line = next(line for line in Path(f"/proc/{self.pid}/status").read_text().splitlines() if "RssAnon" in line)
        return int(line.split()[1]) / 1024

    def close(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)
