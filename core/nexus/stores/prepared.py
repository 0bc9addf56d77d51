"""A change with its records encoded: all that can go wrong before a store is touched.

Encoding happens on the caller's side, at the time of the call, so that a document which a caller
changes later is stored as it was, and so that applying a change can't fail half-way.
"""

from __future__ import annotations

import msgspec

from nexus.model import Session
from nexus.stores import accounts, codec
from nexus.stores.base import Change, Snapshot


class PreparedRecord(msgspec.Struct, frozen=True):
    """A session's new record in bytes."""

    session: Session
    due_at: float | None
    worker: str | None
    document: bytes
    state: bytes
    run: bytes | None


class PreparedCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint in bytes. ``state`` is ``None`` where what is stored already stays."""

    session_id: str
    number: int
    pinned: bool
    document: bytes
    state: bytes | None


class PreparedChange(msgspec.Struct, frozen=True):
    """A change, and its parts in bytes, in the same order."""

    change: Change
    record: PreparedRecord | None
    group: bytes | None
    events: tuple[bytes, ...]
    checkpoints: tuple[PreparedCheckpoint, ...]
    journal: tuple[bytes, ...]
    put: tuple[bytes, ...]
    audit: bytes | None
    """Its audit entry; ``None`` where it changes neither a session nor a group."""


def prepare(change: Change) -> PreparedChange:
    """Encode a change.

    Raises:
        ValueError: It contradicts itself. That is a mistake in the program, never in what a user gave.
    """
    _check(change)
    group = change.group_after
    entry = accounts.entry_of(change)
    return PreparedChange(
        change=change,
        record=None if change.after is None else _record(change.after),
        group=None if group is None else codec.encode_group(group),
        events=tuple([codec.encode_event(event) for event in change.events]),
        checkpoints=tuple(
            PreparedCheckpoint(
                checkpoint.session_id,
                checkpoint.number,
                checkpoint.pinned,
                codec.encode_checkpoint(checkpoint),
                checkpoint.state_json,
            )
            for checkpoint in change.checkpoints
        ),
        journal=tuple(map(codec.encode_journal, change.journal)),
        put=tuple(map(codec.encode_message, change.put)),
        audit=None if entry is None else codec.encode_audit(entry),
    )


def _record(after: Snapshot) -> PreparedRecord:
    session, run = after.session, after.run
    return PreparedRecord(
        session=session,
        due_at=after.due_at,
        worker=None if run is None else run.worker,
        document=codec.encode_session(session),
        state=session.state_json,
        run=codec.encode_run(run),
    )


def _check(change: Change) -> None:
    if change.session_id is not None and change.group_id is not None:
        raise ValueError("a change is about a session or about a group, not both")
    if change.session_id is None and (change.after or change.put or change.take or change.journal):
        raise ValueError("a change without a session_id can't change a session")
    if change.group_id is None and change.group_after is not None:
        raise ValueError("a change without a group_id can't change a group")
    for name, after in ((change.session_id, change.after), (change.group_id, change.group_after)):
        if name is not None and after is None and change.expected is None:
            raise ValueError(f"a change deletes {name}, which must not exist: say which version is expected")
    if change.after is not None:
        _check_next(change, change.session_id, change.after.session.id, change.after.session.version)
    if change.group_after is not None:
        _check_next(change, change.group_id, change.group_after.id, change.group_after.version)


def _check_next(change: Change, named: str | None, record_id: str, version: int) -> None:
    if record_id != named:
        raise ValueError(f"a change of {named} carries the record of {record_id}")
    if change.expected is not None and version != change.expected + 1:
        raise ValueError(f"a change of {named} goes from version {change.expected} to {version}")
