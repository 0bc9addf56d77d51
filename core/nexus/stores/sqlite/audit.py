"""The audit's one chain: appended to by the writer, in the transaction of what it tells of."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

from nexus.model.audit import AuditHead, StoredAudit
from nexus.stores import chain

_APPEND: Final = "INSERT INTO audit (seq, hash, document) VALUES (?, ?, ?)"
_MOST: Final = 2**63 - 1


class Chain:
    """The end of the chain, inside an open write transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._rows: list[tuple[int, bytes, bytes]] = []
        self.reload()

    def reload(self) -> None:
        """Take up what another has appended in the same transaction."""
        row = self._connection.execute("SELECT last_seq, audit_seq, audit_hash FROM feed").fetchone()
        self.last_seq: int = row[0]
        """The last event's number, which is read with it."""
        self._seq, self._hash = row[1], row[2].hex()

    def append(self, document: bytes) -> None:
        """Add a record."""
        self._seq += 1
        self._hash = chain.link(self._hash, self._seq, document)
        self._rows.append((self._seq, bytes.fromhex(self._hash), document))

    def flush(self, last_seq: int | None = None) -> bool:
        """Write what was added, and where the chain now ends.

        Args:
            last_seq: The last event's number, to be written in the same statement.

        Returns:
            Whether there was anything; where not, ``last_seq`` isn't written either.
        """
        if not self._rows:
            return False
        self._connection.executemany(_APPEND, self._rows)
        end = (self._seq, bytes.fromhex(self._hash))
        if last_seq is None:
            self._connection.execute("UPDATE feed SET audit_seq = ?, audit_hash = ?", end)
        else:
            self._connection.execute("UPDATE feed SET audit_seq = ?, audit_hash = ?, last_seq = ?", (*end, last_seq))
        self._rows.clear()
        return True


def head(connection: sqlite3.Connection) -> tuple[int, str]:
    """The last record's number and hash."""
    seq, found = connection.execute("SELECT audit_seq, audit_hash FROM feed").fetchone()
    return seq, found.hex()


def append(document: bytes) -> Callable[[sqlite3.Connection], None]:
    """The write that adds one record."""

    def write(connection: sqlite3.Connection) -> None:
        end = Chain(connection)
        end.append(document)
        end.flush()

    return write


def trim(number: int, found: str, anchor: bytes) -> Callable[[sqlite3.Connection], int]:
    """The write that deletes records from the front, and adds the one that says so."""

    def write(connection: sqlite3.Connection) -> int:
        row = connection.execute("SELECT hash FROM audit WHERE seq = ?", (number,)).fetchone()
        if row is None or _bytes(row[0]).hex() != found:
            return 0
        deleted = connection.execute("DELETE FROM audit WHERE seq <= ?", (number,)).rowcount
        append(anchor)(connection)
        return deleted

    return write


def heads(connection: sqlite3.Connection) -> list[AuditHead]:
    """See ``Store.audit_heads``."""
    count, found = head(connection)
    return [AuditHead(chain="", count=count, hash=found)]


def read(
    connection: sqlite3.Connection, name: str, after: int, before: int | None, limit: int, *, newest: bool
) -> list[StoredAudit]:
    """See ``Store.read_audit``."""
    if name:
        return []
    direction = "DESC" if newest else "ASC"
    rows = connection.execute(
        f"SELECT seq, document, hash FROM audit WHERE seq > ? AND seq < ? ORDER BY seq {direction} LIMIT ?",  # noqa: S608
        (min(after, _MOST), _MOST if before is None else min(before, _MOST), max(limit, 0)),
    )
    return [StoredAudit(seq, _bytes(document), _bytes(found).hex()) for seq, document, found in rows]


def _bytes(found: object) -> bytes:
    # Whoever wrote into the file may have left text, or anything.
    return found if isinstance(found, bytes) else str(found).encode()
