"""Commits that replicas have to have: acknowledged when they do, honestly refused when not, and no burden to others."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from nexus import AsyncNexus
from nexus.errors import InvalidInput, StoreUnavailable
from nexus.settings import load_settings
from nexus.stores.base import Conflict
from nexus.stores.redis import RedisStore
from nexus.stores.redis.replicas import Demand
from nexus.testing.builders import a_checkpoint, a_session, creating, updating
from nexus.testing.contract.harness import must_load
from tests.core.stores.redis.proxy import FaultProxy
from tests.core.stores.redis.servers import Server, ask, replicated

_LONG = 30.0


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    with replicated(tmp_path_factory.mktemp("replicas")) as servers:
        yield servers


@pytest.fixture
def frozen(pair: tuple[Server, Server]) -> Iterator[None]:
    """While the replica hears nothing."""
    pair[1].send(signal.SIGSTOP)
    yield
    pair[1].send(signal.SIGCONT)


def a_store(url: str, prefix: str | None = None, *, replicas: int = 1, timeout: float = _LONG) -> RedisStore:
    return RedisStore(url, prefix=prefix or f"t:{uuid4().hex}:", demand=Demand(replicas, timeout))


async def test_a_checkpoint_is_acknowledged_when_the_replica_has_it(pair: tuple[Server, Server]) -> None:
    primary, replica = pair
    prefix = f"t:{uuid4().hex}:"
    async with a_store(primary.url, prefix) as store:
        session = a_session("s1")
        await store.commit(creating(session))
        for number in range(1, 6):
            change = updating(session, step=number, parts={"checkpoints": (a_checkpoint("s1", number),)})
            await store.commit(change)
            assert change.after is not None
            session = change.after.session
            (record,) = ask(replica.port, "KEYS", f"{prefix}*:r:s1")
            assert ask(replica.port, "HGET", record, "v") == str(session.version)


async def test_many_checkpoints_at_once_share_their_waits(pair: tuple[Server, Server]) -> None:
    async with a_store(pair[0].url) as store:
        await asyncio.gather(*(store.commit(creating(a_session(f"s{number}"))) for number in range(600)))
        assert len(await store.list_events(limit=1000)) == 600


@pytest.mark.usefixtures("frozen")
async def test_a_checkpoint_that_no_replica_has_in_time_is_made_and_said_to_be(pair: tuple[Server, Server]) -> None:
    async with a_store(pair[0].url, timeout=0.05) as store:
        session = a_session("s1")
        with pytest.raises(StoreUnavailable, match="the change is made") as caught:
            await store.commit(creating(session))
        assert caught.value.details["reason"] == "replicas"
        assert caught.value.details["committed"] is True
        assert caught.value.details["replicas"] == 0
        change = updating(session, step=1, parts={"checkpoints": (a_checkpoint("s1", 1),), "counters": {"n": 1.0}})
        with pytest.raises(StoreUnavailable):
            await store.commit(change)
        with pytest.raises(Conflict):
            await store.commit(change)
        assert (await must_load(store, "s1")).session.version == 2
        assert await store.counters() == {"n": 1.0}


@pytest.mark.usefixtures("frozen")
async def test_those_who_need_no_replica_do_not_wait_for_those_who_do(pair: tuple[Server, Server]) -> None:
    prefix = f"t:{uuid4().hex}:"
    async with RedisStore(pair[0].url, prefix=prefix) as other:
        await other.commit(creating(a_session("s1")))
    async with a_store(pair[0].url, prefix) as store:
        waiting = asyncio.create_task(store.commit(creating(a_session("s2"))))
        while await store.load("s2") is None:
            await asyncio.sleep(0)
        await store.commit(updating(a_session("s1"), step=1))
        assert not waiting.done()
        pair[1].send(signal.SIGCONT)
        await waiting


async def test_a_lost_answer_is_asked_for_again_and_waited_for_again(pair: tuple[Server, Server]) -> None:
    async with FaultProxy(pair[0].port) as proxy, a_store(proxy.url) as store:
        await store.commit(creating(a_session("s1")))
        proxy.lose_replies = 1
        change = updating(a_session("s1"), parts={"checkpoints": (a_checkpoint("s1", 1),), "counters": {"n": 1.0}})
        await store.commit(change)
        assert proxy.lost.is_set()
        assert await store.counters() == {"n": 1.0}
        assert len(await store.list_events(limit=9)) == 2


@pytest.mark.usefixtures("frozen")
async def test_a_run_goes_on_with_every_step_done_once_while_replicas_are_away(pair: tuple[Server, Server]) -> None:
    app = AsyncNexus(
        store=pair[0].url, session_prefix=f"t:{uuid4().hex}:", redis_min_replicas=1, redis_replica_timeout=0.01,
        executor="local",
    )  # fmt: skip

    @app.workflow("count")
    async def count(run: Any) -> int:
        async for _ in run.steps(range(5)):
            run.state["n"] = run.state.get("n", 0) + 1
        return int(run.state["n"])

    async with app:
        with pytest.raises(StoreUnavailable, match="the change is made"):
            await app.create_session(session_id="s1")
        result = await app.execute_workflow("count", "s1")
        assert (result.status, result.outputs, result.step) == ("completed", 5, 5)


@pytest.mark.parametrize(("name", "value"), [("redis_min_replicas", -1), ("redis_replica_timeout", 0)])
def test_settings_that_make_no_sense_are_refused(name: str, value: float) -> None:
    with pytest.raises(InvalidInput, match=name):
        load_settings({name: value}, {})
