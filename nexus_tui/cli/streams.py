"""Keeping stdout for results while code of the user runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Lead what is printed meanwhile, by this process or by children it starts, to stderr."""
    sys.stdout.flush()
    with redirect_stdout(sys.stderr), _descriptor():
        yield


@contextmanager
def _descriptor() -> Iterator[None]:
    try:
        kept = os.dup(1)
    except OSError:
        # Started without a stdout: there is nothing to keep clean.
        yield
        return
    try:
        with suppress(OSError):
            os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
