"""A server that goes away, hangs, loses answers, fills up or is emptied: bounded waits, and nothing done twice."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from nexus import AsyncNexus
from nexus.errors import StoreUnavailable
from nexus.stores.base import Conflict, Snapshot
from nexus.stores.redis import RedisStore
from nexus.testing.builders import NOW, a_session, creating, deleting, updating
from nexus.testing.contract.harness import must_load
from tests.core.stores.redis.proxy import FaultProxy
from tests.core.stores.redis.servers import Server, ask, free_ports, single


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with single(tmp_path_factory.mktemp("server")) as running:
        yield running


def a_store(url: str, prefix: str | None = None, *, timeout: float = 5.0, patience: float = 10.0) -> RedisStore:
    return RedisStore(url, prefix=prefix or f"t:{uuid4().hex}:", timeout=timeout, patience=patience)


async def test_a_commit_whose_answer_was_lost_is_done_once(server: Server) -> None:
    async with FaultProxy(server.port) as proxy, a_store(proxy.url) as store:
        session = a_session("s1", state={"n": 0})
        await store.commit(creating(session))
        proxy.lose_replies = 1
        committed = await store.commit(updating(session, state={"n": 1}, parts={"counters": {"done": 1.0}}))
        assert proxy.lost.is_set()
        assert [event.seq for event in committed.events] == [2]
        stored = (await must_load(store, "s1")).session
        assert (stored.version, stored.state) == (2, {"n": 1})
        assert await store.counters() == {"done": 1.0}
        assert [event.seq for event in await store.list_events(limit=9)] == [1, 2]


async def test_a_lost_answer_is_told_rightly_even_when_others_went_on_meanwhile(server: Server) -> None:
    prefix = f"t:{uuid4().hex}:"
    async with (
        FaultProxy(server.port) as proxy,
        a_store(proxy.url, prefix) as store,
        a_store(server.url, prefix) as other,
    ):
        session = a_session("s1")
        await store.commit(creating(session))
        change = updating(session, step=1)
        proxy.lose_replies = 1
        proxy.admits.clear()
        late = asyncio.create_task(store.commit(change))
        await proxy.lost.wait()
        assert change.after is not None
        further = updating(change.after.session, step=2)
        await other.commit(further)
        assert further.after is not None
        await other.commit(deleting(further.after.session))
        proxy.admits.set()
        committed = await late
        assert [event.seq for event in committed.events] == [2]
        assert await store.load("s1") is None


async def test_a_refused_commit_whose_answer_was_lost_is_refused_again(server: Server) -> None:
    async with FaultProxy(server.port) as proxy, a_store(proxy.url) as store:
        session = a_session("s1")
        await store.commit(creating(session))
        proxy.lose_replies = 1
        with pytest.raises(Conflict) as caught:
            await store.commit(creating(session))
        assert caught.value.current is not None
        assert caught.value.current.session == session


async def test_updates_through_connections_that_break_all_the_time_add_up(server: Server) -> None:
    clients, each = 8, 12
    async with FaultProxy(server.port) as proxy, a_store(proxy.url, patience=60) as store:
        await store.commit(creating(a_session("s1", state={"n": 0})))

        async def add(count: int) -> None:
            current: Snapshot | None = await must_load(store, "s1")
            while count and current is not None:
                change = updating(current.session, state={"n": current.session.state["n"] + 1})
                try:
                    await store.commit(change)
                    current, count = change.after, count - 1
                except Conflict as conflict:
                    current = conflict.current
                if count % 5 == 0:
                    proxy.lose_replies = 1

        await asyncio.gather(*(add(each) for _ in range(clients)))
        stored = (await must_load(store, "s1")).session
        assert (stored.state["n"], stored.version) == (clients * each, clients * each + 1)
        assert len(await store.list_events(session_id="s1", limit=1000)) == clients * each + 1


async def test_a_server_that_hangs_is_told_in_bounded_time_and_found_again(tmp_path: Path) -> None:
    with single(tmp_path) as server:
        async with a_store(server.url, timeout=0.2, patience=0.4) as store:
            await store.commit(creating(a_session("s1")))
            server.send(signal.SIGSTOP)
            try:
                async with asyncio.timeout(20):
                    with pytest.raises(StoreUnavailable) as caught:
                        await store.load("s1")
                assert caught.value.details["reason"] == "unreachable"
                assert not (await store.health()).ok
            finally:
                server.send(signal.SIGCONT)
            async with asyncio.timeout(30):
                while await _is_away(store):
                    pass
            assert (await must_load(store, "s1")).session.id == "s1"


async def _is_away(store: RedisStore) -> bool:
    return not (await store.health()).ok


async def test_a_server_that_says_nothing_is_told_in_bounded_time(server: Server) -> None:
    async with FaultProxy(server.port) as proxy, a_store(proxy.url, timeout=0.2, patience=0.5) as store:
        proxy.silent = True
        async with asyncio.timeout(20):
            with pytest.raises(StoreUnavailable, match="no answer within"):
                await store.load("s1")
        proxy.silent = False
        assert await store.load("s1") is None


async def test_a_killed_server_that_comes_back_has_every_acknowledged_commit(tmp_path: Path) -> None:
    with single(tmp_path, "--save", "", "--appendonly", "yes", "--appendfsync", "always") as server:
        async with a_store(server.url, patience=60) as store:
            acknowledged = []
            for number in range(50):
                await store.commit(creating(a_session(f"s{number}")))
                acknowledged.append(f"s{number}")
            server.stop()
            waiting = asyncio.create_task(store.commit(creating(a_session("while-away"))))
            await asyncio.to_thread(server.start)
            await waiting
            found = await store.load_many([*acknowledged, "while-away"])
            assert set(found) == {*acknowledged, "while-away"}


async def test_a_place_where_nobody_listens_is_named_without_its_password() -> None:
    (port,) = free_ports(1)
    store = a_store(f"redis://user:hush@127.0.0.1:{port}/0", timeout=0.2, patience=0.1)
    with pytest.raises(StoreUnavailable) as caught:
        await store.__aenter__()
    assert f"redis://127.0.0.1:{port}/0" in caught.value.message
    assert "hush" not in caught.value.message
    assert "hush" not in store.url


async def test_passwords_are_sent_and_wrong_ones_are_told(tmp_path: Path) -> None:
    with single(tmp_path) as server:
        ask(server.port, "ACL", "SETUSER", "nexus", "on", ">p@ss", "~*", "&*", "+@all")
        ask(server.port, "ACL", "SETUSER", "default", "off")
        async with a_store(f"redis://nexus:p%40ss@127.0.0.1:{server.port}/0") as store:
            await store.commit(creating(a_session("s1")))
        for userinfo in ("nexus:wrong@", ""):
            with pytest.raises(StoreUnavailable) as caught:
                await a_store(f"redis://{userinfo}127.0.0.1:{server.port}/0").__aenter__()
            assert caught.value.details["reason"] == "refused"


async def test_a_server_that_forgets_its_scripts_is_given_them_again(server: Server) -> None:
    async with a_store(server.url) as store:
        await store.commit(creating(a_session("s1")))
        ask(server.port, "SCRIPT", "FLUSH")
        await store.commit(creating(a_session("s2")))
        assert set(await store.load_many(["s1", "s2"])) == {"s1", "s2"}


async def test_a_full_server_says_so_and_changes_nothing(tmp_path: Path) -> None:
    with single(tmp_path) as server:
        async with a_store(server.url) as store:
            session = a_session("s1")
            await store.commit(creating(session))
            ask(server.port, "CONFIG", "SET", "maxmemory", "1")
            with pytest.raises(StoreUnavailable) as caught:
                await store.commit(updating(session, step=1))
            assert caught.value.details["reason"] == "full"
            ask(server.port, "CONFIG", "SET", "maxmemory", "0")
            assert (await must_load(store, "s1")).session == session
            assert len(await store.list_events(limit=9)) == 1


async def test_a_server_that_was_emptied_is_told_to_those_who_follow(tmp_path: Path) -> None:
    with single(tmp_path) as server:
        async with a_store(server.url) as store:
            for number in range(5):
                await store.commit(creating(a_session(f"s{number}")))
            cursor = (await store.read_events(None, 1)).cursor
            ask(server.port, "FLUSHALL")
            assert await store.wait_events(cursor, 30)
            batch = await store.read_events(cursor, 9)
            assert (batch.events, batch.trimmed, batch.cursor) == ((), True, "0")
            waiting = asyncio.create_task(store.wait_events(batch.cursor, 30))
            await store.commit(creating(a_session("new")))
            assert await waiting
            assert [event.session_id for event in (await store.read_events(batch.cursor, 9)).events] == ["new"]


async def test_waiting_outlives_a_connection_that_breaks(server: Server) -> None:
    prefix = f"t:{uuid4().hex}:"
    async with (
        FaultProxy(server.port) as proxy,
        a_store(proxy.url, prefix) as store,
        a_store(server.url, prefix) as other,
    ):
        waiting = asyncio.create_task(store.wait_events("0", 30))
        while proxy.connections < 2:
            await asyncio.sleep(0)
        proxy.cut()
        await other.commit(creating(a_session("s1", created_at=NOW)))
        assert await waiting


async def test_as_few_numbers_are_remembered_as_there_were_commits_at_once(server: Server) -> None:
    prefix = f"t:{uuid4().hex}:"
    async with a_store(server.url, prefix) as store:
        for number in range(20):
            await store.commit(creating(a_session(f"s{number}")))
        (key,) = [key for key in ask(server.port, "KEYS", f"{prefix}*") if "}:done:" in key]
        assert 0 < int(ask(server.port, "TTL", key)) <= 3600
        await asyncio.gather(*(store.commit(creating(a_session(f"t{number}"))) for number in range(8)))
        await asyncio.gather(*(store.commit(creating(a_session(f"u{number}"))) for number in range(8)))
        assert len([key for key in ask(server.port, "KEYS", f"{prefix}*") if "}:done:" in key]) == 8


async def test_numbers_that_nobody_will_hear_of_go_by_themselves(server: Server) -> None:
    prefix = f"t:{uuid4().hex}:"
    async with a_store(server.url, prefix) as store:
        for number in range(100):
            task = asyncio.create_task(store.commit(creating(a_session(f"s{number}"))))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await store.commit(creating(a_session("last")))
        keys = [key for key in ask(server.port, "KEYS", f"{prefix}*") if "}:done:" in key]
        assert 1 <= len(keys) <= 101
        assert all(0 < int(ask(server.port, "TTL", key)) <= 3600 for key in keys)


async def test_however_many_wait_for_a_server_all_are_told_in_bounded_time(server: Server) -> None:
    async with FaultProxy(server.port) as proxy, a_store(proxy.url, timeout=0.3, patience=0.5) as store:
        proxy.silent = True
        async with asyncio.timeout(10):
            said = await asyncio.gather(*(store.load("s1") for _ in range(100)), return_exceptions=True)
        assert all(isinstance(each, StoreUnavailable) for each in said)
        proxy.cut()
        proxy.silent = False
        assert await asyncio.gather(*(store.load("s1") for _ in range(100))) == [None] * 100
        assert proxy.connections < 20


async def test_health_is_told_sooner_than_calls_give_up(server: Server) -> None:
    async with FaultProxy(server.port) as proxy, a_store(proxy.url, patience=600) as store:
        assert (await store.health()).ok
        proxy.refuse()
        async with asyncio.timeout(30):
            health = await store.health()
        assert not health.ok
        assert "can't be reached" in health.detail
        assert "Connect call failed" in health.detail
        await proxy.listen()
        async with asyncio.timeout(30):
            while await _is_away(store):
                pass


async def test_callers_who_queue_for_one_session_are_told_together(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FaultProxy(server.port) as proxy:
        monkeypatch.setattr(
            "nexus.partition.open_store", lambda url, prefix, **_: a_store(url, prefix, timeout=0.3, patience=0.5)
        )
        async with AsyncNexus(store=proxy.url, session_prefix=f"t:{uuid4().hex}:") as app:
            service = app.service(app.local_caller("sdk"))
            await service.create_session(session_id="s1")
            proxy.silent = True
            async with asyncio.timeout(10):
                patches = [service.patch_session("s1", {f"key-{number}": 1}) for number in range(100)]
                said = await asyncio.gather(*patches, return_exceptions=True)
            assert all(isinstance(each, StoreUnavailable) for each in said)
            proxy.cut()
            proxy.silent = False
            session = await service.patch_session("s1", {"last": 1})
            assert session.version == 1 + len(session.state)
