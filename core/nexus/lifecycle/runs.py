"""Transitions of a run: start, take, commit, record, suspend, finish, fail, release.

Every commit of a run names its epoch. Each acquisition raises the session's epoch, so that whoever lost a run to
another process (a zombie) is refused with ``Fenced`` and changes nothing.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from nexus.errors import Fenced
from nexus.lifecycle import table
from nexus.lifecycle.building import advance, change, check_state_size, checkpointed, later, touched
from nexus.lifecycle.merging import three_way
from nexus.lifecycle.moment import Moment, Rules
from nexus.lifecycle.outcomes import claimed, settled
from nexus.model import (
    RUNNING,
    JournalEntry,
    Progress,
    Run,
    RunStatus,
    Session,
    Status,
    Wait,
    jsonvalue,
)
from nexus.model.change import UNOWNED, Change, Snapshot


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
    claims = () if take else claimed(session, run_id, idempotency_key)
    return change(before, after, run, moment, event, claims=claims, take=take)


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
    check_state_size(session.id, state_json, rules)
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
