"""A real terminal for a real process: a pty, and pyte to read what is drawn on it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyte

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
"""Seconds; it only bounds a failure."""


class Terminal:
    """A process in a terminal."""

    def __init__(self, process: subprocess.Popen[bytes], master: int, size: tuple[int, int]) -> None:
        self.process = process
        self.output = b""
        self._master = master
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(self._screen.display)

    def until(self, condition: Callable[[str], bool]) -> str:
        """Read until the screen is as wanted; what it is then."""
        end = time.monotonic() + PATIENCE
        while not condition(self.text):
            if time.monotonic() > end or not self._read():
                raise AssertionError(f"never came true; the screen is:\n{self.text}")
        return self.text

    def press(self, keys: str) -> None:
        """Type keys."""
        os.write(self._master, keys.encode())

    def wait(self) -> int:
        """Read what is left, and wait for the process to end; its exit code."""
        while self._read():
            pass
        return self.process.wait(PATIENCE)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], PATIENCE)
        try:
            data = os.read(self._master, 65536) if ready else b""
        except OSError:  # Linux says so when the last process that had the terminal is gone.
            return False
        self.output += data
        self._stream.feed(data)
        return bool(data)


def _take_terminal() -> None:
    """Make it the terminal of the new session, so that Ctrl+C is a signal there as in any shell."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextmanager
def console_process(
    arguments: Sequence[str], home: Path, size: tuple[int, int] = (120, 36), environ: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """Run ``nexus console`` in a terminal of this size, with an environment of its own and what is added to it."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor",
        "LANG": "C.UTF-8", "TZ": "UTC", "TEXTUAL_DISABLE_KITTY_KEY": "1", "TEXTUAL_ANIMATIONS": "none",
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "core", ROOT / "widgets", ROOT))), **(environ or {}),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "nexus_tui", "console", *arguments],
        stdin=slave, stdout=slave, stderr=slave, env=environment, cwd=home, start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509  nothing else runs in this process yet
    )  # fmt: skip
    os.close(slave)
    try:
        yield Terminal(process, master, size)
    finally:
        process.kill()
        process.wait()
        os.close(master)
