"""Where the part of a store lies that a namespace has to itself, and how all of it goes.

A part is a store of its own, so nothing that works on one can reach into another: on Redis under a prefix of its own
below the store's, on SQLite in a file of its own beside the store's, in memory in a store of its own. Its place is a
name that is never used twice.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final, cast

from nexus.errors import StoreUnavailable
from nexus.stores.opening import open_store
from nexus.stores.urls import sqlite_url

_BESIDE: Final = ("", "-wal", "-shm", "-journal")


def partition_of(url: str, prefix: str, place: str) -> tuple[str, str]:
    """The URL and the prefix of a part.

    Args:
        url: The store's.
        prefix: Its prefix, on Redis.
        place: The part's name.
    """
    scheme = url.partition("://")[0].lower()
    if scheme == "memory":
        return url, prefix
    if scheme == "sqlite":
        return sqlite_url(file_of(cast("Any", open_store(url)).path, place)), prefix
    return url, f"{prefix}ns:{place}:"


def file_of(path: Path, place: str) -> Path:
    """The file of a part of the file at ``path``."""
    return path.with_name(f"{path.stem}.ns") / f"{place}.sqlite"


async def erase(url: str, prefix: str) -> None:
    """Remove a part and all that is in it; nothing happens where there is none.

    Nobody should have it open: who still has learns that the file was removed, or writes where nobody looks.

    Args:
        url: The part's.
        prefix: Its prefix, on Redis.

    Raises:
        StoreUnavailable: The server can't be reached, or a file can't be removed.
    """
    scheme = url.partition("://")[0].lower()
    if scheme == "memory":
        return
    if scheme == "sqlite":
        await asyncio.to_thread(remove_file, cast("Any", open_store(url)).path)
        return
    from nexus.stores.redis.sweeping import remove_all

    async with open_store(url, prefix=prefix) as store:
        await remove_all(store, prefix, lambda _: True)  # type: ignore[arg-type]


def remove_file(path: Path) -> None:
    """Remove an SQLite file with its log, and its folder if nothing else is in it."""
    try:
        for end in _BESIDE:
            path.with_name(path.name + end).unlink(missing_ok=True)
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()
    except OSError as error:
        raise StoreUnavailable(f"{path} can't be removed: {error.strerror}", store=sqlite_url(path)) from None
