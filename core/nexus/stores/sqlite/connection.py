"""Opening connections to the file, and the two kinds of transaction."""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from nexus.stores.sqlite.faults import is_busy, translated, unavailable
from nexus.stores.sqlite.schema import PAGE_SIZE, migrate, read_version

T = TypeVar("T")

LOCK_TIMEOUT: Final = 20.0
"""Seconds that a commit waits for other processes' commits before it gives up."""

WAL_LIMIT: Final = 64 << 20
"""Bytes of write-ahead log that may stay; more is cut back."""

_OLDEST_SQLITE: Final = (3, 35, 0)
_CACHE_KIB: Final = 32 << 10
_MAPPED: Final = (1 << 35) if sys.maxsize > 1 << 32 and sys.platform == "linux" else 0
_FIRST_WAITS: Final = 200
_SHORT_WAIT: Final = (0.0002, 0.001)
_LONG_WAIT: Final = (0.001, 0.005)


def prepare_file(path: Path) -> None:
    """Make the folder and the file, if they are not there: private, as sessions may hold anything."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise unavailable(path, "failed", f"needs SQLite 3.35 or newer, and this Python has {sqlite3.sqlite_version}")
    with translated(path):
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def connect(path: Path, wait: float = LOCK_TIMEOUT) -> sqlite3.Connection:
    """A connection with our settings; statements outside ``writing`` and ``reading`` commit by themselves.

    ``synchronous = FULL`` makes a commit wait until the disk has it: with it a commit that was
    acknowledged survives a loss of power. Checkpoints are made by a thread of their own.

    Args:
        path: The file, which is there.
        wait: Seconds that SQLite itself waits for locks; 0 for connections that wait ``patiently``.
    """
    connection = sqlite3.connect(
        path, timeout=wait, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads, with the file mapped into memory: scans take less than half the time so."""
    connection = connect(path)
    connection.execute("PRAGMA query_only = ON")
    connection.execute(f"PRAGMA mmap_size = {_MAPPED}")
    return connection


def connect_first(path: Path, timeout: float = LOCK_TIMEOUT) -> sqlite3.Connection:
    """The first connection of a store: it makes the file ours, in WAL mode and of the newest version.

    Raises:
        StoreUnavailable: As the message says.
    """
    prepare_file(path)
    with translated(path):
        connection = patiently(lambda: connect(path, wait=0.0), timeout)
        try:
            patiently(lambda: read_version(connection, path), timeout)
            connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
            patiently(lambda: _use_wal(connection, path), timeout)
            with writing(connection, timeout):
                migrate(connection, path)
            # A file that may only be read is found out now, not by the first commit.
            with writing(connection, timeout):
                connection.execute("UPDATE feed SET last_seq = last_seq")
        except BaseException:
            connection.close()
            raise
    return connection


def _use_wal(connection: sqlite3.Connection, path: Path) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise unavailable(path, "failed", f"can't use a write-ahead log (it has {mode}): is it on a network drive?")


def patiently(attempt: Callable[[], T], timeout: float) -> T:
    """Try until nobody else holds the lock.

    SQLite's own waiting goes up to 100 ms a turn, and others then come first again and again; waits
    of under a millisecond keep the slowest commit of several writing processes at a tenth of that.

    Raises:
        sqlite3.OperationalError: It was still locked after ``timeout`` seconds.
    """
    until = time.monotonic() + timeout
    tries = 0
    while True:
        try:
            return attempt()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= until:
                raise
        tries += 1
        time.sleep(random.uniform(*(_SHORT_WAIT if tries < _FIRST_WAITS else _LONG_WAIT)))  # noqa: S311


@contextmanager
def writing(connection: sqlite3.Connection, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
    """One write transaction: committed at the end, rolled back where something is raised."""
    begin(connection, timeout)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        roll_back(connection)
        raise


def begin(connection: sqlite3.Connection, timeout: float) -> None:
    """Take the file's one write lock."""
    patiently(lambda: connection.execute("BEGIN IMMEDIATE"), timeout)


def roll_back(connection: sqlite3.Connection) -> None:
    """Undo what the open transaction did, if there is one."""
    # After some errors SQLite has rolled back by itself.
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def reading(connection: sqlite3.Connection) -> Iterator[None]:
    """Several statements that see the same moment."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        roll_back(connection)
