"""The tables, and how a file of an older version is brought up to this one.

``user_version`` holds the version of the file and ``application_id`` marks it as ours. A file that is
newer than the program is refused before anything is touched, and so is another program's; one that becomes newer
while it is open is refused by the next commit (``check_format``).
Each step of ``MIGRATIONS`` runs in one transaction together with all others, so a file is never left
between two versions.

Rows are found by whole numbers (``key``), because every index entry repeats them; a session's id is
looked up once. Columns that filters and sort orders read stand before the documents, so that a
scan need not read those. Indexes cost more than all else in a commit, which is why there are few:
an ordinary update of a session moves its entry in one of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from nexus.errors import StoreUnavailable
from nexus.stores.sqlite.faults import unavailable

APPLICATION_ID: Final = 0x4E585553
"""``NXUS``."""

PAGE_SIZE: Final = 2048
"""Bytes. A commit writes whole pages, mostly for a few hundred bytes each: small ones are worth a third of the rate."""

_VERSION_1: Final = (
    """
    CREATE TABLE sessions (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        version INTEGER NOT NULL,
        status TEXT NOT NULL,
        last_activity REAL NOT NULL,
        created_at REAL NOT NULL,
        due_bound REAL,
        due_at REAL,
        expires_at REAL,
        ended_at REAL,
        step INTEGER NOT NULL,
        channel TEXT NOT NULL,
        channels TEXT NOT NULL,
        workflow TEXT,
        user_id TEXT,
        owner TEXT NOT NULL,
        parent_id TEXT,
        group_id TEXT,
        worker TEXT,
        large INTEGER NOT NULL,
        document BLOB NOT NULL,
        state BLOB,
        run BLOB
    )
    """,
    "CREATE INDEX sessions_by_activity ON sessions (status, last_activity, id)",
    "CREATE INDEX sessions_by_creation ON sessions (created_at, id)",
    "CREATE INDEX sessions_due ON sessions (due_bound) WHERE due_bound IS NOT NULL",
    "CREATE INDEX sessions_ended ON sessions (ended_at, id) WHERE ended_at IS NOT NULL",
    "CREATE INDEX sessions_by_parent ON sessions (parent_id, created_at, id) WHERE parent_id IS NOT NULL",
    "CREATE INDEX sessions_by_group ON sessions (group_id, created_at, id) WHERE group_id IS NOT NULL",
    "CREATE INDEX sessions_by_owner ON sessions (owner, created_at, id) WHERE substr(owner, 1, 6) <> 'local:'",
    "CREATE INDEX sessions_by_worker ON sessions (worker) WHERE worker IS NOT NULL",
    # Documents over a kilobyte, so that an update that doesn't touch them needn't write them again.
    """
    CREATE TABLE large (
        session INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (session, kind)
    )
    """,
    """
    CREATE TABLE checkpoints (
        session INTEGER NOT NULL,
        number INTEGER NOT NULL,
        pinned INTEGER NOT NULL,
        document BLOB NOT NULL,
        state BLOB,
        PRIMARY KEY (session, number)
    )
    """,
    """
    CREATE TABLE journal (
        position INTEGER PRIMARY KEY,
        session INTEGER NOT NULL,
        run_id TEXT NOT NULL,
        key TEXT NOT NULL,
        document BLOB NOT NULL,
        UNIQUE (session, run_id, key)
    )
    """,
    """
    CREATE TABLE inbox (
        session INTEGER NOT NULL,
        id TEXT NOT NULL,
        document BLOB NOT NULL,
        PRIMARY KEY (session, id)
    )
    """,
    "CREATE TABLE claims (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, session INTEGER)",
    "CREATE INDEX claims_by_session ON claims (session) WHERE session IS NOT NULL",
    """
    CREATE TABLE groups (
        id TEXT NOT NULL PRIMARY KEY,
        version INTEGER NOT NULL,
        created_at REAL NOT NULL,
        document BLOB NOT NULL
    )
    """,
    "CREATE INDEX groups_by_creation ON groups (created_at, id)",
    # How many sessions stand where: of each group, and under '' of all.
    """
    CREATE TABLE tally (
        group_id TEXT NOT NULL,
        status TEXT NOT NULL,
        sessions INTEGER NOT NULL,
        PRIMARY KEY (group_id, status)
    )
    """,
    "CREATE TABLE counters (name TEXT NOT NULL PRIMARY KEY, value REAL NOT NULL)",
    """
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY,
        ts REAL NOT NULL,
        session_id TEXT,
        group_id TEXT,
        document BLOB NOT NULL
    )
    """,
    "CREATE INDEX events_by_session ON events (session_id) WHERE session_id IS NOT NULL",
    "CREATE INDEX events_by_group ON events (group_id) WHERE group_id IS NOT NULL",
    "CREATE INDEX events_of_no_session ON events (ts) WHERE session_id IS NULL",
    # Sessions that are not stored and have events: what may be trimmed is found without a scan.
    "CREATE TABLE orphans (session_id TEXT NOT NULL PRIMARY KEY, first_ts REAL NOT NULL)",
    "CREATE INDEX orphans_by_age ON orphans (first_ts)",
    # The last number given; a row of its own, so that numbers of trimmed events are never given again.
    "CREATE TABLE feed (last_seq INTEGER NOT NULL)",
    "INSERT INTO feed VALUES (0)",
    """
    CREATE TABLE workers (
        id TEXT NOT NULL PRIMARY KEY,
        document BLOB NOT NULL,
        boot TEXT NOT NULL,
        until REAL NOT NULL,
        seen_at REAL NOT NULL
    )
    """,
)

_VERSION_2: Final = (
    """
    CREATE TABLE documents (
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (kind, name)
    )
    """,
)

_VERSION_3: Final = (
    # Found by number alone: an index would cost every commit a page.
    "CREATE TABLE audit (seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, document BLOB NOT NULL)",
    # Where the chain ends, in the row that every commit writes anyway.
    "ALTER TABLE feed ADD COLUMN audit_seq INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE feed ADD COLUMN audit_hash BLOB NOT NULL DEFAULT x''",
)

MIGRATIONS: Final[Sequence[Sequence[str]]] = (_VERSION_1, _VERSION_2, _VERSION_3)
"""The statements that lead from version n to n + 1, at place n. Released steps never change."""


def read_version(connection: sqlite3.Connection, path: Path, newest: int = len(MIGRATIONS)) -> int:
    """The version of a file that this program may use; 0 for one that is empty.

    Raises:
        StoreUnavailable: The file is newer than the program, or another program's.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    mark: int = connection.execute("PRAGMA application_id").fetchone()[0]
    if mark == APPLICATION_ID:
        if version > newest:
            raise _newer(path, version, newest)
        return version
    if version or mark or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise unavailable(path, "foreign", "is a database of another program: choose another file")
    return 0


def check_format(connection: sqlite3.Connection, path: Path) -> None:
    """See that the file still has this program's format: a newer one may have migrated it while it was open.

    Inside a transaction it holds for all of it. It takes 3 us, beside 100 to 170 of the smallest commit.

    Raises:
        StoreUnavailable: It is newer now, and what this program would write might lack what belongs to it.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise _newer(path, version, len(MIGRATIONS))


def _newer(path: Path, version: int, newest: int) -> StoreUnavailable:
    return unavailable(
        path, "newer", f"has format {version}, and this version of Nexus reads up to {newest}: update Nexus"
    )


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring a file up to the newest version, inside the caller's write transaction."""
    version = read_version(connection, path, len(migrations))
    if version == len(migrations):
        return
    for step in migrations[version:]:
        for statement in step:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(migrations)}")
