"""Transitions of a session itself: create, patch, touch, extend, end, expire, delete, fork."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from nexus.errors import InvalidInput
from nexus.lifecycle import table
from nexus.lifecycle.building import (
    advance,
    change,
    check_state_size,
    later,
    run_events,
    stopped_run,
    touched,
    with_channel,
)
from nexus.lifecycle.counting import deltas
from nexus.lifecycle.moment import Moment, Rules
from nexus.lifecycle.outcomes import settled
from nexus.model import (
    FINAL,
    RUNNING,
    Checkpoint,
    Event,
    JournalEntry,
    Run,
    RunStatus,
    Session,
    Status,
    checkpoint_id,
    jsonvalue,
)
from nexus.model.change import Change, Claim, Snapshot
from nexus.model.session import FIELDS

ENDINGS = {"completed": Status.COMPLETED, "cancelled": Status.CANCELLED}
_STATE_KEYS = frozenset({"step"})
"""Session fields that a patch may nevertheless set, as keys of the state: the reference text does."""


def create(
    moment: Moment,
    rules: Rules,
    *,
    session_id: str,
    channel: str,
    owner: str,
    metadata: dict[str, Any] | None = None,
    state_json: bytes | None = None,
    parent: Session | None = None,
    group_id: str | None = None,
    user_id: str | None = None,
    timeout: float | None = None,
    claims: tuple[Claim, ...] = (),
) -> Change:
    """A new session; a parent's metadata, state, group, user and timeout show through what is not given.

    Args:
        timeout: Seconds; 0 for never; ``None`` for the parent's or the rules' own.

    Raises:
        SessionExpired, InvalidTransition: The parent is over.
    """
    if parent is not None:
        table.usable(parent, moment, "a parent of new sessions")
    seconds = timeout if timeout is not None else parent.timeout if parent is not None else rules.timeout
    seconds = seconds or None
    max_age = rules.max_age or None
    session = Session(
        id=session_id,
        status=Status.ACTIVE,
        channel=channel,
        channels=(channel,),
        owner=owner,
        created_at=moment.now,
        last_activity=moment.now,
        user_id=user_id if user_id is not None else parent.user_id if parent is not None else None,
        metadata=_inherited(parent.metadata if parent is not None else {}, metadata),
        parent_id=parent.id if parent is not None else None,
        group_id=group_id if group_id is not None else parent.group_id if parent is not None else None,
        timeout=seconds,
        max_age=max_age,
        idle_deadline=later(moment.now, seconds),
        age_deadline=later(moment.now, max_age),
        state_json=_inherited_state(parent, state_json),
    )
    check_state_size(session.id, session.state_json, rules)
    started = replace(moment, channel=channel)
    event = started.event("session.created", session, parent_id=session.parent_id)
    return Change(
        session_id=session_id, expected=None, after=Snapshot(session), events=(event,), claims=claims,
        counters=deltas(None, session, moment.now),
    )  # fmt: skip


def _inherited(parent: dict[str, Any], own: dict[str, Any] | None) -> dict[str, Any]:
    return {**parent, **(own or {})}


def _inherited_state(parent: Session | None, own: bytes | None) -> bytes:
    if parent is None or parent.state_json == b"{}":
        return own or b"{}"
    return parent.state_json if own is None else jsonvalue.encode({**parent.state, **jsonvalue.trusted(own)}, "state")


def check_patch(patch: Mapping[str, Any]) -> None:
    """Refuse a patch of session fields, which have verbs of their own.

    Raises:
        InvalidInput: It is no JSON object, or names a session field other than ``last_activity``.
    """
    if not isinstance(patch, Mapping):
        raise InvalidInput(f"patch must be a JSON object, not {type(patch).__name__}", field="patch")
    for key in patch:
        if key in FIELDS and key not in _STATE_KEYS and key != "last_activity":
            raise InvalidInput(
                f"patch sets {key!r}, which is a field of the session and not part of its state:"
                " use end, extend, resume and the like, or another key",
                field=key,
            )
    jsonvalue.check(dict(patch), "patch")


def patch(before: Snapshot, moment: Moment, rules: Rules, document: Mapping[str, Any]) -> Change:
    """Apply a merge patch to the state; ``last_activity`` in it only touches the session.

    Raises:
        SessionExpired, InvalidTransition, PayloadTooLarge: As they say.
    """
    session = before.session
    table.usable(session, moment, "patched")
    changes = {key: value for key, value in document.items() if key != "last_activity"}
    state_json = session.state_json
    if changes:
        state_json = jsonvalue.encode(jsonvalue.merge_patch(session.state, changes), "state")
    after = advance(session, state_json=state_json, **touched(session, moment))
    check_state_size(after.id, after.state_json, rules)
    return change(before, after, before.run, moment, moment.event("session.updated", after, keys=sorted(changes)))


def sync(before: Snapshot, moment: Moment, channel: str) -> Change:
    """Note the use from another channel."""
    session = before.session
    table.usable(session, moment, "synced")
    fields = touched(session, moment)
    fields["channels"] = with_channel(session.channels, channel)
    after = advance(session, **fields)
    return change(before, after, before.run, moment, moment.event("session.synced", after, target_channel=channel))


def extend(before: Snapshot, moment: Moment, seconds: float) -> Change:
    """Move ``expires_at`` by ``seconds``, past max age if need be.

    Raises:
        SessionExpired, InvalidTransition: It is over.
    """
    session = before.session
    table.usable(session, moment, "extended")
    at, idle, age = session.expires_at, session.idle_deadline, session.age_deadline
    if session.live and session.status is not Status.ACTIVE:
        fields = {"idle_deadline": later(idle, seconds), "age_deadline": later(age, seconds)}
    else:
        moved = later(at, seconds)
        fields = {
            "idle_deadline": None if idle is None else moved,
            "age_deadline": None if age is None or moved is None else max(age, moved),
        }
    fields["last_activity"] = max(session.last_activity, moment.now)
    after = advance(session, channels=with_channel(session.channels, moment.channel), **fields)
    return change(
        before,
        after,
        before.run,
        moment,
        moment.event("session.extended", after, seconds=seconds, before={"idle_deadline": idle, "age_deadline": age}),
    )


def end(before: Snapshot, moment: Moment, status: Status, reason: str | None) -> Change | None:
    """End it, and its live run with it; ``None`` if it is over already."""
    session = before.session
    if session.status in FINAL:
        return None
    if session.is_due(moment.now):
        return expire(before, moment)
    after = advance(
        session, status=status, ended_at=max(moment.now, session.created_at),
        last_activity=max(session.last_activity, moment.now), channels=with_channel(session.channels, moment.channel),
    )  # fmt: skip
    ended = moment.event(
        "session.ended", after, duration=after.duration, status=status.value, reason=reason, workflow=after.workflow,
        before={"status": session.status.value},
    )  # fmt: skip
    events = (*run_events(before, after, moment), ended)
    stopped = stopped_run(before.run, moment, session)
    return change(before, after, stopped, moment, *events, claims=_outcome(session, after, stopped))


def expire(before: Snapshot, moment: Moment) -> Change | None:
    """Mark it expired, as of its deadline; ``None`` if it isn't due."""
    session = before.session
    if not session.is_due(moment.now):
        return None
    at = session.expires_at or moment.now
    after = advance(
        session, status=Status.EXPIRED, ended_at=max(at, session.created_at), idle_deadline=at,
        age_deadline=session.age_deadline,
    )  # fmt: skip
    expired = moment.event("session.expired", after, duration=after.duration, workflow=after.workflow)
    events = (*run_events(before, after, moment), expired)
    stopped = stopped_run(before.run, moment, session)
    return change(before, after, stopped, moment, *events, claims=_outcome(session, after, stopped))


def _outcome(session: Session, after: Session, stopped: Run | None) -> tuple[Claim, ...]:
    return settled(after, stopped) if session.status in RUNNING else ()


def delete(before: Snapshot, moment: Moment) -> Change:
    """Remove a final session with all that belongs to it; its id may be used anew."""
    session = before.session
    if session.status not in FINAL:
        table.refuse(session, "deleted", "end it first")
    gone = moment.event("session.deleted", session, status=session.status.value)
    return Change(
        session_id=session.id, expected=session.version, after=None, events=(gone,),
        counters=deltas(session, None, moment.now),
    )  # fmt: skip


def fork(
    source: Snapshot,
    moment: Moment,
    *,
    session_id: str,
    run_id: str,
    owner: str,
    checkpoint: Checkpoint | None,
    journal: tuple[JournalEntry, ...],
) -> Change:
    """A new session with the state of ``checkpoint`` (or the current one), ready to be resumed.

    It is active; where the source's run had not ended by then, ``resume`` goes on from there. The source's record stays
    as it is, and the checkpoint is kept for as long as the source.

    Args:
        journal: The source run's recorded results up to there; they come along.
    """
    old = source.session
    state_json = checkpoint.state_json if checkpoint is not None else None
    max_age = old.max_age
    session = Session(
        id=session_id, status=Status.ACTIVE, channel=moment.channel, channels=(moment.channel,), owner=owner,
        created_at=moment.now, last_activity=moment.now, user_id=old.user_id, metadata=old.metadata,
        timeout=old.timeout, max_age=max_age, idle_deadline=later(moment.now, old.timeout),
        age_deadline=later(moment.now, max_age), state_json=state_json if state_json is not None else old.state_json,
        workflow=checkpoint.workflow if checkpoint is not None else old.workflow,
        step=checkpoint.step if checkpoint is not None else old.step,
        forked_from=(old.id, checkpoint.number if checkpoint is not None else old.at_checkpoint),
    )  # fmt: skip
    run = _forked_run(source, moment, session_id, run_id, checkpoint)
    saved: tuple[Checkpoint, ...] = ()
    if run is not None:
        session = replace(session, run_id=run_id, checkpoints=1, at_checkpoint=1)
        first = Checkpoint(
            session_id=session_id, number=1, step=session.step, workflow=run.workflow, run_id=run_id,
            created_at=moment.now, loops=run.loops, inputs_json=run.inputs_json, state_json=session.state_json,
        )  # fmt: skip
        saved = (first,)
    pinned = (replace(checkpoint, pinned=True),) if checkpoint is not None else ()
    events = _fork_events(moment, session, old, checkpoint)
    copied = tuple(replace(entry, run_id=run_id, after_checkpoint=0) for entry in journal) if run is not None else ()
    return Change(
        session_id=session_id, expected=None, after=Snapshot(session, run), events=events,
        checkpoints=saved + pinned, journal=copied, counters=deltas(None, session, moment.now),
    )  # fmt: skip


def _forked_run(
    source: Snapshot, moment: Moment, session_id: str, run_id: str, checkpoint: Checkpoint | None
) -> Run | None:
    old = source.run
    if checkpoint is None and old is None:
        return None
    workflow = checkpoint.workflow if checkpoint is not None else old.workflow if old is not None else None
    if workflow is None:
        return None
    done = checkpoint is None and old is not None and old.status is RunStatus.COMPLETED
    loops = checkpoint.loops if checkpoint is not None else old.loops if old is not None else ()
    inputs = checkpoint.inputs_json if checkpoint is not None else old.inputs_json if old is not None else b"{}"
    return Run(
        id=run_id, session_id=session_id, workflow=workflow, started_at=moment.now, channel=moment.channel,
        actor=moment.actor, inputs_json=inputs, loops=loops,
        saved_step=checkpoint.step if checkpoint is not None else source.session.step,
        status=RunStatus.COMPLETED if done else RunStatus.SUSPENDED,
        outputs_json=old.outputs_json if done and old is not None else None,
        checkpoint_interval=old.checkpoint_interval if old is not None else 1,
    )  # fmt: skip


def _fork_events(moment: Moment, session: Session, source: Session, checkpoint: Checkpoint | None) -> tuple[Event, ...]:
    origin = checkpoint_id(checkpoint.number) if checkpoint is not None else None
    created = moment.event("session.created", session, forked_from=source.id, checkpoint_id=origin)
    forked = moment.event("session.forked", session, source=source.id, checkpoint_id=origin)
    return created, forked


def check_ending(status: str) -> Status:
    """The final status of that name.

    Raises:
        InvalidInput: Only ``completed`` and ``cancelled`` can be asked for.
    """
    if status not in ENDINGS:
        raise InvalidInput(f"status {status!r} is no ending: use completed or cancelled", field="status", value=status)
    return ENDINGS[status]
