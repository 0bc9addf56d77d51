"""A clock that others can make jump: the machine's, shifted by what stands in a file."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Final

HOUR: Final = 3600.0
_LONGEST: Final = 32


class ShiftedClock:
    """A ``nexus.sessions.Clock``; the shift is read anew each time, so that it jumps in the middle of anything.

    Args:
        file: Holds the shift in seconds, as text.
    """

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_RDONLY)
        self._shift = 0.0

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        with contextlib.suppress(ValueError):
            # A text that is being written right now leaves the shift as it was.
            self._shift = float(os.pread(self._file, _LONGEST, 0))
        return time.time() + self._shift


def shift(file: Path, seconds: float) -> None:
    """Make the clocks that read a file jump, in one write of a fixed length.

    Args:
        file: Theirs.
        seconds: How far they are from the machine's clock from now on.
    """
    with file.open("r+b" if file.exists() else "wb") as opened:
        opened.write(f"{seconds:+020.3f}".encode())
