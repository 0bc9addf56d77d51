"""What events alone tell of a session: its record after each of them.

For logs that hold events and no records. What an event doesn't say stays unknown: states but for those of
checkpoints that are at hand, deadlines, metadata.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from nexus.model import FINAL, RUNNING, Event, Run, RunStatus, Session, Status, Wait

_STATUS: dict[str, Status] = {
    "run.started": Status.IN_PROGRESS,
    "run.woken": Status.IN_PROGRESS,
    "run.recovered": Status.IN_PROGRESS,
    "run.step": Status.IN_PROGRESS,
    "run.suspended": Status.SUSPENDED,
    "run.completed": Status.ACTIVE,
    "run.failed": Status.FAILED,
    "session.failed": Status.FAILED,
    "session.resumed": Status.IN_PROGRESS,
    "session.expired": Status.EXPIRED,
}
_RUN_STATUS: dict[str, RunStatus] = {
    "run.started": RunStatus.IN_PROGRESS,
    "run.queued": RunStatus.IN_PROGRESS,
    "run.woken": RunStatus.IN_PROGRESS,
    "run.recovered": RunStatus.IN_PROGRESS,
    "run.suspended": RunStatus.SUSPENDED,
    "run.completed": RunStatus.COMPLETED,
    "run.failed": RunStatus.FAILED,
    "run.cancelled": RunStatus.CANCELLED,
}


def fold_session(event: Event, before: Session | None) -> Session | None:
    """The session after an event; ``None`` once it was deleted, and for events of no session.

    Args:
        event: What happened to it.
        before: It before that; ``None`` for one that is not known yet.
    """
    if event.session_id is None or event.type == "session.deleted":
        return None
    known = before or _first(event)
    fields: dict[str, Any] = {
        "last_activity": max(known.last_activity, event.ts),
        "version": event.version or known.version + (before is not None),
        "channels": _channels(known.channels, event),
        "group_id": event.group_id or known.group_id,
    }
    status = _status(event, known)
    if status is not None:
        fields |= {"status": status, "ended_at": event.ts if status in FINAL else None}
        fields["error"] = _text(event, "error") or known.error if status is Status.FAILED else None
    fields |= _progress(event, known)
    return replace(known, **fields)


def fold_run(event: Event, before: Run | None) -> Run | None:
    """The session's run after an event.

    Args:
        event: What happened.
        before: The run before that, if one is known.
    """
    status = _RUN_STATUS.get(event.type)
    if status is None or event.session_id is None:
        return before
    run_id = _text(event, "run_id") or (before.id if before is not None else "run")
    if before is None or (run_id != before.id and event.type in ("run.started", "run.queued")):
        before = Run(
            id=run_id, session_id=event.session_id, workflow=_text(event, "workflow") or "?", status=status,
            started_at=event.ts, channel=event.channel or "", actor=event.actor or "",
        )  # fmt: skip
    over = status not in (RunStatus.IN_PROGRESS, RunStatus.SUSPENDED)
    waits = Wait(signal=_text(event, "signal") or "?", since=event.ts) if status is RunStatus.SUSPENDED else None
    error = _text(event, "error") if status is RunStatus.FAILED else None
    return replace(before, status=status, ended_at=event.ts if over else None, wait=waits, error=error)


def _first(event: Event) -> Session:
    channel = event.channel or "?"
    return Session(
        id=event.session_id or "", status=Status.ACTIVE, channel=channel, channels=(channel,), owner=event.actor or "?",
        created_at=event.ts, last_activity=event.ts, group_id=event.group_id, version=event.version or 1,
        parent_id=_text(event, "parent_id") if event.type == "session.created" else None,
    )  # fmt: skip


def _status(event: Event, before: Session) -> Status | None:
    if event.type == "session.ended":
        return Status.CANCELLED if event.data.get("status") == "cancelled" else Status.COMPLETED
    status = _STATUS.get(event.type)
    # A last step may be told together with the end of its run.
    if event.type == "run.step" and before.status not in (Status.ACTIVE, *RUNNING):
        return None
    return status


def _progress(event: Event, before: Session) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    step = event.data.get("step")
    if isinstance(step, int) and not isinstance(step, bool):
        fields["step"] = step
    if event.type in ("run.started", "run.queued") and before.status not in RUNNING:
        fields |= {
            "workflow": _text(event, "workflow") or before.workflow,
            "run_id": _text(event, "run_id"),
            "ran": True,
        }
    number = checkpoint_in(event)
    if event.type == "checkpoint.saved" and number:
        fields |= {"checkpoints": max(before.checkpoints, number), "at_checkpoint": number}
    elif event.type == "session.resumed" and number and number < before.checkpoints:
        fields |= {"at_checkpoint": number, "rewinds": (*before.rewinds, (number, before.checkpoints))}
    return fields


def checkpoint_in(event: Event) -> int:
    """The number of the checkpoint that an event names; 0 for none."""
    tail = str(event.data.get("checkpoint_id", "")).removeprefix("checkpoint-")
    return int(tail) if tail.isascii() and tail.isdigit() and len(tail) < 10 else 0


def _channels(channels: tuple[str, ...], event: Event) -> tuple[str, ...]:
    used = _text(event, "target_channel") if event.type == "session.synced" else event.channel
    return channels if not used or used in channels else (*channels, used)


def _text(event: Event, key: str) -> str | None:
    value = event.data.get(key)
    return value if isinstance(value, str) else None
