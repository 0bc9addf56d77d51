"""The crew: the live processes that execute runs of a store, as one that leaves its runs to them sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from msgspec.structs import replace

from nexus.errors import InvalidTransition, SessionNotFound, WaitTimeout
from nexus.lifecycle import outcomes
from nexus.lifecycle.collecting import collect
from nexus.model import RunResult
from nexus.model.change import UNOWNED, Snapshot
from nexus.sessions.engine import ClaimTaken, Engine
from nexus.workflows import acquiring
from nexus.workflows.executors.liveness import is_dead
from nexus.workflows.waiting import wait_for_run
from nexus.workflows.wanted import Wanted

TakeTurn = Callable[[Callable[[], Awaitable[Snapshot]]], Awaitable[object]]

_LOOK_EVERY = 0.5
_LOOK_AGAIN = 5.0
"""Seconds between two looks while somebody is known to be there."""
_OWN = "\t"
"""What keys begin with that no caller has given: theirs are printable."""


class Crew:
    """Who else can execute runs, read anew with each question."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._patience = engine.settings.session_lock_timeout

    async def knows(self, workflow: str) -> bool:
        """Whether a live process can execute a workflow."""
        workers = await self._engine.store.workers()
        return any(workflow in worker.workflows for worker in workers if not is_dead(worker))

    async def lost(self, worker_id: str) -> bool:
        """Whether a worker is dead, or not listed any more."""
        workers = await self._engine.store.workers()
        return all(worker.id != worker_id or is_dead(worker) for worker in workers)

    async def appear(self, workflow: str) -> None:
        """Return when a live process can execute a workflow; workers that restart are waited for.

        Raises:
            WaitTimeout: None could for ``session_lock_timeout``.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        while not await self.knows(workflow):
            if loop.time() >= until:
                raise WaitTimeout(
                    f"no worker executes workflow {workflow!r}, and none came within {self._patience:g} s; nothing was"
                    " begun: start nexus worker with the same --store and --app, or the server without --no-worker",
                    workflow=workflow, waited=self._patience,
                )  # fmt: skip
            await asyncio.sleep(min(_LOOK_EVERY, self._patience))

    async def execute(self, session_id: str, wanted: Wanted, take_turn: TakeTurn) -> RunResult:
        """Leave a run to the crew, and give its outcome once it is over or suspended.

        The outcome is kept for this call until it has it, since other runs may follow at once.

        Args:
            session_id: Its session.
            wanted: The run.
            take_turn: Attempts what it is given until it is this run's turn in the session.

        Raises:
            WaitTimeout: For ``session_lock_timeout`` no worker could execute it. It says whether it was begun.
            NexusError: Whatever ``take_turn`` raises.
        """
        await self.appear(wanted.workflow)
        kept = wanted if wanted.key is not None else replace(wanted, key=f"{_OWN}{wanted.run_id}")
        await take_turn(partial(acquiring.begin, self._engine, session_id, kept, UNOWNED))
        claim = outcomes.idempotency_claim(session_id, kept.key or "")
        try:
            result = await self.outcome(session_id, wanted.run_id, wanted.workflow)
        except InvalidTransition:
            value = await self._engine.store.claim(claim)
            if value is None or outcomes.pending_run(value) is not None:
                raise
            result = outcomes.kept(value)
        if wanted.key is None:
            await self._collect(session_id, claim, wanted)
        return result

    async def _collect(self, session_id: str, claim: str, wanted: Wanted) -> None:
        value = await self._engine.store.claim(claim)
        if value is None or outcomes.pending_run(value) is not None:
            return
        try:
            await self._engine.apply(session_id, partial(collect, claim=claim, value=value), wanted.caller)
        except (SessionNotFound, ClaimTaken):
            return

    async def outcome(self, session_id: str, run_id: str, workflow: str) -> RunResult:
        """The outcome of a run that workers execute, once it is over or suspended.

        Raises:
            WaitTimeout: No worker could execute it for ``session_lock_timeout``; it waits for one, and is not lost.
            InvalidTransition, SessionNotFound: As ``wait_for_run``.
        """
        loop = asyncio.get_running_loop()
        until, look_again = loop.time() + self._patience, _LOOK_AGAIN
        while True:
            try:
                return await wait_for_run(self._engine, session_id, run_id, min(look_again, self._patience))
            except WaitTimeout:
                if await self.knows(workflow):
                    until, look_again = loop.time() + self._patience, _LOOK_AGAIN
                elif loop.time() < until:
                    look_again = _LOOK_EVERY
                else:
                    raise self._left_waiting(session_id, run_id, workflow) from None

    def _left_waiting(self, session_id: str, run_id: str, workflow: str) -> WaitTimeout:
        return WaitTimeout(
            f"run {run_id} of session {session_id} waits for a worker: none that executes {workflow!r} has lived for"
            f" {self._patience:g} s; it goes on when one is started",
            session_id=session_id, run_id=run_id, workflow=workflow,
        )  # fmt: skip
