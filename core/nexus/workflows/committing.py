"""A run's commits: each is done once, and waited for while the store is away.

A store that gives up on a commit says ``StoreUnavailable``, and its answer may only have been lost: the commit is done
then, or not, or will be any moment, when a server gets to read what was sent. So it is tried again on nothing but a
version of the session that shows that it has not been done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

from nexus.audit.refusals import write_refusal
from nexus.errors import Fenced, NexusError, SessionNotFound, StoreUnavailable
from nexus.lifecycle.runs import Lease
from nexus.model import Caller, JournalEntry, RunStatus
from nexus.model.audit import AuditEntry
from nexus.model.change import Message, Snapshot
from nexus.sessions.engine import Engine
from nexus.workflows.decision import Decision, Transition
from nexus.workflows.stops import RunLost, Stop

T = TypeVar("T")
Done = Callable[[Snapshot], bool | Awaitable[bool]]

_FIRST_RETRY: Final = 0.05
_LAST_RETRY: Final = 2.0
_RESTING: Final = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.SUSPENDED})
_log = logging.getLogger("nexus.runs")


class Committing:
    """What one acquired run does with its store.

    Every call waits for a store that is away for up to ``recovery_interval``, after which others take the run over.

    Args:
        engine: Where to commit.
        lease: The run's.
        caller: On whose behalf.
        stopped: What the body is being unwound with, if it may not commit any more.
        lost: Called before ``RunLost`` is raised.
    """

    def __init__(
        self,
        engine: Engine,
        lease: Lease,
        caller: Caller,
        stopped: Callable[[], type[Stop] | None],
        lost: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._lease = lease
        self._caller = caller
        self._stopped = stopped
        self._lost = lost
        self._noted = False

    async def apply(self, decide: Transition, done: Done | None = None) -> Snapshot:
        """Commit, once, however often that has to be tried.

        Args:
            decide: What to commit.
            done: Whether a session at the lease's epoch shows that it has been; not asked before an answer was lost.
                Without it ``decide`` must refuse to be done twice.

        Raises:
            RunLost: It is no longer this process's, its session is gone, or the store was away for too long.
        """
        unsure = False

        async def attempt() -> Snapshot:
            nonlocal unsure
            if unsure and done is not None:
                return await self._apply_unless(decide, done)
            unsure = True
            return await self._engine.apply(self._lease.session_id, decide, self._caller)

        return await self._patiently(attempt)

    async def load(self) -> Snapshot:
        """The session as last committed."""
        return await self._patiently(partial(self._engine.load, self._lease.session_id))

    async def inbox(self) -> list[Message]:
        """Messages that no commit has taken yet."""
        return await self._patiently(partial(self._engine.store.inbox, self._lease.session_id))

    async def recorded(self, key: str) -> bytes | None:
        """What the run's journal holds in the store under a key; asked once, for ``done``."""
        entries: list[JournalEntry] = await self._engine.store.load_journal(self._lease.session_id, self._lease.run_id)
        return next((entry.value for entry in entries if entry.key == key), None)

    def rests(self, seen: Snapshot) -> bool:
        """Whether this process has brought the run to an end or a suspension: at its epoch nobody else does."""
        return seen.run is not None and self._held(seen) and seen.run.status in _RESTING

    def _held(self, seen: Snapshot) -> bool:
        return seen.session.epoch == self._lease.epoch

    async def _apply_unless(self, decide: Transition, done: Done) -> Snapshot:
        while True:
            seen = await self._engine.load(self._lease.session_id)
            shown = self._held(seen) and done(seen)
            if shown if isinstance(shown, bool) else await shown:
                return seen
            # Should the one in doubt come through after all, the version is another, and all of this is asked again.
            decision = Decision(decide, version=seen.session.version)
            after = await self._engine.apply(self._lease.session_id, decision, self._caller)
            if decision.made(after):
                return after

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        until, delay = loop.time() + self._engine.settings.recovery_interval, _FIRST_RETRY
        while True:
            stop = self._stopped()
            if stop is not None:
                raise stop
            try:
                return await work()
            except (Fenced, SessionNotFound) as error:
                self._lost()
                await self._note(error)
                raise RunLost from None
            except StoreUnavailable as error:
                if loop.time() + delay > until:
                    # It is no fault of the run: whoever finds it in the store next goes on from its last commit.
                    _log.warning("run %s is left to whoever finds it: %s", self._lease.run_id, error)
                    self._lost()
                    raise RunLost from error
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LAST_RETRY)

    async def _note(self, error: NexusError) -> None:
        """Write down that a late commit was refused; once, however much of the body still tries."""
        if self._noted:
            return
        self._noted = True
        entry = AuditEntry(
            at=round(self._engine.clock.now(), 6), actor=self._caller.actor, channel=self._caller.channel,
            action="run.commit", target_kind="session", target=self._lease.session_id, outcome="refused",
            code=error.code, reason=error.message,
        )  # fmt: skip
        await write_refusal(self._engine.store, entry)
