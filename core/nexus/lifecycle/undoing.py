"""Undoing the last change of a session, where it was an operator's ``end`` or ``extend``.

Only the very last commit can be undone, so nothing that happened since is ever lost. What the session was
before stands in that commit's event.
"""

from __future__ import annotations

from typing import Any, NoReturn

from msgspec.structs import replace

from nexus.errors import InvalidTransition
from nexus.lifecycle.building import change
from nexus.lifecycle.moment import Moment
from nexus.lifecycle.outcomes import reclaimed
from nexus.lifecycle.resuming import Resumption, resume
from nexus.model import RUNNING, Event, Session, Status
from nexus.model.change import UNOWNED, Change, Snapshot

UNDOABLE = frozenset({"session.ended", "session.extended"})


def undo(before: Snapshot, moment: Moment, last: Event | None) -> Change:
    """Put a session back to what it was before its last change.

    A run that the ending stopped goes on from its last commit; whoever is free takes it.

    Args:
        before: The session now.
        moment: Who undoes, and when.
        last: The session's newest event.

    Raises:
        InvalidTransition: The last change was another, or what it was before is over by now.
    """
    session = before.session
    if last is None or last.version != session.version:
        _refuse(session, "its last change left no event")
    if last.type not in UNDOABLE or "before" not in last.data:
        _refuse(session, f"its last change was {last.type}, and only an end or an extension can be undone")
    return _unended(before, moment, last) if last.type == "session.ended" else _unextended(before, moment, last)


def _unextended(before: Snapshot, moment: Moment, last: Event) -> Change:
    session, was = before.session, last.data["before"]
    after = replace(
        session, version=session.version + 1, idle_deadline=was["idle_deadline"], age_deadline=was["age_deadline"],
        last_activity=max(session.last_activity, moment.now),
    )  # fmt: skip
    _not_over(session, after, moment)
    return change(before, after, before.run, moment, moment.event("session.unextended", after))


def _unended(before: Snapshot, moment: Moment, last: Event) -> Change:
    session, was = before.session, Status(last.data["before"]["status"])
    if was in RUNNING:
        return _going_on(before, moment, was)
    after = replace(
        session, version=session.version + 1, status=was, ended_at=None,
        last_activity=max(session.last_activity, moment.now),
    )  # fmt: skip
    _not_over(session, after, moment)
    return change(before, after, before.run, moment, moment.event("session.reopened", after, status=was.value))


def _going_on(before: Snapshot, moment: Moment, was: Status) -> Change:
    """The run was stopped in the middle: it goes on as if it had been resumed."""
    stopped = Snapshot(replace(before.session, status=Status.CANCELLED), before.run)
    resumed = resume(stopped, moment, Resumption(worker=UNOWNED))
    assert resumed.after is not None  # noqa: S101 - a resume replaces the record
    after = resumed.after.session
    reopened = moment.event("session.reopened", after, status=was.value)
    kept: dict[str, Any] = {"drop_journal": resumed.drop_journal, "claims": reclaimed(before.session, before.run)}
    run = resumed.after.run
    if run is not None and before.run is not None:
        run = replace(run, idempotency_key=before.run.idempotency_key)
    return change(before, after, run, moment, reopened, *resumed.events, **kept)


def _not_over(session: Session, after: Session, moment: Moment) -> None:
    if after.is_due(moment.now):
        _refuse(session, "it would be expired by now: extend or resume it instead")


def _refuse(session: Session, why: str) -> NoReturn:
    raise InvalidTransition(
        f"session {session.id} can't be put back: {why}",
        session_id=session.id, **{"from": session.status.value, "to": "undone"},
    )  # fmt: skip
