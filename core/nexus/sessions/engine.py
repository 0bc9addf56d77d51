"""The engine: load a session, let a pure transition decide, commit, and tell who listens.

A decision is made on one version and committed only if that is still current; otherwise it is made again
on what is there now. Within a process, changes of one session queue for each other, so that only other
processes cause such conflicts.
"""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any
from weakref import WeakValueDictionary

from nexus.errors import NexusError, SessionExists, StoreUnavailable
from nexus.lifecycle import Moment, Rules
from nexus.limits import Room
from nexus.model import Caller, Event
from nexus.model.change import UNOWNED
from nexus.sessions.acting import acting_in
from nexus.sessions.clock import Clock
from nexus.sessions.handlers import Handlers
from nexus.sessions.hiding import HIDES_NOTHING, Hides
from nexus.sessions.ownership import check_visible, not_found
from nexus.sessions.tail import Tail, Watch
from nexus.settings import Settings
from nexus.stores.base import Change, Committed, Conflict, Snapshot, Store

Decide = Callable[[Snapshot, Moment], Change | None]

_CACHED_SESSIONS = 4096
_CACHED_STATE_BYTES = 16 * 1024
_MAX_BACK_OFF = 0.05
_MAX_TRIES = 10_000


class _Turns:
    """Those who want to change one session, one after the other.

    When the store lets one down after a long wait, those who queue behind have waited for the same store: they are told
    with it, and need not wait in vain one after the other.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.failures = 0
        self._said: tuple[str, dict[str, Any]] = ("", {})

    def check(self, seen: int) -> None:
        """Raise what was raised since there were ``seen`` failures."""
        if seen != self.failures:
            message, details = self._said
            raise StoreUnavailable(message, **details)

    def failed(self, error: StoreUnavailable) -> None:
        """Note that the store let the one down whose turn it is; not where it says that the change is made."""
        if not error.details.get("committed"):
            self.failures += 1
            self._said = error.message, error.details


class ClaimTaken(NexusError):
    """A unique key was set by somebody else; ``details["key"]`` and ``details["value"]`` say which and to what."""

    code, status, title = "claim_taken", 409, "Claim taken"


class Engine:
    """One store, one clock, one set of rules; shared by all callers of a process."""

    def __init__(
        self, store: Store, clock: Clock, settings: Settings, handlers: Handlers, hides: Hides = HIDES_NOTHING
    ) -> None:
        self.store = store
        self.live: Store = getattr(store, "live", store)
        """The store without the history of what it has let go: for those who look for what can still change."""
        self.clock = clock
        self.settings = settings
        self.rules = rules_of(settings)
        self.hides = hides
        """What texts of the program's are cleaned of before they are kept or logged."""
        self.room = Room(store, self.live, settings)
        self.handlers = handlers
        self.tail = Tail(store)
        self.left_waiting: Callable[[Snapshot], None] = _to_nobody
        """Told of each session that a commit of this process left with a run for anybody to take."""
        self._locks: WeakValueDictionary[str, _Turns] = WeakValueDictionary()
        self._recent: OrderedDict[str, Snapshot] = OrderedDict()

    def moment(self, caller: Caller) -> Moment:
        """Now, for this caller."""
        return Moment(now=self.clock.now(), actor=caller.actor, channel=caller.channel)

    async def load(self, session_id: str) -> Snapshot:
        """The session as last committed.

        Raises:
            SessionNotFound: There is none.
        """
        snapshot = await self.store.load(session_id)
        if snapshot is None:
            self._recent.pop(session_id, None)
            raise not_found(session_id)
        return snapshot

    async def create(self, change: Change) -> Snapshot:
        """Commit a new session.

        Raises:
            SessionExists: The id is taken.
            ClaimTaken: A key that it claims is.
        """
        try:
            committed = await self.store.commit(change)
        except Conflict as conflict:
            raise _taken(conflict) or SessionExists(
                f"session {change.session_id} exists already: use it, or choose another id",
                session_id=change.session_id, field="session_id",
            ) from None  # fmt: skip
        assert change.after is not None  # noqa: S101 - a creation always has one
        self._remember(change.after)
        await self._dispatch(committed.events)
        return change.after

    async def apply(self, session_id: str, decide: Decide, caller: Caller) -> Snapshot:
        """Change one session.

        Args:
            session_id: Which.
            decide: A pure transition; called again whenever another commit came first.
            caller: Who wants it.

        Returns:
            The session after the commit, which is durable by then; as it stands, where nothing had to change.

        Raises:
            SessionNotFound: There is none, or no longer.
            ClaimTaken: A key that the change claims is set.
            NexusError: Whatever ``decide`` raises of a record that is current.
        """
        turns = self._locks.setdefault(session_id, _Turns())
        seen = turns.failures
        async with turns.lock:
            turns.check(seen)
            try:
                after, events = await self._settle(session_id, decide, caller)
            except StoreUnavailable as error:
                turns.failed(error)
                raise
        if events:
            await self._dispatch(events)
        return after

    async def _settle(self, session_id: str, decide: Decide, caller: Caller) -> tuple[Snapshot, tuple[Event, ...]]:
        known = self._recent.get(session_id)
        snapshot = known or await self.load(session_id)
        for attempt in range(_MAX_TRIES):
            check_visible(snapshot.session, caller)
            try:
                change = decide(snapshot, self.moment(caller))
            except NexusError:
                if snapshot is not known:
                    raise
                change = None
            if change is None and snapshot is known:
                # What is remembered may be old, and only a commit would have shown it: look again before saying no.
                known, snapshot = None, await self.load(session_id)
                continue
            if change is None:
                return snapshot, ()
            try:
                committed = await self.store.commit(change)
            except Conflict as conflict:
                known, snapshot = None, await self._after_conflict(conflict, session_id, attempt)
                continue
            after = change.after or snapshot
            self._remember(after)
            self._tell_of_waiting(change)
            return after, committed.events
        raise StoreUnavailable(f"session {session_id} kept changing through {_MAX_TRIES} tries", session_id=session_id)

    async def _after_conflict(self, conflict: Conflict, session_id: str, attempt: int) -> Snapshot:
        self._recent.pop(session_id, None)
        taken = _taken(conflict)
        if taken is not None:
            raise taken from None
        if attempt > 1:
            await asyncio.sleep(random.random() * min(_MAX_BACK_OFF, 0.0005 * 2 ** min(attempt, 8)))  # noqa: S311
        if conflict.current is not None and conflict.session_id == session_id:
            return conflict.current
        return await self.load(session_id)

    async def commit(self, *changes: Change) -> Committed:
        """Commit changes of several sessions or groups together, once; ``Conflict`` if any came too late."""
        try:
            committed = await self.store.commit(*changes)
        finally:
            for change in changes:
                self._recent.pop(change.session_id or "", None)
        for change in changes:
            self._tell_of_waiting(change)
        await self._dispatch(committed.events)
        return committed

    async def _dispatch(self, events: Sequence[Event]) -> None:
        with acting_in(self.settings.namespace):
            await self.handlers.dispatch(events, quiet=self.hides.any)

    def watch(self, subject: str) -> AbstractAsyncContextManager[Watch]:
        """A watch that wakes on each commit to a session or group, by any process."""
        return self.tail.watch(subject)

    async def close(self) -> None:
        """Stop listening. The store is closed by whoever opened it."""
        await self.tail.close()

    def _tell_of_waiting(self, change: Change) -> None:
        after = change.after
        if after is not None and after.run is not None and after.run.worker == UNOWNED:
            self.left_waiting(after)

    def _remember(self, snapshot: Snapshot) -> None:
        if len(snapshot.session.state_json) > _CACHED_STATE_BYTES:
            self._recent.pop(snapshot.session.id, None)
            return
        self._recent[snapshot.session.id] = snapshot
        self._recent.move_to_end(snapshot.session.id)
        if len(self._recent) > _CACHED_SESSIONS:
            self._recent.popitem(last=False)


def _to_nobody(waiting: Snapshot) -> None:
    """Nothing in this process executes runs."""


def rules_of(settings: Settings) -> Rules:
    """The limits that the transitions need."""
    return Rules(
        timeout=settings.session_timeout or None,
        max_age=settings.session_max_age or None,
        max_checkpoints=settings.max_checkpoints,
        max_recoveries=settings.max_recoveries,
        max_state_bytes=settings.max_state_bytes,
    )


def _taken(conflict: Conflict) -> ClaimTaken | None:
    if conflict.claim is None:
        return None
    key, value = conflict.claim
    details: dict[str, Any] = {"key": key, "value": value}
    return ClaimTaken(f"{key} is taken", **details)
