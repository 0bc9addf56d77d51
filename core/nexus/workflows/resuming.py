"""Resuming: going on with a session's last run, or from one of its checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from nexus.errors import InvalidInput
from nexus.lifecycle.resuming import Resumption, resumable
from nexus.model import Caller, Checkpoint, Status, jsonvalue
from nexus.model.change import Snapshot
from nexus.sessions.engine import Engine
from nexus.sessions.history import checkpoint_of
from nexus.workflows.registry import Registry
from nexus.workflows.schema import to_json


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be gone on with."""

    snapshot: Snapshot
    checkpoint: Checkpoint | None
    workflow: str | None
    joins: bool = False
    """Whether a run that has gone on past the checkpoint since is what was meant: somebody wants its workflow to go on,
    and not to go back."""

    @property
    def running(self) -> bool:
        """Whether the run that is asked for goes on already, from where it is asked for."""
        session, checkpoint = self.snapshot.session, self.checkpoint
        last = checkpoint is None or checkpoint.number == session.at_checkpoint
        if checkpoint is not None and self.joins and checkpoint.run_id == session.run_id:
            last = last or not session.superseded(checkpoint.number)
        # A suspended run whose signal has come is on its way again: whoever takes it next executes it.
        run = self.snapshot.run
        woken = session.status is Status.SUSPENDED and run is not None and run.worker is not None
        return (session.status is Status.IN_PROGRESS or woken) and last

    @property
    def inputs(self) -> dict[str, Any]:
        """The recorded inputs."""
        if self.checkpoint is not None:
            recorded: dict[str, Any] = jsonvalue.trusted(self.checkpoint.inputs_json)
            return recorded
        return self.snapshot.run.inputs if self.snapshot.run is not None else {}


async def find(engine: Engine, session_id: str, checkpoint_id: str | None, workflow: str | None) -> Target:
    """What a resume is about.

    Raises:
        SessionNotFound, CheckpointNotFound: There is none.
        InvalidInput: The checkpoint id is malformed.
    """
    snapshot = await engine.load(session_id)
    checkpoint = None if checkpoint_id is None else await checkpoint_of(engine, snapshot.session, checkpoint_id)
    ran = checkpoint.workflow if checkpoint is not None else snapshot.run.workflow if snapshot.run is not None else None
    return Target(snapshot=snapshot, checkpoint=checkpoint, workflow=ran, joins=workflow is not None)


def check_workflow(target: Target, workflow: str | None) -> None:
    """Refuse to go on with another workflow than the one that is meant.

    Raises:
        InvalidInput: Another has run there.
    """
    ran, checkpoint = target.workflow, target.checkpoint
    if workflow is not None and ran is not None and workflow != ran:
        where = checkpoint.id if checkpoint is not None else f"session {target.snapshot.session.id}"
        raise InvalidInput(
            f"workflow {workflow!r} can't resume {where}, where {ran!r} has run: name that one, or execute anew",
            field="workflow", value=workflow,
        )  # fmt: skip


def would_run(engine: Engine, target: Target, caller: Caller) -> bool:
    """Whether a resume would run something, or only open the session again.

    Raises:
        InvalidTransition, SessionBusy: It would be refused.
    """
    return resumable(target.snapshot, engine.moment(caller), from_checkpoint=target.checkpoint is not None)


async def resumption(engine: Engine, target: Target, worker: str, inputs_json: bytes | None) -> Resumption:
    """How to go on, with the recorded results to forget: those that came after the checkpoint."""
    forget: tuple[tuple[str, str], ...] = ()
    checkpoint = target.checkpoint
    if checkpoint is not None and checkpoint.run_id is not None:
        journal = await engine.store.load_journal(checkpoint.session_id, checkpoint.run_id)
        forget = tuple((e.run_id, e.key) for e in journal if e.after_checkpoint >= checkpoint.number)
    return Resumption(worker=worker, checkpoint=checkpoint, inputs_json=inputs_json, forget=forget)


def new_inputs(registry: Registry, target: Target, inputs: Mapping[str, Any] | None) -> bytes | None:
    """The recorded inputs with new ones laid over them; ``None`` for the recorded ones.

    Raises:
        InvalidInput: They don't fit the workflow.
    """
    if inputs is None:
        return None
    merged = {**target.inputs, **to_json(inputs, None)}
    if target.workflow is not None and target.workflow in registry:
        merged = registry.get(target.workflow).check_inputs(merged)
    return jsonvalue.encode(merged, "inputs")
