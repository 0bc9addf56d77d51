"""A session's record after each of its events, exactly as the rules of its life made it.

What never changes is taken from the record of today; all that does change but state is worked out from the events.
Whoever unrolls all events can compare the last record with today's: where they differ, the events don't tell all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from nexus.lifecycle.building import later, with_channel
from nexus.model import RUNNING, Checkpoint, Event, Session, Status

_TOLD = (
    "status", "channels", "workflow", "run_id", "step", "last_checkpoint", "error", "version", "last_activity",
    "expires_at", "ended_at", "rewinds",
)  # fmt: skip

Fields = dict[str, Any]


def unroll(events: Iterable[Event], today: Session, first: Checkpoint | None = None) -> list[Session | None]:
    """The record after each event; ``None`` before it was created and after it was deleted.

    Args:
        events: All of the session's, ascending.
        today: Its record now, for what never changes.
        first: The checkpoint that a fork began with.
    """
    records: list[Session | None] = []
    session: Session | None = None
    extended: Event | None = None
    for event in events:
        if event.type == "session.created":
            session = _born(event, today, first)
        elif event.type == "session.deleted":
            session = None
        elif session is not None:
            fields = _change(event, session, extended)
            session = replace(session, **{"version": event.version or session.version, **fields})
        if event.type == "session.extended":
            extended = event
        records.append(session)
    return records


def agree(worked_out: Session | None, read: Session, now: float) -> bool:
    """Whether a record that was worked out says what the one that was read says.

    Args:
        worked_out: After all events.
        read: As a service gives it: expired from its deadline on, whether or not a commit has said so yet.
        now: Seconds since the epoch.
    """
    if worked_out is None:
        return False
    marked = read.status is Status.EXPIRED and worked_out.is_due(now)
    names = [name for name in _TOLD if not marked or name not in ("status", "expires_at", "ended_at")]
    # A server doesn't tell which checkpoints were left behind.
    names = names if read.rewinds else [name for name in names if name != "rewinds"]
    return all(getattr(worked_out, name) == getattr(read, name) for name in names)


def as_read(session: Session, at: float) -> Session:
    """A record as a service gives it at a time: expired from its deadline on, whether or not a commit has said so.

    Args:
        session: The record.
        at: Seconds since the epoch.
    """
    due = session.expires_at
    if not session.is_due(at) or due is None:
        return session
    ended = max(due, session.created_at)
    return replace(session, status=Status.EXPIRED, ended_at=ended, idle_deadline=due)


def _born(event: Event, today: Session, first: Checkpoint | None) -> Session:
    begun = first if "forked_from" in event.data else None
    made = 1 if begun is not None else 0
    return Session(
        id=today.id, status=Status.ACTIVE, channel=today.channel, channels=(today.channel,), owner=today.owner,
        created_at=event.ts, last_activity=event.ts, version=event.version or 1, user_id=today.user_id,
        metadata=today.metadata, parent_id=today.parent_id, group_id=event.group_id, timeout=today.timeout,
        max_age=today.max_age, idle_deadline=later(event.ts, today.timeout),
        age_deadline=later(event.ts, today.max_age), forked_from=today.forked_from, checkpoints=made,
        at_checkpoint=made, workflow=begun.workflow if begun is not None else None,
        run_id=begun.run_id if begun is not None else None, step=begun.step if begun is not None else 0,
    )  # fmt: skip


def _change(event: Event, session: Session, extended: Event | None) -> Fields:
    rule = _RULES.get(event.type)
    if event.type == "session.unextended" and extended is not None:
        return {**dict(extended.data.get("before", {})), **_active(event, session)}
    return rule(event, session) if rule is not None else {}


def _active(event: Event, session: Session) -> Fields:
    return {"last_activity": max(session.last_activity, event.ts)}


def _renewed(event: Event, session: Session) -> float | None:
    renewed = later(event.ts, session.timeout)
    return renewed if renewed is None or session.idle_deadline is None else max(renewed, session.idle_deadline)


def _touched(event: Event, session: Session) -> Fields:
    channels = with_channel(session.channels, event.channel or "")
    return {**_active(event, session), "idle_deadline": _renewed(event, session), "channels": channels}


def _synced(event: Event, session: Session) -> Fields:
    channels = with_channel(session.channels, str(event.data.get("target_channel") or ""))
    return {**_touched(event, session), "channels": channels}


def _extended(event: Event, session: Session) -> Fields:
    seconds, idle, age = event.data["seconds"], session.idle_deadline, session.age_deadline
    if session.live and session.status is not Status.ACTIVE:
        moved = {"idle_deadline": later(idle, seconds), "age_deadline": later(age, seconds)}
    else:
        to = later(session.expires_at, seconds)
        moved = {
            "idle_deadline": None if idle is None else to,
            "age_deadline": None if age is None or to is None else max(age, to),
        }
    return {**moved, **_active(event, session), "channels": with_channel(session.channels, event.channel or "")}


def _ended(event: Event, session: Session) -> Fields:
    return {
        "status": Status(event.data["status"]), "ended_at": max(event.ts, session.created_at),
        **_active(event, session), "channels": with_channel(session.channels, event.channel or ""),
    }  # fmt: skip


def _expired(event: Event, session: Session) -> Fields:
    at = session.expires_at or event.ts
    return {"status": Status.EXPIRED, "ended_at": max(at, session.created_at), "idle_deadline": at}


def _reopened(event: Event, session: Session) -> Fields:
    was = Status(event.data["status"])
    if was in RUNNING:  # The events of its resumption follow in the same commit.
        return {"version": session.version}
    return {"status": was, "ended_at": None, **_active(event, session)}


def _resumed(event: Event, session: Session) -> Fields:
    if session.is_due(event.ts):
        session = replace(session, **_expired(event, session))
    fields = {**_touched(event, session), "ended_at": None, "error": None}
    if session.age_deadline is not None and session.age_deadline <= event.ts:
        fields["age_deadline"] = later(event.ts, session.max_age)
    fields["status"] = Status.IN_PROGRESS if "run_id" in event.data else Status.ACTIVE
    fields["run_id"] = event.data.get("run_id", session.run_id)
    number = _number(event)
    if number:
        left = ((number, session.checkpoints),) if number < session.checkpoints else ()
        rewinds = tuple((k, n) for k, n in session.rewinds if k < number) + left
        fields |= {"step": event.data.get("step", 0), "at_checkpoint": number, "rewinds": rewinds}
    return fields


def _started(event: Event, session: Session) -> Fields:
    if event.version == session.version and session.status is Status.IN_PROGRESS:  # Of a resumption.
        return {"workflow": event.data.get("workflow"), "run_id": event.data.get("run_id")}
    if "worker" in event.data:
        return _taken(event, session)
    if session.status in RUNNING:  # It waits for its turn.
        return _touched(event, session)
    return {
        "status": Status.IN_PROGRESS, "workflow": event.data.get("workflow"), "run_id": event.data.get("run_id"),
        "step": 0, "error": None, **_touched(event, session),
    }  # fmt: skip


def _taken(event: Event, session: Session) -> Fields:
    return {"status": Status.IN_PROGRESS, **_active(event, session)} if "worker" in event.data else {}


def _stepped(event: Event, session: Session) -> Fields:
    return {"step": event.data["step"], **_active(event, session)}


def _saved(event: Event, session: Session) -> Fields:
    number = _number(event)
    return {"checkpoints": number, "at_checkpoint": number, "step": event.data.get("step", session.step)}


def _suspended(event: Event, session: Session) -> Fields:
    return {"status": Status.SUSPENDED, **_active(event, session)}


def _completed(event: Event, session: Session) -> Fields:
    return {
        "status": Status.ACTIVE, "step": event.data.get("step", session.step), "error": None, "ran": True,
        "idle_deadline": _renewed(event, session), **_active(event, session),
    }  # fmt: skip


def _failed(event: Event, session: Session) -> Fields:
    error = event.data.get("error")
    # Its processes died: that is no use of the session.
    used = {} if str(error).startswith("poisoned: ") else _active(event, session)
    return {
        "status": Status.FAILED, "error": error, "ran": True, "step": event.data.get("step", session.step),
        "idle_deadline": later(event.ts, session.timeout), **used,
    }  # fmt: skip


def _number(event: Event) -> int:
    tail = str(event.data.get("checkpoint_id", "")).removeprefix("checkpoint-")
    return int(tail) if tail.isascii() and tail.isdigit() else 0


_RULES: dict[str, Callable[[Event, Session], Fields]] = {
    "session.updated": _touched,
    "session.signalled": _touched,
    "session.synced": _synced,
    "session.extended": _extended,
    "session.ended": _ended,
    "session.expired": _expired,
    "session.reopened": _reopened,
    "session.resumed": _resumed,
    "run.queued": _started,
    "run.started": _started,
    "run.woken": _taken,
    "run.recovered": _taken,
    "run.step": _stepped,
    "run.call": _active,
    "run.received": _active,
    "run.progress": _active,
    "run.suspended": _suspended,
    "run.completed": _completed,
    "run.failed": _failed,
    "checkpoint.saved": _saved,
}
