"""Records and changes in one line each, for tests that speak to a store directly.

They know no rule of a session's life: a test says what it wants stored, and gets the ``Change``
that stores it. Times are seconds since the epoch and default to ``NOW``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from nexus.model import Checkpoint, Event, Group, JournalEntry, Run, RunStatus, Session, Status, Worker
from nexus.stores.base import Change, Claim, Message, Snapshot

NOW = 1_800_000_000.0
"""When everything happens unless a test says otherwise."""


def a_session(session_id: str, *, state: Mapping[str, Any] | None = None, **fields: Any) -> Session:
    """A session of version 1, active, made by ``local:tester`` over the API.

    Args:
        session_id: Its id.
        state: Its state, encoded here.
        **fields: Any other field of ``Session``. ``last_activity`` defaults to ``created_at``, and
            ``channels`` to the one channel.
    """
    chosen: dict[str, Any] = {"status": Status.ACTIVE, "channel": "api", "owner": "local:tester", "created_at": NOW}
    chosen |= fields
    chosen = {"channels": (chosen["channel"],), "last_activity": chosen["created_at"]} | chosen
    if state is not None:
        chosen["state_json"] = msgspec.json.encode(state)
    return Session(id=session_id, **chosen)


def a_run(session_id: str, run_id: str = "run-1", **fields: Any) -> Run:
    """A run in progress of the workflow ``work``."""
    chosen: dict[str, Any] = {
        "workflow": "work",
        "status": RunStatus.IN_PROGRESS,
        "started_at": NOW,
        "channel": "api",
        "actor": "local:tester",
    }
    return Run(id=run_id, session_id=session_id, **(chosen | fields))


def an_event(kind: str = "session.updated", session_id: str | None = None, **fields: Any) -> Event:
    """An event as the lifecycle drafts it, without a number."""
    chosen: dict[str, Any] = {"ts": NOW}
    return Event(type=kind, session_id=session_id, **(chosen | fields))


def a_checkpoint(session_id: str, number: int, *, state: Mapping[str, Any] | None = None, **fields: Any) -> Checkpoint:
    """Checkpoint ``number`` of a session, at that step, with a state."""
    chosen: dict[str, Any] = {"step": number, "workflow": "work", "run_id": "run-1", "created_at": NOW}
    state_json = msgspec.json.encode({"n": number} if state is None else state)
    return Checkpoint(session_id=session_id, number=number, state_json=state_json, **(chosen | fields))


def a_message(message_id: str, **fields: Any) -> Message:
    """A signal in an inbox."""
    chosen: dict[str, Any] = {"kind": "signal", "name": "go", "sent_at": NOW}
    return Message(id=message_id, **(chosen | fields))


def an_entry(key: str, run_id: str = "run-1", value: bytes = b"1") -> JournalEntry:
    """A journal entry."""
    return JournalEntry(run_id=run_id, key=key, after_checkpoint=0, value=value)


def a_group(group_id: str, **fields: Any) -> Group:
    """An open group of version 1."""
    chosen: dict[str, Any] = {"created_at": NOW, "owner": "local:tester"}
    return Group(id=group_id, **(chosen | fields))


def a_worker(worker_id: str, **fields: Any) -> Worker:
    """A worker process."""
    chosen: dict[str, Any] = {"host": "here", "boot_id": "boot-1", "pid": 1, "pid_start": "1", "started_at": NOW}
    return Worker(id=worker_id, **(chosen | fields))


def creating(session: Session, run: Run | None = None, **parts: Any) -> Change:
    """The change that stores a new session, with a ``session.created`` event.

    Args:
        session: The record.
        run: Its run.
        **parts: Any other part of ``Change``; ``events`` replaces the event.
    """
    event = an_event("session.created", session.id, group_id=session.group_id, version=session.version)
    chosen: dict[str, Any] = {"events": (event,)}
    return Change(session_id=session.id, after=Snapshot(session, run), **(chosen | parts))


def updating(
    before: Session, run: Run | None = None, *, parts: Mapping[str, Any] | None = None, **fields: Any
) -> Change:
    """The change that stores the next version of a session, with a ``session.updated`` event.

    Args:
        before: The record it was decided on.
        run: Its run from now on.
        parts: Other parts of ``Change``; ``events`` replaces the event.
        **fields: Fields of ``Session`` to set; ``state`` is encoded.
    """
    if "state" in fields:
        fields["state_json"] = msgspec.json.encode(fields.pop("state"))
    after = msgspec.structs.replace(before, **({"version": before.version + 1} | fields))
    event = an_event("session.updated", after.id, group_id=after.group_id, version=after.version)
    chosen: dict[str, Any] = {"events": (event,)} | dict(parts or {})
    return Change(session_id=after.id, expected=before.version, after=Snapshot(after, run), **chosen)


def deleting(before: Session, **parts: Any) -> Change:
    """The change that deletes a session, with a ``session.deleted`` event."""
    event = an_event("session.deleted", before.id, group_id=before.group_id, version=before.version)
    chosen: dict[str, Any] = {"events": (event,)}
    return Change(session_id=before.id, expected=before.version, after=None, **(chosen | parts))


def creating_group(group: Group, **parts: Any) -> Change:
    """The change that stores a new group, with a ``group.created`` event."""
    chosen: dict[str, Any] = {"events": (an_event("group.created", group_id=group.id),)}
    return Change(group_id=group.id, group_after=group, **(chosen | parts))


def updating_group(before: Group, **fields: Any) -> Change:
    """The change that stores the next version of a group, without an event."""
    after = msgspec.structs.replace(before, **({"version": before.version + 1, "counts": {}} | fields))
    return Change(group_id=after.id, expected=before.version, group_after=after)


def claiming(key: str, value: str | None, expected: str | None = None) -> tuple[Claim, ...]:
    """One claim, as the part of a change that takes several."""
    return (Claim(key=key, value=value, expected=expected),)


def ids_of(sessions: Sequence[Session]) -> list[str]:
    """The ids of sessions, to compare lists by."""
    return [session.id for session in sessions]
