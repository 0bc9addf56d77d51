"""Resuming: going on with a session's last run, or from one of its checkpoints."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from nexus.lifecycle import table
from nexus.lifecycle.building import advance, change, later, touched
from nexus.lifecycle.moment import Moment
from nexus.lifecycle.sessions import expire
from nexus.model import RUNNING, Checkpoint, Run, RunStatus, Session, Status
from nexus.model.change import UNOWNED, Change, Snapshot


class Resumption(msgspec.Struct, frozen=True, kw_only=True):
    """How to go on: from where, with which inputs, and which recorded results to forget."""

    worker: str
    checkpoint: Checkpoint | None = None
    inputs_json: bytes | None = None
    forget: tuple[tuple[str, str], ...] = ()


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
