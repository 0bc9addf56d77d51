"""Transitions of a run: start, take, commit, record, suspend, finish, fail, release, resume, signal.

Every commit of a run names its epoch. Each acquisition raises the session's epoch, so that whoever lost a run to
another process (a zombie) is refused with ``Fenced`` and changes nothing.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from nexus.errors import Fenced, PayloadTooLarge
from nexus.lifecycle import table
from nexus.lifecycle.building import advance, change, checkpointed, later, touched
from nexus.lifecycle.merging import three_way
from nexus.lifecycle.moment import Moment, Rules
from nexus.lifecycle.outcomes import idempotency_claim, pending, settled
from nexus.model import (
    RUNNING,
    Checkpoint,
    JournalEntry,
    Progress,
    Run,
    RunStatus,
    Session,
    Status,
    Wait,
    jsonvalue,
)
from nexus.model.change import UNOWNED, Change, Claim, Message, Snapshot


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """What a run's executor holds: the right to commit for as long as the epoch is the session's."""

    session_id: str
    run_id: str
    epoch: int


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has done since its last commit.

    ``base_json`` is the state that it started from, so that patches by others in between are kept.
    """

    state_json: bytes
    base_json: bytes
    step: int
    loops: tuple[int, ...] = ()
    progress: Progress | None = None
    forget: tuple[str, ...] = ()
    """Journal keys of steps that are now behind it."""
    remember: tuple[str, ...] = ()
    """Journal keys of places that it has passed and that this state belongs to."""


class Resumption(msgspec.Struct, frozen=True, kw_only=True):
    """How to go on: from where, with which inputs, and which recorded results to forget."""

    worker: str
    checkpoint: Checkpoint | None = None
    inputs_json: bytes | None = None
    forget: tuple[tuple[str, str], ...] = ()


def lease_of(snapshot: Snapshot) -> Lease:
    """The lease that the newest acquisition gave."""
    session = snapshot.session
    return Lease(session_id=session.id, run_id=session.run_id or "", epoch=session.epoch)


def _held(before: Snapshot, lease: Lease) -> tuple[Session, Run]:
    session, run = before.session, before.run
    if run is None or run.id != lease.run_id or session.epoch != lease.epoch or run.status is not RunStatus.IN_PROGRESS:
        raise Fenced(
            f"run {lease.run_id} of session {lease.session_id} is no longer this process's:"
            f" the session is {session.status.value} at epoch {session.epoch}, the commit was of epoch {lease.epoch}",
            session_id=lease.session_id, run_id=lease.run_id, epoch=lease.epoch,
        )  # fmt: skip
    return session, run


def start(
    before: Snapshot,
    moment: Moment,
    *,
    run_id: str,
    workflow: str,
    inputs_json: bytes,
    worker: str,
    interval: int = 1,
    idempotency_key: str | None = None,
    take: tuple[str, ...] = (),
    followed: bool | None = None,
) -> Change:
    """Begin a run; with ``worker`` ``UNOWNED`` it waits for any process to take it.

    Args:
        take: The inbox message that asked for it; its idempotency key was claimed when it was left there.
        followed: Whether others wait in the inbox; as the last run says, if not given.

    Raises:
        SessionBusy: A run is live.
        SessionExpired, InvalidTransition: The session is over.
    """
    session = before.session
    table.idle(session, moment)
    after = advance(
        session, status=Status.IN_PROGRESS, workflow=workflow, run_id=run_id, step=0, error=None,
        epoch=session.epoch + 1, **touched(session, moment),
    )  # fmt: skip
    run = Run(
        id=run_id, session_id=session.id, workflow=workflow, status=RunStatus.IN_PROGRESS, started_at=moment.now,
        channel=moment.channel, actor=moment.actor, inputs_json=inputs_json, checkpoint_interval=interval,
        epoch=after.epoch, worker=worker, taken_at=None if worker == UNOWNED else moment.now,
        idempotency_key=idempotency_key,
        followed=followed if followed is not None else before.run is not None and before.run.followed,
    )  # fmt: skip
    kind = "run.queued" if worker == UNOWNED else "run.started"
    event = moment.event(kind, after, run_id=run_id, workflow=workflow)
    claims = () if take else _claimed(session, run_id, idempotency_key)
    return change(before, after, run, moment, event, claims=claims, take=take)


def _claimed(session: Session, run_id: str, key: str | None) -> tuple[Claim, ...]:
    return () if key is None else (Claim(key=idempotency_claim(session.id, key), value=pending(run_id)),)


def take(before: Snapshot, moment: Moment, rules: Rules, worker: str, *, dead: str | None = None) -> Change | None:
    """Acquire a run that nobody executes; ``None`` if somebody else was quicker.

    Args:
        worker: Who takes it.
        dead: The worker that died with it; ``None`` for a run that waits to be taken.

    Returns:
        A take-over, or, for a run that has brought down ``max_recoveries`` processes without getting on, its failure.
    """
    session, run = before.session, before.run
    if run is None or session.status not in RUNNING or run.worker != (UNOWNED if dead is None else dead):
        return None
    epoch = session.epoch + 1
    if dead is not None and run.recoveries + 1 >= rules.max_recoveries:
        poisoned = f"poisoned: {run.recoveries + 1} processes in a row died with it at step {session.step}"
        owned = Snapshot(session, replace(run, status=RunStatus.IN_PROGRESS))
        return _failed(before, owned, moment, rules, poisoned, session.state_json, epoch=epoch)
    woken = session.status is Status.SUSPENDED
    kind = "run.recovered" if dead is not None else "run.woken" if woken else "run.started"
    after = advance(
        session, status=Status.IN_PROGRESS, epoch=epoch, last_activity=max(session.last_activity, moment.now)
    )
    taken = replace(
        run, status=RunStatus.IN_PROGRESS, worker=worker, epoch=epoch, taken_at=moment.now,
        recoveries=run.recoveries + (dead is not None),
    )  # fmt: skip
    event = moment.event(kind, after, run_id=run.id, workflow=run.workflow, worker=worker, step=session.step)
    return change(before, after, taken, moment, event)


def release(before: Snapshot, moment: Moment, lease: Lease) -> Change:
    """Hand a run over to whoever takes it next, without counting a recovery; a stopping process does so."""
    session, run = _held(before, lease)
    after = advance(session)
    event = moment.event("run.released", after, run_id=run.id, step=session.step)
    return change(before, after, replace(run, worker=UNOWNED), moment, event)


def _merged(session: Session, work: Work, rules: Rules) -> bytes:
    state_json = work.state_json
    if session.state_json != work.base_json:
        mine, base = jsonvalue.trusted(work.state_json), jsonvalue.trusted(work.base_json)
        state_json = jsonvalue.encode(three_way(base, mine, session.state), "state")
    if len(state_json) > rules.max_state_bytes:
        raise PayloadTooLarge(
            f"state of session {session.id} would be {len(state_json):,} bytes, over the limit of"
            f" {rules.max_state_bytes:,}: keep large data outside and store a link",
            field="state", size=len(state_json), limit=rules.max_state_bytes,
        )  # fmt: skip
    return state_json


def _worked(session: Session, run: Run, moment: Moment, rules: Rules, work: Work) -> tuple[Session, Run]:
    on = {"last_activity": max(session.last_activity, moment.now)}
    moved = replace(session, state_json=_merged(session, work, rules), step=work.step, **on)
    progressed = work.step > session.step
    return moved, replace(
        run, loops=work.loops, progress=work.progress if work.progress is not None else run.progress,
        recoveries=0 if progressed else run.recoveries,
    )  # fmt: skip


def _forget(run: Run, work: Work) -> tuple[tuple[str, str], ...]:
    return tuple((run.id, key) for key in work.forget)


def _remember(session: Session, run: Run, work: Work) -> tuple[JournalEntry, ...]:
    made = session.checkpoints
    return tuple(JournalEntry(run_id=run.id, key=key, after_checkpoint=made, value=b"{}") for key in work.remember)


def commit(before: Snapshot, moment: Moment, rules: Rules, lease: Lease, work: Work) -> Change:
    """Commit completed steps: state, step and a checkpoint together.

    Raises:
        Fenced: The run is no longer the caller's.
        PayloadTooLarge: The state is over the limit.
    """
    session, run = _held(before, lease)
    moved, run = _worked(session, run, moment, rules, work)
    moved, run, saved, event, dropped = checkpointed(advance(moved), run, moment, rules)
    step = moment.event("run.step", moved, run_id=run.id, step=work.step, workflow=run.workflow)
    return change(
        before, moved, run, moment, step, event, checkpoints=(saved,), drop_checkpoints=dropped,
        drop_journal=_forget(run, work), journal=_remember(before.session, run, work),
    )  # fmt: skip


def report(before: Snapshot, moment: Moment, lease: Lease, progress: Progress) -> Change:
    """Say how far it is, without state or step."""
    session, run = _held(before, lease)
    after = advance(session, last_activity=max(session.last_activity, moment.now))
    event = moment.event(
        "run.progress", after, run_id=run.id, done=progress.done, total=progress.total, note=progress.note
    )
    return change(before, after, replace(run, progress=progress), moment, event)


def record(
    before: Snapshot, moment: Moment, lease: Lease, *, key: str, value: bytes, name: str, take: tuple[str, ...] = ()
) -> Change:
    """Journal the result of a call, or (with ``take``) of a signal received, so that it is not asked for again."""
    session, run = _held(before, lease)
    after = advance(session, last_activity=max(session.last_activity, moment.now))
    kind = "run.received" if take or (run.wait is not None and run.wait.key == key) else "run.call"
    entry = JournalEntry(run_id=run.id, key=key, after_checkpoint=session.checkpoints, value=value)
    waits = None if run.wait is not None and run.wait.key == key else run.wait
    event = moment.event(kind, after, run_id=run.id, name=name)
    return change(before, after, replace(run, wait=waits), moment, event, journal=(entry,), take=take)


def suspend(
    before: Snapshot, moment: Moment, rules: Rules, lease: Lease, work: Work, wait: Wait, *, ready: bool
) -> Change:
    """Wait for a signal: commit state and step with a checkpoint, and let the run go.

    Args:
        ready: The signal is in the inbox already: the run waits to be taken on at once.
    """
    session, run = _held(before, lease)
    moved, run = _worked(session, run, moment, rules, work)
    moved, run, saved, event, dropped = checkpointed(advance(moved, status=Status.SUSPENDED), run, moment, rules)
    run = replace(
        run, status=RunStatus.SUSPENDED, worker=UNOWNED if ready else None, wait=wait, taken_at=None, recoveries=0
    )
    fact = moment.event(
        "run.suspended", moved, run_id=run.id, signal=wait.signal, deadline=wait.deadline, workflow=run.workflow
    )
    return change(
        before, moved, run, moment, fact, event, checkpoints=(saved,), drop_checkpoints=dropped,
        drop_journal=_forget(run, work), journal=_remember(before.session, run, work),
    )  # fmt: skip


def _numbered(message: Message, session: Session) -> Message:
    """The message under an id that sorts by arrival, whatever the clocks of those who leave messages say."""
    return replace(message, id=f"msg_{session.version:020d}")


def signal(before: Snapshot, moment: Moment, message: Message) -> Change:
    """Leave a signal in the inbox; a run that waits for it may be taken on from now.

    Raises:
        SessionExpired, InvalidTransition: The session is over.
    """
    session, run = before.session, before.run
    table.usable(session, moment, "signalled")
    after = advance(session, **touched(session, moment))
    if run is not None and run.wait is not None and run.worker is None and run.wait.signal == message.name:
        run = replace(run, worker=UNOWNED)
    event = moment.event("session.signalled", after, name=message.name)
    return change(before, after, run, moment, event, put=(_numbered(message, session),))


def wake_overdue(before: Snapshot, moment: Moment) -> Change | None:
    """Let a run whose wait is past its deadline be taken on; ``None`` if there is no such wait."""
    session, run = before.session, before.run
    overdue = (
        session.status is Status.SUSPENDED and run is not None and run.worker is None and run.wait is not None
        and run.wait.deadline is not None and run.wait.deadline <= moment.now
    )  # fmt: skip
    if not overdue or run is None or run.wait is None:
        return None
    after = advance(session)
    event = moment.event("run.woken", after, run_id=run.id, signal=run.wait.signal, reason="deadline")
    return change(before, after, replace(run, worker=UNOWNED), moment, event)


def enqueue(
    before: Snapshot, moment: Moment, message: Message, *, run_id: str, idempotency_key: str | None = None
) -> Change:
    """Leave a wanted run in the inbox of a busy session; whoever finishes the live one starts it.

    Raises:
        SessionExpired, InvalidTransition: The session is over.
    """
    session = before.session
    table.usable(session, moment, Status.IN_PROGRESS.value)
    after = advance(session, **touched(session, moment))
    event = moment.event("run.queued", after, workflow=message.name, run_id=run_id)
    run = replace(before.run, followed=True) if before.run is not None else None
    claims = _claimed(session, run_id, idempotency_key)
    return change(before, after, run, moment, event, put=(_numbered(message, session),), claims=claims)


def settle(before: Snapshot, moment: Moment) -> Change | None:
    """Note that nobody waits in the inbox any more; ``None`` if that is known, or a run is live."""
    session, run = before.session, before.run
    if run is None or session.status in RUNNING or not (run.followed or run.worker == UNOWNED):
        return None
    return change(before, advance(session), replace(run, followed=False, worker=None), moment)


def finish(
    before: Snapshot,
    moment: Moment,
    rules: Rules,
    lease: Lease,
    work: Work,
    outputs_json: bytes,
) -> Change:
    """The workflow returned: commit what is left, and the session is active again."""
    session, run = _held(before, lease)
    moved, run = _worked(session, run, moment, rules, work)
    renewed = later(moment.now, moved.timeout)
    idle = max(renewed, moved.idle_deadline) if renewed is not None and moved.idle_deadline is not None else renewed
    moved = advance(moved, status=Status.ACTIVE, idle_deadline=idle, error=None, ran=True)
    run = replace(
        run, status=RunStatus.COMPLETED, outputs_json=outputs_json, ended_at=moment.now, worker=None, wait=None,
        error=None,
    )  # fmt: skip
    fact = moment.event("run.completed", moved, run_id=run.id, workflow=run.workflow, step=moved.step)
    return _closing(before, moved, run, moment, rules, work, (fact,))


def fail(
    before: Snapshot,
    moment: Moment,
    rules: Rules,
    lease: Lease,
    work: Work,
    error: str,
) -> Change:
    """The workflow raised: keep its completed steps, nothing of the unfinished one."""
    session, run = _held(before, lease)
    moved, run = _worked(session, run, moment, rules, work)
    owned = Snapshot(moved, run)
    return _failed(before, owned, moment, rules, error, moved.state_json, work=work)


def _failed(
    before: Snapshot,
    now_at: Snapshot,
    moment: Moment,
    rules: Rules,
    error: str,
    state_json: bytes,
    *,
    work: Work | None = None,
    epoch: int | None = None,
) -> Change:
    session, run = now_at.session, now_at.run
    assert run is not None  # noqa: S101 - both callers hold a run
    failed = advance(
        session, status=Status.FAILED, error=error, state_json=state_json, ran=True,
        epoch=session.epoch if epoch is None else epoch, idle_deadline=later(moment.now, session.timeout),
    )  # fmt: skip
    run = replace(run, status=RunStatus.FAILED, error=error, ended_at=moment.now, worker=None, wait=None)
    facts = (
        moment.event("run.failed", failed, run_id=run.id, workflow=run.workflow, step=failed.step, error=error),
        moment.event("session.failed", failed, run_id=run.id, workflow=run.workflow, error=error),
    )
    return _closing(before, failed, run, moment, rules, work, facts)


def _closing(
    before: Snapshot,
    session: Session,
    run: Run,
    moment: Moment,
    rules: Rules,
    work: Work | None,
    facts: tuple[Any, ...],
) -> Change:
    drop = _forget(run, work) if work is not None else ()
    run = replace(run, worker=UNOWNED if run.followed else None)
    unchanged = run.saved_step == session.step and session.state_json == before.session.state_json
    if unchanged:
        return change(before, session, run, moment, *facts, claims=settled(session, run), drop_journal=drop)
    session, run, saved, event, dropped = checkpointed(session, run, moment, rules)
    return change(
        before, session, run, moment, event, *facts, claims=settled(session, run), checkpoints=(saved,),
        drop_checkpoints=dropped, drop_journal=drop,
    )  # fmt: skip


def resumable(before: Snapshot, moment: Moment, *, from_checkpoint: bool) -> bool:
    """Whether a resume would run something; ``False`` if it only reopens the session.

    Raises:
        InvalidTransition: There is nothing to resume, or the state has no way back.
        SessionBusy: A run is live.
    """
    session, run = before.session, before.run
    over = session.status in (Status.FAILED, Status.EXPIRED, Status.CANCELLED) or session.is_due(moment.now)
    if session.status in RUNNING and not over:
        table.idle(session, moment)
    if not over and session.status is not Status.ACTIVE:
        table.refuse(session, Status.IN_PROGRESS.value, "fork it, or begin a new session")
    if from_checkpoint:
        return True
    unfinished = run is not None and run.status is not RunStatus.COMPLETED
    if not unfinished and not over:
        table.refuse(session, Status.IN_PROGRESS.value, "it has no unfinished run; name a checkpoint to go back to")
    return unfinished


def resume(before: Snapshot, moment: Moment, how: Resumption) -> Change:
    """Go on with the last run, or from a checkpoint; a session without an unfinished run is just opened again.

    Raises:
        InvalidTransition, SessionBusy: As ``resumable`` says.
    """
    if before.session.is_due(moment.now):
        marked = _as_expired(before, moment)
        before = Snapshot(replace(marked.session, version=before.session.version), marked.run)
    runs = resumable(before, moment, from_checkpoint=how.checkpoint is not None)
    session, run = before.session, before.run
    fields = _reopened(session, moment)
    if not runs:
        after = advance(session, status=Status.ACTIVE, **fields)
        return change(before, after, run, moment, moment.event("session.resumed", after))
    if how.checkpoint is not None:
        fields |= _put_back(session, how.checkpoint)
    run = _again(before, moment, how, session.epoch + 1)
    after = advance(
        session, status=Status.IN_PROGRESS, run_id=run.id, workflow=run.workflow, epoch=session.epoch + 1, **fields
    )
    origin = how.checkpoint.id if how.checkpoint is not None else None
    facts = (
        moment.event("session.resumed", after, checkpoint_id=origin, run_id=run.id, step=after.step),
        moment.event("run.queued" if how.worker == UNOWNED else "run.started", after, run_id=run.id,
                     workflow=run.workflow, step=after.step),
    )  # fmt: skip
    return change(before, after, run, moment, *facts, drop_journal=how.forget)


def _as_expired(before: Snapshot, moment: Moment) -> Snapshot:
    from nexus.lifecycle.sessions import expire

    marked = expire(before, moment)
    return marked.after if marked is not None and marked.after is not None else before


def _reopened(session: Session, moment: Moment) -> dict[str, Any]:
    fields = touched(session, moment)
    fields["ended_at"] = None
    fields["error"] = None
    if session.age_deadline is not None and session.age_deadline <= moment.now:
        fields["age_deadline"] = later(moment.now, session.max_age)
    return fields


def _put_back(session: Session, checkpoint: Checkpoint) -> dict[str, Any]:
    kept = tuple((k, n) for k, n in session.rewinds if k < checkpoint.number)
    left = ((checkpoint.number, session.checkpoints),) if checkpoint.number < session.checkpoints else ()
    return {
        "state_json": checkpoint.state_json,
        "step": checkpoint.step,
        "at_checkpoint": checkpoint.number,
        "rewinds": kept + left,
    }


def _again(before: Snapshot, moment: Moment, how: Resumption, epoch: int) -> Run:
    run, saved = before.run, how.checkpoint
    same = run is not None and (saved is None or saved.run_id == run.id)
    base = run if same and run is not None else Run(
        id=(saved.run_id if saved is not None else None) or "", session_id=before.session.id,
        workflow=(saved.workflow if saved is not None else None) or "", status=RunStatus.IN_PROGRESS,
        started_at=moment.now, channel=moment.channel, actor=moment.actor,
        checkpoint_interval=run.checkpoint_interval if run is not None else 1,
        followed=run is not None and run.followed,
    )  # fmt: skip
    recorded = saved.inputs_json if saved is not None else base.inputs_json
    return replace(
        base, status=RunStatus.IN_PROGRESS, inputs_json=how.inputs_json or recorded,
        loops=saved.loops if saved is not None else base.loops, outputs_json=None, error=None, ended_at=None,
        epoch=epoch, worker=how.worker, taken_at=None if how.worker == UNOWNED else moment.now, recoveries=0,
        wait=None, progress=None, idempotency_key=None, saved_step=saved.step if saved is not None else base.saved_step,
        channel=moment.channel, actor=moment.actor,
    )  # fmt: skip
