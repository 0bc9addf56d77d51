"""SQLite's and the system's errors, translated once into ``StoreUnavailable``.

Each message names the file, says what is wrong in plain words, and what would help. ``details``
has ``store`` (the path) and ``reason``: ``locked``, ``readonly``, ``missing``, ``damaged``, ``full``, ``newer``,
``foreign``, ``closed`` or ``failed``.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from nexus.errors import StoreUnavailable

_PRIMARY: Final = 0xFF
"""The low byte of an extended result code is the primary one."""

_DAMAGED: Final = "is damaged: put a backup in its place, or save what can be read with sqlite3's .recover"

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError)
"""Raised where a row is read that no version of Nexus wrote."""

_SAID: Final[dict[int, tuple[str, str]]] = {
    sqlite3.SQLITE_BUSY: (
        "locked",
        "is locked by another process for too long: look for one that hangs, or a backup or editor that has it open",
    ),
    sqlite3.SQLITE_LOCKED: ("locked", "is locked by another connection of this process for too long"),
    sqlite3.SQLITE_READONLY: (
        "readonly",
        "can't be written: check the permissions of the file and of its folder, and that the disk is not read-only",
    ),
    sqlite3.SQLITE_PERM: ("readonly", "can't be opened: check the permissions of the file and of its folder"),
    sqlite3.SQLITE_AUTH: ("readonly", "can't be opened: access was refused"),
    sqlite3.SQLITE_CANTOPEN: (
        "missing",
        "can't be opened: check that its folder exists, that you may use it, and that it is not a folder itself",
    ),
    sqlite3.SQLITE_NOTADB: ("damaged", "is not a Nexus store: it is no SQLite database, or it is encrypted"),
    sqlite3.SQLITE_CORRUPT: ("damaged", _DAMAGED),
    sqlite3.SQLITE_FULL: ("full", "can't grow: the disk or the quota is full; free some space"),
    sqlite3.SQLITE_IOERR: ("failed", "can't be read or written: the disk reports an error, or is full or gone"),
    sqlite3.SQLITE_NOMEM: ("failed", "can't be used: the system is out of memory"),
}

_REASONS: Final = {errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EROFS: "readonly", errno.EACCES: "readonly"}

_ENVIRONMENT: Final = frozenset(_SAID)


class Inconsistent(sqlite3.DatabaseError):
    """An index names a row that is not there: SQLite finds that out only when it is asked to check."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def is_environment(error: Exception) -> bool:
    """Whether the cause lies outside the statements: trying one commit at a time would help none of them."""
    return isinstance(error, sqlite3.Error) and _code(error) in _ENVIRONMENT


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection holds a lock that is needed."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_interrupt(error: Exception) -> bool:
    """Whether a query was stopped half-way, on purpose."""
    return isinstance(error, sqlite3.Error) and _code(error) == sqlite3.SQLITE_INTERRUPT


def unavailable(path: Path, reason: str, says: str) -> StoreUnavailable:
    """The error for a store file.

    Args:
        path: The file.
        reason: One word for programs.
        says: What is wrong, to stand after the file's name.
    """
    return StoreUnavailable(f"the store {path} {says}", store=str(path), reason=reason)


def translate(error: Exception, path: Path) -> Exception:
    """``StoreUnavailable`` for an error of SQLite or of the system; any other error as it is."""
    if isinstance(error, sqlite3.Error):
        reason, says = _SAID.get(_code(error), ("failed", "failed"))
        return unavailable(path, reason, f"{says} ({error})")
    if isinstance(error, OSError):
        reason = _REASONS.get(error.errno or 0, "missing")
        return unavailable(path, reason, f"can't be opened: {error.strerror or error}")
    if isinstance(error, _UNREADABLE):
        return unavailable(path, "damaged", f"{_DAMAGED} ({error})")
    return error


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise what ``translate`` makes of the errors inside."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise translate(error, path) from error


def _code(error: sqlite3.Error) -> int:
    # Errors that Python's module raises by itself carry no code.
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY
