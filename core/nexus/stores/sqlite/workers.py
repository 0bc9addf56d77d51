"""Workers and their leases."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

from nexus.model import Worker
from nexus.model.change import UNOWNED
from nexus.stores import codec
from nexus.stores.leases import believed

_BEAT: Final = (
    "INSERT INTO workers (id, document, boot, until, seen_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
    " document = excluded.document, boot = excluded.boot, until = excluded.until, seen_at = excluded.seen_at"
)


def beat(worker: Worker, *, boot: str, until: float, seen_at: float) -> Callable[[sqlite3.Connection], None]:
    """The write that says that a worker lives.

    Args:
        worker: Who.
        boot: The boot of this machine.
        until: When its lease runs out, on the clock of that boot.
        seen_at: Seconds since the epoch, to be shown.
    """
    row = (worker.id, codec.encode_worker(worker), boot, until, seen_at)

    def write(connection: sqlite3.Connection) -> None:
        connection.execute(_BEAT, row)

    return write


def forget(worker_id: str) -> Callable[[sqlite3.Connection], None]:
    """The write that removes a worker."""

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM workers WHERE id = ?", (worker_id,))

    return write


def list_workers(connection: sqlite3.Connection, boot: str, now: float) -> list[Worker]:
    """All workers; ``alive`` by their leases at ``now`` on the clock of ``boot``."""
    rows = connection.execute("SELECT document, boot, until, seen_at FROM workers ORDER BY id")
    return [
        codec.decode_worker(document, alive=believed(until, its_boot, now=now, this_boot=boot), seen_at=seen_at)
        for document, its_boot, until, seen_at in rows
    ]


def runs_of(connection: sqlite3.Connection, worker_id: str, limit: int) -> list[str]:
    """Ids of the sessions whose run a worker holds."""
    rows = connection.execute("SELECT id FROM sessions WHERE worker = ? LIMIT ?", (worker_id, max(limit, 0)))
    return [name for (name,) in rows]


def holders(connection: sqlite3.Connection) -> set[str]:
    """Ids of the workers that hold runs."""
    rows = connection.execute("SELECT DISTINCT worker FROM sessions WHERE worker > ?", (UNOWNED,))
    return {worker_id for (worker_id,) in rows}
