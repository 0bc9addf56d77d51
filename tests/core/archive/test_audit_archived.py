"""The audit outlives a Redis that loses its data: one chain over both, without gap or repeat, and proved."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest

from nexus import AsyncNexus, NexusError
from nexus.archive import audited
from nexus.archive.kept import KeptStore
from nexus.audit import verify
from nexus.model import Caller
from nexus.model.audit import AuditHead, AuditRecord, anchor_of
from nexus.service import Service
from tests.core.stores.redis.servers import Server, ask, single

LONGEST = 60.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with single(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(autouse=True)
def _empty(server: Server) -> None:
    ask(server.port, "FLUSHALL")


def an_app(server: Server, database_url: str) -> AsyncNexus:
    return AsyncNexus(store=server.url, session_persistence=True, database_url=database_url, session_timeout=0)


async def until(what: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LONGEST):
        while not await what():
            await asyncio.sleep(0.02)


def kept_of(app: AsyncNexus) -> KeptStore:
    store: Any = app.store
    found = store.live
    assert isinstance(found, KeptStore)
    return found


async def archived(app: AsyncNexus) -> AuditHead:
    """The head, once the archive has it."""

    async def done() -> bool:
        (head,) = await app.store.audit_heads()
        return head == await kept_of(app).keeper.database.read(partial(audited.last_of, chain=""))

    await until(done)
    (head,) = await app.store.audit_heads()
    return head


def operator(app: AsyncNexus) -> Service:
    return app.service(Caller(actor="ann", channel="cli"))


async def work(app: AsyncNexus, first: int) -> None:
    """Three changes and a refusal."""
    service = operator(app)
    await service.create_session(session_id=f"s{first}", state={"n": 0})
    await service.patch_session(f"s{first}", {"n": 1})
    await service.patch_session(f"s{first}", {"n": 2})
    with pytest.raises(NexusError):
        await service.end_session("none")


async def whole(app: AsyncNexus, *noted: AuditHead) -> list[AuditRecord]:
    """All records, page by page from both ends, after a look at the chain."""
    verdict = await verify(app.store, noted)
    assert verdict.intact, verdict.broken
    assert not verdict.unchecked
    forth: list[AuditRecord] = []
    cursor: str | None = None
    while True:
        page = await operator(app).audit(cursor=cursor, limit=3)
        forth += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    back = (await operator(app).audit(newest=True, limit=500)).items
    assert list(back)[::-1] == forth
    begins = verdict.trimmed[0].count if verdict.trimmed else 0
    assert [each.seq for each in forth] == list(range(begins + 1, begins + len(forth) + 1))
    return forth


async def test_the_audit_outlives_two_losses_and_goes_on(server: Server, database_url: str) -> None:
    async with an_app(server, database_url) as app:
        await app.start()
        await work(app, 1)
        first = await archived(app)
        before = await whole(app, first)
        ask(server.port, "FLUSHALL")
        await work(app, 2)
        after = await whole(app, first)
        assert after[: len(before)] == before
        assert [each.action for each in after[len(before) :]][:2] == ["restore", "create"]
        second = await archived(app)
        ask(server.port, "FLUSHALL")
        assert (await app.get_session("s1")).state == {"n": 2}
        assert len(await whole(app, first, second)) > len(after)
        await archived(app)
    async with an_app(server, database_url) as app:
        assert (await whole(app, first, second))[: len(before)] == before


async def test_what_was_written_since_the_loss_comes_behind_the_archive_s(server: Server, database_url: str) -> None:
    async with an_app(server, database_url) as app:
        await app.start()
        await work(app, 1)
        head = await archived(app)
        # Somebody who knows nothing of the archive writes into the empty store, before anybody notices.
        ask(server.port, "FLUSHALL")
        async with AsyncNexus(store=server.url) as other:
            with pytest.raises(NexusError):
                await other.service(other.local_caller("cli")).end_session("early")
        await work(app, 2)
        found = await whole(app, head)
        assert [each.target for each in found if each.code == "session_not_found"].count("early") == 1


async def test_retention_reaches_into_the_archive(server: Server, database_url: str) -> None:
    async with an_app(server, database_url) as app:
        await app.start()
        await work(app, 1)
        await archived(app)
        ask(server.port, "FLUSHALL")
        await work(app, 2)
        end = await archived(app)
        for upto in (2, end.count - 1):
            (row,) = await app.store.read_audit("", after=upto - 1, limit=1)
            last = AuditHead(chain="", count=upto, hash=row.hash)
            anchor = anchor_of(last, 1, at=0, actor="system:h", kept=60)
            assert await app.store.trim_audit(last, anchor) > 0
            assert await app.store.trim_audit(last, anchor) == 0
            assert (await whole(app))[0].seq == upto + 1
            await archived(app)
        rows = await kept_of(app).keeper.database.read(partial(audited.first_of, chain=""))
        assert rows == end.count
        ask(server.port, "FLUSHALL")
        await work(app, 3)
        assert (await whole(app))[0].seq == end.count


async def test_what_is_not_archived_yet_is_not_trimmed(server: Server, database_url: str) -> None:
    async with an_app(server, database_url) as app:
        await app.start()
        await work(app, 1)
        head = await archived(app)
        async with AsyncNexus(store=server.url) as other:
            assert await other.store.trim_audit(head, anchor_of(head, 1, at=0, actor="x", kept=1)) == 0
        beyond = AuditHead(chain="", count=head.count + 9, hash=head.hash)
        assert await app.store.trim_audit(beyond, anchor_of(beyond, 1, at=0, actor="x", kept=1)) == 0


async def test_a_redis_that_went_back_is_followed(server: Server, tmp_path: Any) -> None:
    database_url = f"sqlite:///{tmp_path / 'archive.sqlite3'}"
    async with an_app(server, database_url) as app:
        await app.start()
        await work(app, 1)
        head = await archived(app)
        outbox: Any = kept_of(app).outboxes[0]
        meta, chain = outbox._keys.meta.decode(), outbox._keys.audit.decode()
        (before,) = await app.store.read_audit("", after=head.count - 2, limit=1)
    kept = ask(server.port, "XRANGE", chain, "-", "+")[:-1]
    ask(server.port, "DEL", chain)
    for number, fields in kept:
        ask(server.port, "XADD", chain, number, *fields)
    ask(server.port, "HSET", meta, "audit_seq", str(before.seq), "audit_hash", before.hash)
    async with an_app(server, database_url) as app:
        await app.start()
        await work(app, 2)
        await archived(app)
        await whole(app)
        rows = await kept_of(app).keeper.database.read(
            partial(audited.read, chain="", after=0, before=99, limit=99, newest=False)
        )
        assert rows == await app.store.read_audit("", limit=99)
