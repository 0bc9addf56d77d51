"""Child processes on a tether: the end of their stdin tells them to stop, whatever became of their parent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

GRACE = 8.0
"""Seconds that a child gets to stop by itself, and again after it was asked by a signal."""


@contextmanager
def child(
    module: str, arguments: Sequence[str], log: IO[bytes], root: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a module of ours in a process of its own, and stop it at the end.

    Args:
        module: Its name; it stops when its stdin ends.
        arguments: Its command line.
        log: Where its stderr goes.
        root: What it needs on its path besides ours.

    Returns:
        The process, with its stdout as a pipe.
    """
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
        # -P: a folder of the same name where the user happens to be is not ours.
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=_environment(root),
        # Ctrl+C at the terminal is for the parent: it stops its children in order.
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _stop(process)


def _environment(root: Path | None) -> dict[str, str]:
    paths = [*([str(root)] if root is not None else []), *(path for path in sys.path if path)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def _stop(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    for ask in (None, process.terminate, process.kill):
        if ask is not None:
            ask()
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
            return


def tail(log: IO[bytes], lines: int = 12) -> str:
    """The last lines of a log."""
    log.seek(0)
    return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
