"""Facts about an open store, for ``nexus doctor``."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Final

from nexus.stores.sqlite.faults import unavailable
from nexus.stores.sqlite.records import last_seq, tally
from nexus.stores.sqlite.schema import check_format

_FULL: Final = 2
_SYNCHRONOUS: Final = {0: "off", 1: "normal", 2: "full", 3: "extra"}


def examine(connection: sqlite3.Connection, path: Path) -> dict[str, str]:
    """What there is to know, read from the file and from the connection's real settings.

    Raises:
        StoreUnavailable: The file is gone, may not be written any more, or has been migrated to a newer format.
    """
    if not path.exists():
        raise unavailable(path, "missing", "was removed while it was open")
    if not os.access(path, os.W_OK):
        raise unavailable(path, "readonly", "can't be written: check the permissions of the file")
    check_format(connection, path)
    pragma = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "page_size", "user_version")
    }
    log = path.with_name(path.name + "-wal")
    return {
        "path": str(path),
        "sqlite": sqlite3.sqlite_version,
        "format": str(pragma["user_version"]),
        "journal_mode": str(pragma["journal_mode"]),
        "synchronous": _SYNCHRONOUS.get(pragma["synchronous"], str(pragma["synchronous"])),
        "level": "power" if pragma["synchronous"] >= _FULL else "process",
        "durability": "commits survive kill -9 and, where the disk keeps what it has confirmed, loss of power;"
        " the loss of the disk takes everything",
        "page_size": str(pragma["page_size"]),
        "file_bytes": str(path.stat().st_size),
        "log_bytes": str(log.stat().st_size if log.exists() else 0),
        "disk_free_bytes": str(shutil.disk_usage(path.parent).free),
        "sessions": str(sum(tally(connection).values())),
        "last_event": str(last_seq(connection)),
    }
