"""How many files a process may have open: as many as the system lets it, where it serves many namespaces."""

from __future__ import annotations

import contextlib


def allow_many_files() -> None:
    """Raise the soft limit to the hard one; nothing happens where there is none, or it may not be raised.

    Shells and services begin with a soft limit of 1,024 for the sake of programs that use ``select``. A namespace on
    SQLite has some twelve files open.
    """
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
