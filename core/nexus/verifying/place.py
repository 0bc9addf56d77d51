"""The place of its own in which a check works: beside the user's sessions, never among them, and gone afterwards."""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path
from typing import Final

import msgspec

from nexus.errors import InvalidInput
from nexus.stores.opening import open_store
from nexus.stores.urls import sqlite_url

PREFIX: Final = "nexus-verify:"
TIME_TO_LIVE: Final = 3600
"""Seconds after which the keys of a check go by themselves, should nobody be left to remove them."""
_MADE: Final = re.compile(rb"nexus-verify:(\d{9,11})-[0-9a-f]{12}:")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where one check works."""

    store: str
    """Its store's URL, with the password if there is one."""
    prefix: str
    """What its keys begin with, on Redis."""
    folder: str | None = None
    """A folder of its own, on the user's disk; ``None`` on Redis."""
    one_order: bool = True

    @property
    def on_redis(self) -> bool:
        """Whether there are keys to be removed, and no files."""
        return self.folder is None


def place_beside(url: str) -> Place:
    """A new place on the same server, or on the same disk; nothing is made yet.

    Args:
        url: The user's store.

    Raises:
        InvalidInput: The store is in this process's memory, or the URL is none.
    """
    name = f"{int(time.time())}-{secrets.token_hex(6)}"
    prefix = f"{PREFIX}{name}:"
    store = open_store(url, prefix=prefix)
    scheme = url.partition("://")[0].lower()
    if scheme == "memory":
        raise InvalidInput(
            "a memory store is gone with its process, so there is nothing to verify: give a store such as"
            " sqlite:///PATH or redis://HOST:PORT/DB",
            field="store", value="memory://",
        )  # fmt: skip
    if scheme != "sqlite":
        from nexus.stores.redis import RedisStore

        return Place(store=url, prefix=prefix, one_order=isinstance(store, RedisStore))
    path: Path = store.path  # type: ignore[attr-defined]
    folder = path.parent / f".nexus-verify-{name}"
    return Place(store=sqlite_url(folder / "nexus.sqlite3"), prefix=prefix, folder=str(folder))


def left_over(key: bytes, now: float) -> bool:
    """Whether a key is of a check that must have died long ago."""
    made = _MADE.match(key)
    return made is not None and now - int(made.group(1)) > TIME_TO_LIVE
