"""How a transition is put together: the next version, its counters, its checkpoint."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from nexus.errors import InvalidTransition, PayloadTooLarge
from nexus.lifecycle.counting import deltas
from nexus.lifecycle.moment import Moment, Rules
from nexus.lifecycle.table import ALLOWED
from nexus.model import RUNNING, Checkpoint, Event, Run, RunStatus, Session
from nexus.model.change import Change, Snapshot


def later(at: float | None, seconds: float | None) -> float | None:
    """``at + seconds``, where either may be never."""
    return None if at is None or seconds is None else at + seconds


def touched(session: Session, moment: Moment) -> dict[str, Any]:
    """The fields that any use of a session moves: activity, the idle deadline, the channels.

    An idle deadline never moves back, so that what an operator granted with ``extend`` stays.
    """
    renewed = later(moment.now, session.timeout)
    if renewed is not None and session.idle_deadline is not None:
        renewed = max(renewed, session.idle_deadline)
    return {
        "last_activity": max(session.last_activity, moment.now),
        "idle_deadline": renewed,
        "channels": with_channel(session.channels, moment.channel),
    }


def check_state_size(session_id: str, state_json: bytes, rules: Rules) -> None:
    """Refuse a state that is over the limit.

    Raises:
        PayloadTooLarge: It is.
    """
    size = len(state_json)
    if size > rules.max_state_bytes:
        raise PayloadTooLarge(
            f"state of session {session_id} would be {size:,} bytes, over the limit of {rules.max_state_bytes:,}"
            " (max_state_bytes): keep large data outside and store a link",
            field="state", size=size, limit=rules.max_state_bytes, setting="max_state_bytes",
        )  # fmt: skip


def with_channel(channels: tuple[str, ...], channel: str) -> tuple[str, ...]:
    """``channels`` with ``channel`` at the end, if it is one and is new."""
    return channels if not channel or channel in channels else (*channels, channel)


def advance(session: Session, **fields: Any) -> Session:
    """The next version of a record.

    Raises:
        InvalidTransition: The table has no way from the old status to the new one.
    """
    after = replace(session, version=session.version + 1, **fields)
    if after.status is not session.status and after.status not in ALLOWED[session.status]:
        raise InvalidTransition(
            f"session {session.id} is {session.status.value}, which can't become {after.status.value}",
            session_id=session.id, **{"from": session.status.value, "to": after.status.value},
        )  # fmt: skip
    return after


def change(before: Snapshot, session: Session, run: Run | None, moment: Moment, *events: Event, **parts: Any) -> Change:
    """The commit that replaces ``before`` by the given record and run."""
    return Change(
        session_id=session.id,
        expected=before.session.version,
        after=Snapshot(session, run),
        events=events,
        counters=deltas(before.session, session, moment.now),
        **parts,
    )


def checkpointed(
    session: Session, run: Run, moment: Moment, rules: Rules
) -> tuple[Session, Run, Checkpoint, Event, tuple[int, ...]]:
    """Number a checkpoint of ``session`` as it is now.

    Returns:
        The record and run that know of it, the checkpoint, its event, and the numbers that are no longer kept.
    """
    number = session.checkpoints + 1
    oldest = max(session.oldest_checkpoint, number - rules.max_checkpoints + 1)
    after = replace(session, checkpoints=number, at_checkpoint=number, oldest_checkpoint=oldest)
    saved = Checkpoint(
        session_id=session.id, number=number, step=session.step, workflow=run.workflow, run_id=run.id,
        created_at=moment.now, loops=run.loops, inputs_json=run.inputs_json, state_json=session.state_json,
    )  # fmt: skip
    event = moment.event("checkpoint.saved", after, checkpoint_id=saved.id, step=session.step, run_id=run.id)
    dropped = tuple(range(session.oldest_checkpoint, oldest))
    return after, replace(run, saved_step=session.step), saved, event, dropped


def stopped_run(run: Run | None, moment: Moment, session: Session) -> Run | None:
    """The run as it is once its session has ended under it."""
    if run is None or session.status not in RUNNING:
        # Those who wait in the inbox wait in vain: nobody need look.
        return run if run is None or run.worker is None else replace(run, worker=None)
    return replace(run, status=RunStatus.CANCELLED, ended_at=moment.now, worker=None, wait=None)


def run_events(before: Snapshot, after: Session, moment: Moment) -> tuple[Event, ...]:
    """``run.cancelled``, if a run was live when its session ended."""
    if before.session.status in RUNNING:
        return (moment.event("run.cancelled", after, run_id=before.session.run_id),)
    return ()
