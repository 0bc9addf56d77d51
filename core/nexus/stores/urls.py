"""How the place of a store is written."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote


def sqlite_url(path: Path) -> str:
    """The URL of an SQLite file, percent-encoded where it has to be; a relative path stays relative."""
    return f"sqlite:///{quote(path.as_posix(), safe='/:~')}"
