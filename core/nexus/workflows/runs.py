"""``Runs``: start, resume and await runs, for any caller.

A run belongs to the store, not to who asked for it: a caller that goes away cancels nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, TypeVar

import msgspec

from nexus.errors import InvalidInput, InvalidTransition, SessionBusy, WaitTimeout
from nexus.lifecycle import outcomes
from nexus.lifecycle import resuming as going_on
from nexus.lifecycle.outcomes import result_of
from nexus.model import FINAL, Caller, RunResult, RunStatus, Session, check_id, jsonvalue, new_id
from nexus.model.change import UNOWNED, Snapshot
from nexus.sessions.engine import ClaimTaken, Engine
from nexus.sessions.versions import at_version, check_version
from nexus.workflows import acquiring, resuming
from nexus.workflows.crew import Crew
from nexus.workflows.executors.base import Executor
from nexus.workflows.registry import Registry, check_interval
from nexus.workflows.runner import INSIDE
from nexus.workflows.schema import to_json
from nexus.workflows.turns import Turns
from nexus.workflows.waiting import wait_for_run
from nexus.workflows.wanted import Wanted

T = TypeVar("T")
Ensure = Callable[[str | None, Caller], Awaitable[Session]]
_LONGEST_KEY = 255


class Runs:
    """One for all callers of a process.

    Args:
        engine: Where runs are recorded.
        registry: The workflows that this process can execute.
        executor: Executes them.
        ensure: Gives the session of an id, made where there is none; without an id a new one.
    """

    def __init__(self, engine: Engine, registry: Registry, executor: Executor, ensure: Ensure) -> None:
        self._engine = engine
        self._registry = registry
        self._executor = executor
        self._ensure = ensure
        self._turns = Turns(engine)
        self._crew = Crew(engine)

    async def execute(
        self,
        workflow: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        session_id: str | None = None,
        caller: Caller,
        background: bool = False,
        checkpoint_interval: int | None = None,
        idempotency_key: str | None = None,
    ) -> RunResult:
        """Run a workflow in a session; see ``Service.execute``.

        It executes in this process unless ``background``, or unless the process leaves all runs to workers
        (``embedded_worker``): then the call waits for what becomes of it there.

        Returns:
            The outcome once the run is over or waits for a signal. In the background at once, ``in_progress``; the run
            waits for its turn if another is live. A key that was given before, for the session or, without one, by the
            same caller for the workflow: what came of the first run.

        Raises:
            WorkflowNotFound: No workflow of that name here; for ``background``, nor in any live process of the store.
            InvalidInput: The inputs don't fit. Like the above before anything is created.
            SessionBusy: Another run held the session for longer than ``session_lock_timeout``.
            SessionExpired, InvalidTransition: The session can't be used any more.
            WaitTimeout: All runs are left to workers, and for ``session_lock_timeout`` there was none to execute it.
        """
        known = workflow in self._registry
        if not (known or (background and await self._crew.knows(workflow))):
            self._registry.get(workflow)
        wanted = self._wanted(workflow, inputs, caller, checkpoint_interval, _checked_key(idempotency_key))
        if session_id is None and wanted.key is not None:
            session_id = outcomes.session_of_key(caller.actor, workflow, wanted.key)
        session = await self._ensure(None if session_id is None else check_id(session_id), caller)
        earlier = await self._earlier(session.id, wanted, background=background)
        if earlier is not None:
            return earlier
        try:
            if background:
                return await _to_its_end(self._in_background(session.id, wanted, known=known))
            return await self._in_foreground(session.id, wanted)
        except ClaimTaken:
            earlier = await self._earlier(session.id, wanted, background=background)
            if earlier is None:
                raise
            return earlier

    async def resume(
        self,
        session_id: str,
        *,
        checkpoint_id: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        workflow: str | None = None,
        background: bool = False,
        caller: Caller,
        if_version: int | None = None,
    ) -> RunResult:
        """Go on with a session's last run, or from a checkpoint.

        A run that is live and asked for from where it is anyway is joined, not run twice; so is one that is asked for
        by its workflow, from a checkpoint that it has passed since. If its process is known to be dead it is taken
        over. A session that has no unfinished run is opened again and nothing runs.

        Args:
            session_id: Which session.
            checkpoint_id: Put back its state and step first.
            inputs: Laid over the recorded ones.
            workflow: The workflow that is meant to go on, as a check.
            background: Return as soon as it is on its way.
            caller: Who wants it.
            if_version: Only of this version of the session.

        Raises:
            VersionConflict: The session has another version than ``if_version``.
            SessionNotFound, CheckpointNotFound, WorkflowNotFound: There is none.
            SessionBusy: A run is live, and something else is asked for.
            InvalidTransition: The session has no way back, or nothing to resume.
            InvalidInput: The inputs don't fit, or another workflow has run there than the one that is meant.
        """
        target = await resuming.find(self._engine, check_id(session_id), checkpoint_id, workflow)
        if workflow is not None and workflow != target.workflow and not await self._crew.knows(workflow):
            self._registry.get(workflow)
        resuming.check_workflow(target, workflow)
        session = target.snapshot.session
        check_version(session, if_version)
        if session.status in FINAL:
            await self._engine.room.check_live(session.owner, self._engine.clock.now())
        if target.running and not target.snapshot.session.is_due(self._engine.clock.now()):
            if inputs is not None:
                raise _busy(target.snapshot)
            return await self._join(target.snapshot, caller, background=background)
        if not resuming.would_run(self._engine, target, caller):
            return result_of(await self._resumed(target, UNOWNED, None, caller, if_version))
        name = target.workflow or ""
        known = name in self._registry
        if not (known or (background and await self._crew.knows(name))):
            self._registry.get(name)
        inputs_json = resuming.new_inputs(self._registry, target, inputs)
        executor = self._executor
        mine = known and executor.here and (not background or (executor.eager and executor.free))
        if not (background or executor.here):
            await self._crew.appear(name)
        return await self._go_on(target, inputs_json, caller, mine=mine, background=background, if_version=if_version)

    async def wait(self, session_id: str, run_id: str, timeout: float | None = None) -> RunResult:
        """The outcome of a run once it is over or suspended, whichever process executes it.

        Raises:
            WaitTimeout: It was neither within ``timeout`` seconds.
            InvalidTransition: A later run has taken its place.
        """
        return await wait_for_run(self._engine, session_id, run_id, timeout)

    # -- execute

    def _wanted(
        self, workflow: str, inputs: Mapping[str, Any] | None, caller: Caller, interval: int | None, key: str | None
    ) -> Wanted:
        if workflow in self._registry:
            known = self._registry.get(workflow)
            checked, default = known.check_inputs(inputs), known.checkpoint_interval
        else:
            checked, default = to_json(inputs or {}, None), 1
        return Wanted(
            run_id=new_id("run", self._engine.clock.now()), workflow=workflow, actor=caller.actor,
            channel=caller.channel, interval=default if interval is None else check_interval(interval), key=key,
            inputs=msgspec.Raw(jsonvalue.encode(checked, "inputs", self._engine.rules.max_state_bytes)),
        )  # fmt: skip

    async def _earlier(self, session_id: str, wanted: Wanted, *, background: bool) -> RunResult | None:
        """What the key was used for before; ``None`` if it was not."""
        if wanted.key is None:
            return None
        claim = outcomes.idempotency_claim(session_id, wanted.key)
        value = await self._engine.store.claim(claim)
        run_id = None if value is None else outcomes.pending_run(value)
        if value is None or run_id is None:
            return None if value is None else outcomes.kept(value)
        if background:
            return _on_its_way(session_id, run_id, wanted.workflow)
        try:
            return await self._begun(session_id, run_id, wanted.workflow)
        except InvalidTransition:
            value = await self._engine.store.claim(claim)
            if value is None or outcomes.pending_run(value) is not None:
                raise
            return outcomes.kept(value)

    async def _begun(self, session_id: str, run_id: str, workflow: str) -> RunResult:
        """The outcome of a run that was asked for before; one that has not begun gets its turn or ``SessionBusy``."""
        timeout = self._engine.settings.session_lock_timeout
        try:
            return await self.wait(session_id, run_id, timeout)
        except WaitTimeout:
            snapshot = await self._engine.load(session_id)
            if snapshot.session.run_id != run_id:
                raise _busy(snapshot) from None
        return await self._elsewhere(session_id, run_id, workflow)

    async def _elsewhere(self, session_id: str, run_id: str, workflow: str) -> RunResult:
        """What comes of a run that another process has, or is to have."""
        if self._executor.here:
            return await self.wait(session_id, run_id)
        return await self._crew.outcome(session_id, run_id, workflow)

    async def _in_background(self, session_id: str, wanted: Wanted, *, known: bool) -> RunResult:
        mine = known and self._executor.eager and self._executor.free
        worker = await self._executor.enlist() if mine else UNOWNED
        after = await acquiring.begin_or_queue(self._engine, session_id, wanted, worker)
        if mine and after.run is not None and after.run.id == wanted.run_id:
            self._executor.launch(after, fresh=True)
        return _on_its_way(session_id, wanted.run_id, wanted.workflow)

    async def _in_foreground(self, session_id: str, wanted: Wanted) -> RunResult:
        if not self._executor.here:
            return await self._crew.execute(session_id, wanted, partial(self._turns.take, session_id))

        async def begin() -> asyncio.Future[Snapshot | None]:
            worker = await self._executor.enlist()
            after = await acquiring.begin(self._engine, session_id, wanted, worker)
            return self._executor.launch(after, fresh=True, nested=INSIDE.get())

        running = await self._turns.take(session_id, lambda: _to_its_end(begin()))
        return await self._outcome(running, session_id, wanted.run_id)

    async def _outcome(self, running: asyncio.Future[Snapshot | None], session_id: str, run_id: str) -> RunResult:
        after = await asyncio.shield(running)
        if after is None or after.run is None:
            return await self._gone_on_with(session_id, run_id)
        if after.run.status is RunStatus.SUSPENDED and after.run.worker is not None:
            return await self._gone_on_with(session_id, run_id)
        return result_of(after)

    async def _gone_on_with(self, session_id: str, run_id: str) -> RunResult:
        """What came of a run that began here and went on elsewhere.

        Raises:
            WaitTimeout: It is over, and a later run's outcome stands where its own stood. It was not refused.
        """
        try:
            return await self.wait(session_id, run_id)
        except InvalidTransition:
            raise WaitTimeout(
                f"run {run_id} of session {session_id} began, went on in another process and is over, and a later run"
                " has taken the place of its outcome: the session's events tell how it ended",
                session_id=session_id, run_id=run_id, begun=True,
            ) from None  # fmt: skip

    # -- resume

    async def _resumed(
        self, target: resuming.Target, worker: str, inputs_json: bytes | None, caller: Caller, if_version: int | None
    ) -> Snapshot:
        how = await resuming.resumption(self._engine, target, worker, inputs_json)
        session_id = target.snapshot.session.id
        decide = at_version(lambda before, moment: going_on.resume(before, moment, how), if_version)
        return await self._engine.apply(session_id, decide, caller)

    async def _go_on(
        self, target: resuming.Target, inputs_json: bytes | None, caller: Caller, *, mine: bool, background: bool,
        if_version: int | None,
    ) -> RunResult:  # fmt: skip
        async def begin() -> tuple[Snapshot, asyncio.Future[Snapshot | None] | None]:
            worker = await self._executor.enlist() if mine else UNOWNED
            after = await self._resumed(target, worker, inputs_json, caller, if_version)
            if mine and acquiring.held_by(after, worker):
                return after, self._executor.launch(after, nested=INSIDE.get() and not background)
            return after, None

        after, running = await _to_its_end(begin())
        if running is not None and not background:
            return await self._outcome(running, after.session.id, after.session.run_id or "")
        if not (background or self._executor.here) and after.run is not None:
            return await self._elsewhere(after.session.id, after.run.id, after.run.workflow)
        return result_of(after)

    async def _join(self, snapshot: Snapshot, caller: Caller, *, background: bool) -> RunResult:
        session_id, run = snapshot.session.id, snapshot.run
        assert run is not None  # noqa: S101 - a session in progress has a run
        running = await _to_its_end(self._take_over(snapshot, caller))
        if background:
            return result_of(await self._engine.load(session_id))
        if running is not None:
            return await self._outcome(running, session_id, run.id)
        return await self._elsewhere(session_id, run.id, run.workflow)

    async def _take_over(self, snapshot: Snapshot, caller: Caller) -> asyncio.Future[Snapshot | None] | None:
        """Acquire a live run that nobody executes."""
        holder = snapshot.run.worker if snapshot.run is not None else None
        if not self._executor.here or holder is None:
            return None
        if holder != UNOWNED and not await self._crew.lost(holder):
            return None
        acquired = await acquiring.take(
            self._engine, snapshot.session.id, caller, await self._executor.enlist(),
            self._registry.__contains__, dead=holder or None,
        )  # fmt: skip
        return None if acquired is None else self._executor.launch(acquired, nested=INSIDE.get())


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Await something that must not stop half-way when the caller goes away: what it acquires, it also launches."""
    return await asyncio.shield(asyncio.ensure_future(work))


def _on_its_way(session_id: str, run_id: str, workflow: str) -> RunResult:
    return RunResult(session_id=session_id, run_id=run_id, workflow=workflow, status=RunStatus.IN_PROGRESS)


def _busy(snapshot: Snapshot) -> SessionBusy:
    session = snapshot.session
    return SessionBusy(
        f"session {session.id} is in progress with run {session.run_id}, which has its inputs: wait for it, or end it",
        session_id=session.id, run_id=session.run_id,
    )  # fmt: skip


def _checked_key(key: object) -> str | None:
    if key is None:
        return None
    if isinstance(key, str) and 1 <= len(key) <= _LONGEST_KEY and key.isprintable():
        return key
    raise InvalidInput(
        f"idempotency_key does not fit: give 1 to {_LONGEST_KEY} printable characters", field="idempotency_key"
    )
