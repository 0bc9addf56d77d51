"""Commits of every kind, and what must then be the same in the live store and in the archive."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import select

from nexus.archive import ledger, remaking, tables
from nexus.archive.applying import unescaped
from nexus.archive.archiver import Archiver
from nexus.archive.database import Database
from nexus.archive.restoring import Restorer
from nexus.model import RUNNING, Session, Status
from nexus.model.change import UNOWNED, Snapshot
from nexus.query import parse
from nexus.stores import codec
from nexus.stores.base import Change, Claim, Conflict, Order, SortField, Store
from nexus.stores.redis import RedisStore
from nexus.testing.builders import (
    NOW,
    a_checkpoint,
    a_group,
    a_message,
    a_run,
    a_session,
    an_entry,
    an_event,
    creating,
    creating_group,
    deleting,
    updating,
    updating_group,
)

EVERYTHING = parse("")
ENDLESS = 10**9


class Churn:
    """Makes commits that follow from a seed, and knows what it has made.

    Args:
        store: Where.
        seed: Of the choices.
        head: What the ids begin with, so that several can work on one store.
    """

    def __init__(self, store: Store, seed: int = 0, head: str = "s") -> None:
        self._store = store
        self._random = Random(seed)
        self._head = head
        self._count = 0
        self.live: dict[str, Snapshot] = {}
        self._messages: dict[str, list[str]] = {}
        self._journal: dict[str, list[str]] = {}

    async def commit(self, commits: int) -> None:
        """Make so many commits, one after the other."""
        actions = [self._create] + [self._update] * 6 + [self._end, self._delete, self._fork, self._regroup]
        for _ in range(commits):
            action = self._random.choice(actions) if self.live else self._create
            await action()

    async def _create(self) -> None:
        self._count += 1
        name = f"{self._head}{self._count}"
        session = a_session(
            name, created_at=NOW + self._count, state={"n": 0, "text": "é\0"},
            user_id=self._random.choice([None, "u\0"]),
            group_id=self._random.choice([None, "g1", "g2"]), timeout=60.0, idle_deadline=NOW + 60,
            parent_id=self._random.choice([None, *self.live]), step=self._random.choice([0, 2**70]),
        )  # fmt: skip
        claims = (Claim(key=f"user:{name}\\0", value=name),) if self._random.random() < 0.5 else ()
        await self._store.commit(creating(session, claims=claims, counters={"created": 1.0, f"group:g1:{name}": 0.5}))
        self.live[name] = Snapshot(session)
        self._messages[name], self._journal[name] = [], []

    async def _update(self) -> None:
        name, before = self._pick()
        session = before.session
        number = session.checkpoints + 1
        run = a_run(name, worker=self._random.choice(["worker-1", None, UNOWNED]), epoch=session.epoch)
        key, message = f"call-{self._random.randrange(5)}", f"msg-{session.version:05d}"
        parts: dict[str, Any] = {
            "checkpoints": (a_checkpoint(name, number, state={"n": number, "big": "x" * self._random.randrange(200)}),),
            "drop_checkpoints": (number - 5,) if number > 5 else (),
            "journal": (an_entry(key, value=str(session.version).encode()),),
            "put": (a_message(message),),
            "counters": {"updated": 1.0},
            "events": (
                an_event("session.updated", name, group_id=session.group_id, version=session.version + 1),
                an_event("run.step", name, group_id=session.group_id, version=session.version + 1, data={"n": number}),
            ),
        }
        if self._journal[name] and self._random.random() < 0.2:
            parts["drop_journal"] = (("run-1", self._journal[name].pop(0)),)
        if self._messages[name] and self._random.random() < 0.7:
            parts["take"] = (self._messages[name].pop(0),)
        change = updating(
            session, run, parts=parts, state={"n": number}, checkpoints=number, status=Status.IN_PROGRESS,
            last_activity=session.last_activity + 1,
        )  # fmt: skip
        await self._store.commit(change)
        self._messages[name].append(message)
        self._journal[name] = [one for one in self._journal[name] if one != key] + [key]
        assert change.after is not None
        self.live[name] = change.after

    async def _end(self) -> None:
        name, before = self._pick()
        if before.session.status is Status.COMPLETED:
            return
        change = updating(before.session, before.run, status=Status.COMPLETED, ended_at=NOW + 1000)
        await self._store.commit(change)
        assert change.after is not None
        self.live[name] = change.after

    async def _delete(self) -> None:
        name, before = self._pick()
        if before.session.status is Status.COMPLETED:
            await self._store.commit(deleting(before.session))
            del self.live[name]

    async def _fork(self) -> None:
        name, before = self._pick()
        if not before.session.checkpoints:
            return
        self._count += 1
        new = f"{self._head}{self._count}"
        source = a_checkpoint(name, before.session.checkpoints, pinned=True)
        pinned = replace(source, state_json=None)
        session = a_session(new, created_at=NOW + self._count, checkpoints=1)
        await self._store.commit(
            creating(session, checkpoints=(pinned, a_checkpoint(new, 1)), journal=(an_entry("call-0"), an_entry("a")))
        )
        self.live[new] = Snapshot(session)
        self._messages[new], self._journal[new] = [], ["call-0", "a"]

    async def _regroup(self) -> None:
        name = self._random.choice(["g1", "g2"])
        group = await self._store.load_group(name)
        if group is None:
            await self._store.commit(creating_group(a_group(name)))
        else:
            await self._store.commit(updating_group(replace(group, counts={}), metadata={"v": group.version}))
        kept = (await self._store.documents("kind")).get(name)
        body = None if kept is not None and self._random.random() < 0.4 else str(self._random.random()).encode()
        await self._store.put_document("kind", name, body, expected=kept)

    def _pick(self) -> tuple[str, Snapshot]:
        name = self._random.choice(list(self.live))
        return name, self.live[name]


async def contents(store: Store) -> dict[str, Any]:
    """All that a live store has of its sessions, groups, counters and events."""
    found: dict[str, Any] = {}
    order = Order(SortField.ID, descending=False)
    page = await store.list_sessions(EVERYTHING, order, cursor=None, limit=ENDLESS, now=NOW)
    for session in page.items:
        found[f"session {session.id}"] = await _session(store, session.id)
    groups = (await store.list_groups(cursor=None, limit=ENDLESS)).items
    found |= {f"group {group.id}": replace(group, counts={}) for group in groups}
    found["counters"] = {**await store.counters(), **await store.counters("group:")}
    found["documents"] = await store.documents("kind")
    found["events"] = {event.seq: event for event in await store.list_events(limit=ENDLESS)}
    return found


async def _session(store: Store, name: str) -> dict[str, Any]:
    saved = await store.list_checkpoints(name, after=0, limit=ENDLESS)
    snapshot = await store.load(name)
    assert snapshot is not None
    return {
        "snapshot": snapshot,
        "state": snapshot.session.state_json,
        "checkpoints": [await store.load_checkpoint(name, one.number) for one in saved],
        "journal": await store.load_journal(name, "run-1"),
        "inbox": await store.inbox(name),
    }


async def archived(database: Database) -> dict[str, Any]:
    """The same, as the archive has it; ``gone`` are the sessions that were let go."""

    def read(connection: Any) -> dict[str, Any]:
        names = connection.execute(select(tables.sessions.c.id).where(tables.sessions.c.gone_at.is_(None)))
        found: dict[str, Any] = {}
        for kept in remaking.load(connection, list(names.scalars())):
            session = kept.session
            found[f"session {session.id}"] = {
                "snapshot": Snapshot(session, kept.run),
                "state": session.state_json,
                "checkpoints": sorted(kept.checkpoints, key=lambda one: one.number),
                "journal": list(kept.journal),
                "inbox": sorted(kept.inbox, key=lambda one: one.id),
            }
        found |= {f"group {group.id}": group for group in remaking.load_groups(connection)}
        found["counters"] = remaking.load_counters(connection, "0")
        found["documents"] = {name: body for _, name, body in remaking.load_documents(connection)}
        rows = connection.execute(select(tables.events)).all()
        found["events"] = {row.seq: codec.decode_event(row.document, row.seq) for row in rows}
        assert len(found["events"]) == len(rows), "an event is archived twice"
        return found

    return await database.read(read)


async def claims_of(store: RedisStore, database: Database) -> tuple[dict[str, str | None], dict[str, str]]:
    """Claims in the archive, and what the live store says of the same keys."""

    def read(connection: Any) -> dict[str, str]:
        rows = connection.execute(select(tables.claims)).all()
        return {unescaped(row.key): unescaped(row.value) for row in rows}

    kept = await database.read(read)
    return {key: await store.claim(key) for key in kept}, kept


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Where two contents differ, in words."""
    keys = sorted({*one, *other})
    return [f"{key}: {one.get(key)!r} and {other.get(key)!r}" for key in keys if one.get(key) != other.get(key)]


def restored(before: dict[str, Any]) -> dict[str, Any]:
    """What sessions must be like once they have been put back: their versions and epochs, and who executes them."""
    found = {}
    for key, value in before.items():
        if not key.startswith("session "):
            continue
        session: Session = value["snapshot"].session
        run = value["snapshot"].run
        epoch = remaking.next_generation(session.epoch)
        version = remaking.next_generation(session.version)
        if run is not None:
            worker = UNOWNED if run.worker and session.status in RUNNING else run.worker
            run = msgspec.structs.replace(run, epoch=epoch, worker=worker)
        after = Snapshot(msgspec.structs.replace(session, version=version, epoch=epoch), run)
        found[key] = {**value, "snapshot": after}
    return found


def an_archiver(store: RedisStore, database: Database, who: str = "one") -> Archiver:
    """What empties the outbox of a store, for tests that drive it by hand."""
    clock = lambda: NOW + 5000  # noqa: E731
    restorer = Restorer(database, who, f"system:{who}", clock)
    return Archiver(store.outboxes[0], database, restorer, who, clock)


async def drain(store: RedisStore, archiver: Archiver) -> None:
    """Archive until nothing is left to do."""
    while True:
        worked = await archiver.turn()
        if not worked and not (await store.outboxes[0].lag()).entries:
            return
        await asyncio.sleep(0)


async def position(database: Database) -> str:
    """How far the archive has come."""
    return await database.read(lambda connection: ledger.position_of(connection, "0"))


async def refused(change: Change, store: Store) -> bool:
    """Whether the store refuses a change."""
    try:
        await store.commit(change)
    except Conflict:
        return True
    return False
