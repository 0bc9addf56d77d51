"""What one decision changes: the unit that the pure transitions make and that a store commits whole."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from nexus.model.audit import AuditEntry
from nexus.model.checkpoint import Checkpoint
from nexus.model.event import Event
from nexus.model.group import Group
from nexus.model.run import JournalEntry, Run
from nexus.model.session import Session
from nexus.model.status import FINAL, Status

UNOWNED = ""
"""``Run.worker`` of a run that waits for any process to take it."""


class Snapshot(msgspec.Struct, frozen=True):
    """A session with its current or last run: what one transition reads and replaces."""

    session: Session
    run: Run | None = None

    @property
    def due_at(self) -> float | None:
        """When somebody must look at it: it expires, or what its run waits for is overdue. Stores index it."""
        session, run = self.session, self.run
        if session.status in FINAL:
            return None
        at = session.expires_at
        if session.status is Status.SUSPENDED and run is not None and run.wait is not None and run.worker is None:
            deadline = run.wait.deadline
            at = deadline if at is None else at if deadline is None else min(at, deadline)
        return at


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Something left for a session: a run wanted while another was live, or a signal.

    ``id`` sorts by arrival; ``body`` is encoded JSON that only its reader understands.
    """

    id: str
    kind: str
    name: str = ""
    body: bytes = b"{}"
    sent_at: float = 0.0


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A unique key set together with a session: ``user:42`` -> session id, ``idem:ID:KEY`` -> run id.

    In the second, ``:`` in the session's id is written ``%3A``.

    The commit goes through only if the key's value is ``expected`` (``None``: not set).
    Setting ``value`` to ``None`` removes it. Claims go when their session is deleted.
    """

    key: str
    value: str | None
    expected: str | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one decision changes about one session or one group; committed whole or not at all."""

    session_id: str | None = None
    expected: int | None = None
    """The version the decision was made on; ``None``: the session (or group) must not exist."""
    after: Snapshot | None = None
    """The new record; ``None`` with a ``session_id`` deletes it with all that belongs to it."""
    group_id: str | None = None
    group_after: Group | None = None
    """A change has either a ``session_id`` or a ``group_id``; ``expected`` speaks of that one."""
    events: tuple[Event, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    """To insert or replace, each under its own ``session_id`` and number: a fork pins its source's checkpoint so."""
    drop_checkpoints: tuple[int, ...] = ()
    """Numbers to forget; those that are pinned stay."""
    journal: tuple[JournalEntry, ...] = ()
    drop_journal: tuple[tuple[str, str], ...] = ()
    """``(run_id, key)`` pairs."""
    put: tuple[Message, ...] = ()
    take: tuple[str, ...] = ()
    """Ids of inbox messages that this commit uses up; one that is gone already is a conflict."""
    claims: tuple[Claim, ...] = ()
    counters: Mapping[str, float] = {}
    """Deltas, added to named counters. Names starting ``group:ID:`` belong to that group."""
    audit: AuditEntry | None = None
    """What the audit says of it; ``None`` for what the change itself shows."""
