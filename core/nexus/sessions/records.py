"""Sessions: create, read, change, end, extend, fork, signal; all through the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from msgspec.structs import replace

from nexus.errors import InvalidTransition, SessionExists, SessionNotFound
from nexus.lifecycle import Moment, inbox, sessions
from nexus.model import (
    RUNNING,
    Caller,
    Checkpoint,
    JournalEntry,
    Page,
    Session,
    Window,
    check_id,
    checkpoint_number,
    jsonvalue,
    new_id,
)
from nexus.model.change import Change, Claim, Message, Snapshot
from nexus.query import parse
from nexus.sessions import arguments, endings
from nexus.sessions.engine import ClaimTaken, Engine
from nexus.sessions.history import find_checkpoint
from nexus.sessions.ownership import OWN_ONLY, check_visible
from nexus.sessions.sweeper import Sweeper
from nexus.sessions.versions import at_version, check_version

Patch = Mapping[str, Any] | Callable[[dict[str, Any]], Mapping[str, Any] | None]
"""A JSON merge patch, or a function from the current state to one; it is called again on a conflict."""

_DUE_AT_ONCE = 500


class Records:
    """The sessions of one store."""

    def __init__(self, engine: Engine, sweeper: Sweeper) -> None:
        self._engine = engine
        self._sweeper = sweeper

    async def create(
        self,
        caller: Caller,
        *,
        session_id: str | None = None,
        channel: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        parent_session: str | None = None,
        group: str | None = None,
        user_id: str | None = None,
        timeout: float | None = None,
        claims: tuple[Claim, ...] = (),
    ) -> Session:
        """Create a session; see ``Service.create_session``."""
        engine = self._engine
        settings = engine.settings
        if session_id is not None:
            arguments.new_name(session_id, "session_id", settings.max_id_length)
        document = arguments.document(state, "state", settings.max_state_bytes, "max_state_bytes")
        described = arguments.metadata(metadata, settings)
        if timeout is not None:
            timeout = arguments.seconds(timeout, "timeout", zero=True)
        parent = (await engine.load(check_id(parent_session, "parent_session"))).session if parent_session else None
        joined = group if group is not None else parent.group_id if parent is not None else None
        await self._check_group(joined)
        making = partial(
            sessions.create,
            engine.moment(caller),
            engine.rules,
            channel=arguments.channel(channel or caller.channel),
            owner=caller.actor,
            metadata=described,
            state_json=None if document is None else jsonvalue.encode(document, "state"),
            parent=parent,
            group_id=group,
            user_id=None if user_id is None else arguments.text(user_id, "user_id"),
            timeout=timeout,
        )

        def make(name: str, reserved: tuple[Claim, ...]) -> Change:
            change = making(session_id=name, claims=(*claims, *reserved))
            if parent is not None and change.after is not None:
                arguments.metadata(change.after.session.metadata, settings)
            return change

        return await self._within_room(caller, session_id, joined, make)

    async def _within_room(
        self,
        caller: Caller,
        session_id: str | None,
        group_id: str | None,
        make: Callable[[str, tuple[Claim, ...]], Change],
    ) -> Session:
        """Commit a new session if there is room for it, however many processes ask for the same room."""
        engine = self._engine
        keys = engine.room.keys(caller.actor, group_id)
        name = session_id or engine.room.new_id(keys, partial(new_id, "sess", engine.clock.now()))
        while True:
            reserved = await engine.room.reserve(caller.actor, group_id, name, keys, engine.clock.now())
            try:
                return (await engine.create(make(name, reserved))).session
            except ClaimTaken as taken:
                if taken.details["key"] not in keys:
                    raise

    async def _check_group(self, group_id: str | None) -> None:
        if group_id is None:
            return
        from nexus.errors import GroupNotFound
        from nexus.lifecycle.groups import check_open

        group = await self._engine.store.load_group(check_id(group_id, "group"))
        if group is None:
            raise GroupNotFound(f"there is no group {group_id}: create it first", group_id=group_id, field="group")
        check_open(group)

    async def ensure(self, session_id: str | None, caller: Caller) -> Session:
        """The session of that id, created with it if there is none; without an id a new one."""
        if session_id is not None:
            snapshot = await self._engine.store.load(check_id(session_id))
            if snapshot is not None:
                check_visible(snapshot.session, caller)
                return snapshot.session
        try:
            return await self.create(caller, session_id=session_id)
        except SessionExists:
            session = (await self._engine.load(session_id or "")).session
            check_visible(session, caller)
            return session

    async def snapshot(self, session_id: str) -> Snapshot:
        """The session and its run; one that is due is marked expired first."""
        found = await self._engine.load(check_id(session_id))
        if found.session.is_due(self._engine.clock.now()):
            await self._sweeper.expire(session_id)
            found = await self._engine.load(session_id)
        return found

    async def exists(self, session_id: str) -> bool:
        """Whether it is there and has not expired."""
        try:
            session = (await self._engine.load(check_id(session_id))).session
        except SessionNotFound:
            return False
        return session.status.value != "expired" and not session.is_due(self._engine.clock.now())

    async def list(self, q: str, sort: str, limit: int, cursor: str | None) -> Page[Session]:
        """A page by key with ``total``."""
        query, order = parse(q), arguments.order(sort)
        limit = arguments.limit(limit)
        await self._sweeper.mark_due(_DUE_AT_ONCE)
        store, now = self._engine.store, self._engine.clock.now()
        page = await store.list_sessions(query, order, cursor=cursor, limit=limit, now=now)
        whole = cursor is None and page.next_cursor is None
        total = len(page.items) if whole else await store.count(query, now)
        return Page(items=page.items, next_cursor=page.next_cursor, total=total)

    async def window(self, q: str, sort: str, offset: int, limit: int, stride: int) -> Window[Session]:
        """Rows by rank."""
        query, order = parse(q), arguments.order(sort)
        first, most, step = arguments.offset(offset), arguments.limit(limit), arguments.stride(stride)
        await self._sweeper.mark_due(_DUE_AT_ONCE)
        now = self._engine.clock.now()
        return await self._engine.store.window(query, order, offset=first, limit=most, now=now, stride=step)

    async def patch(self, session_id: str, patch: Patch, if_version: int | None, caller: Caller) -> Session:
        """Merge a patch into the state.

        Raises:
            VersionConflict: The current version is another than ``if_version``.
        """
        if not callable(patch):
            sessions.check_patch(patch)

        def decide(before: Snapshot, moment: Moment) -> Change:
            check_version(before.session, if_version)
            document = _made(patch, before.session) if callable(patch) else patch
            return sessions.patch(before, moment, self._engine.rules, document)

        return (await self._engine.apply(check_id(session_id), decide, caller)).session

    async def sync(self, session_id: str, channel: str, caller: Caller) -> Session:
        """Note a use from another channel."""
        target = arguments.channel(channel)
        decided = await self._engine.apply(
            check_id(session_id), lambda before, moment: sessions.sync(before, moment, target), caller
        )
        return decided.session

    async def extend(self, session_id: str, seconds: float, caller: Caller, if_version: int | None = None) -> Session:
        """Move ``expires_at``."""
        by = arguments.seconds(seconds, "seconds")
        decide = at_version(lambda before, moment: sessions.extend(before, moment, by), if_version)
        return (await self._engine.apply(check_id(session_id), decide, caller)).session

    async def end(
        self, session_id: str, status: str, reason: str | None, caller: Caller, if_version: int | None = None
    ) -> Session:
        """End it and its live descendants."""
        final = sessions.check_ending(status)
        why = arguments.reason(reason)
        ended = await endings.end_session(self._engine, check_id(session_id), caller, final, why, if_version)
        return ended.session

    async def undo(self, session_id: str, caller: Caller, if_version: int | None = None) -> Session:
        """Undo its last change, an end or an extension."""
        return (await endings.undo(self._engine, check_id(session_id), caller, if_version)).session

    async def signal(
        self, session_id: str, name: str, payload: Any, caller: Caller, if_version: int | None = None
    ) -> Session:
        """Leave a signal for a run, waiting already or later."""
        engine = self._engine
        message = Message(
            id=new_id("msg", engine.clock.now()),
            kind="signal",
            name=arguments.text(name, "name"),
            body=jsonvalue.encode(payload, "payload", engine.rules.max_state_bytes),
            sent_at=engine.clock.now(),
        )
        decide = at_version(lambda before, moment: inbox.signal(before, moment, message), if_version)
        return (await engine.apply(check_id(session_id), decide, caller)).session

    async def get_or_create(self, user_id: str, ttl: float | None, caller: Caller) -> Session:
        """The user's live session, or a new one; however many processes ask, they get the same."""
        name = arguments.text(user_id, "user_id")
        key = f"user:{name}" if caller.scope != OWN_ONLY else f"user:{caller.actor}:{name}"
        while True:
            held = await self._engine.store.claim(key)
            current = await self._engine.store.load(held) if held is not None else None
            now = self._engine.clock.now()
            if current is not None and not current.session.is_due(now) and _open(current.session):
                return current.session
            wanted = self._engine.store.id_beside(key, partial(new_id, "sess", now))
            claim = Claim(key=key, value=wanted, expected=held)
            try:
                return await self.create(caller, session_id=wanted, user_id=user_id, timeout=ttl, claims=(claim,))
            except ClaimTaken:
                continue

    async def fork(
        self, session_id: str, checkpoint_id: str | None, new_session_id: str | None, caller: Caller
    ) -> Session:
        """Copy a checkpoint, or the current state, into a new session."""
        engine = self._engine
        source = await self.snapshot(session_id)
        if checkpoint_id is None and source.session.status in RUNNING:
            raise InvalidTransition(
                f"session {session_id} is {source.session.status.value}: name a checkpoint to fork from, or wait",
                session_id=session_id, **{"from": source.session.status.value, "to": "forked"},
            )  # fmt: skip
        checkpoint = await find_checkpoint(engine, session_id, checkpoint_id) if checkpoint_id is not None else None
        now = engine.clock.now()
        journal = await self._journal_until(source, checkpoint)
        if new_session_id is not None:
            arguments.new_name(new_session_id, "session_id", engine.settings.max_id_length)

        def make(name: str, reserved: tuple[Claim, ...]) -> Change:
            change = sessions.fork(
                source,
                engine.moment(caller),
                session_id=name,
                run_id=new_id("run", now),
                owner=caller.actor,
                checkpoint=checkpoint,
                journal=journal,
            )
            return replace(change, claims=(*change.claims, *reserved))

        return await self._within_room(caller, new_session_id, None, make)

    async def _journal_until(self, source: Snapshot, checkpoint: Checkpoint | None) -> tuple[JournalEntry, ...]:
        run_id = checkpoint.run_id if checkpoint is not None else source.session.run_id
        if run_id is None:
            return ()
        entries = await self._engine.store.load_journal(source.session.id, run_id)
        before = checkpoint_number(checkpoint.id) if checkpoint is not None else None
        return tuple(entry for entry in entries if before is None or entry.after_checkpoint < before)


def _made(patch: Callable[[dict[str, Any]], Mapping[str, Any] | None], session: Session) -> Mapping[str, Any]:
    """What a patch function gives for a copy of the state, which is its own to change."""
    document = patch(jsonvalue.trusted(session.state_json)) or {}
    sessions.check_patch(document)
    return document


def _open(session: Session) -> bool:
    return session.live or session.status.value == "failed"
