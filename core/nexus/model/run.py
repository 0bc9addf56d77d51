"""A run: one execution of a workflow in a session, with what is needed to go on elsewhere."""

from __future__ import annotations

from typing import Any

import msgspec

from nexus.model import jsonvalue
from nexus.model.keyed import Keyed
from nexus.model.status import RunStatus


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """What a suspended run waits for."""

    signal: str
    since: float
    deadline: float | None = None
    key: str = ""
    """The journal key under which the answer will be recorded."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What a run last said of itself by ``run.progress``."""

    done: float
    total: float | None = None
    note: str | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True, dict=True, omit_defaults=True, forbid_unknown_fields=True):
    """The current or last run of a session.

    ``inputs_json`` and ``outputs_json`` are encoded JSON; ``loops`` counts the completed
    iterations of each durable loop in the order in which the loops were entered.
    """

    id: str
    session_id: str
    workflow: str
    status: RunStatus
    started_at: float
    channel: str
    actor: str
    inputs_json: bytes = b"{}"
    outputs_json: bytes | None = None
    error: str | None = None
    ended_at: float | None = None
    checkpoint_interval: int = 1
    loops: tuple[int, ...] = ()
    epoch: int = 0
    worker: str | None = None
    """Who executes it: a worker's id; ``""`` means that it waits to be taken; ``None`` that nobody need."""
    taken_at: float | None = None
    recoveries: int = 0
    """Take-overs in a row without progress in between."""
    wait: Wait | None = None
    progress: Progress | None = None
    idempotency_key: str | None = None
    followed: bool = False
    """Runs may wait in the inbox for their turn: when it ends, ``worker`` is ``""``, so that somebody looks."""
    saved_step: int | None = None
    """The step at its newest checkpoint; ``None`` before its first."""
    newer: bytes = b""
    """What a newer version of Nexus has added to it, as encoded; kept as it is (``stores/newer.py``)."""

    @property
    def inputs(self) -> dict[str, Any]:
        """The recorded inputs."""
        value: dict[str, Any] = jsonvalue.trusted(self.inputs_json)
        return value


class RunResult(Keyed, msgspec.Struct, frozen=True, kw_only=True):
    """What ``execute_workflow`` gives (contract, chapter 3). ``outputs`` is any JSON value."""

    session_id: str
    run_id: str
    workflow: str
    status: RunStatus
    outputs: Any = None
    error: str | None = None
    step: int = 0
    last_checkpoint: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON values under the contract's names."""
        shown = {name: getattr(self, name) for name in self.__struct_fields__}
        shown["status"] = self.status.value
        return shown


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The recorded result of one ``run.call`` or ``run.wait_for``, so that it is not done again."""

    run_id: str
    key: str
    after_checkpoint: int
    """How many checkpoints the session had made before it: going back further forgets it."""
    value: bytes
