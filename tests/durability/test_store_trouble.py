"""A Redis in trouble under a whole service: bounded waits, ``store_unavailable``, and all goes on by itself after it.

Nothing is done twice: each patch sets a key of its own, so the version counts what was done.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import pytest

from nexus import AsyncNexus
from nexus.stores.redis import RedisStore
from tests.channels.http.http_places import serving
from tests.core.stores.redis.proxy import FaultProxy
from tests.core.stores.redis.servers import Server, single

STEPS = 25
BOUND = 20.0
"""Seconds within which any request is answered here; a hang would be longer."""
PATIENCE = 60.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with single(tmp_path_factory.mktemp("server")) as running:
        yield running


class Service:
    """A service behind a proxy, and what a user has done with it."""

    def __init__(self, proxy: FaultProxy, web: httpx.AsyncClient, store: RedisStore) -> None:
        self.proxy, self.web, self.store = proxy, web, store
        self.followed: list[int] = []
        self.done: set[str] = set()
        self.unsure: set[str] = set()
        self._keys = count()

    async def patch(self) -> None:
        """Set a key of its own in the session ``patched``; how that went is noted."""
        key = f"key-{next(self._keys)}"
        async with asyncio.timeout(BOUND):
            answer = await self.web.patch("/sessions/patched", json={key: 1})
        if answer.status_code == 503:
            assert answer.json()["code"] == "store_unavailable"
            self.unsure.add(key)
        else:
            assert answer.status_code == 200, answer.text
            self.done.add(key)

    async def ready(self, status: int) -> None:
        """Return once ``/ready`` says so."""
        async with asyncio.timeout(PATIENCE):
            while True:
                async with asyncio.timeout(BOUND):
                    if (await self.web.get("/ready")).status_code == status:
                        return
                await asyncio.sleep(0.02)

    async def run(self, session_id: str) -> None:
        """Ask for a run until that is acknowledged, under one key."""
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = await self.web.post(
                    "/workflows/sum/execute", headers={"Idempotency-Key": "once"},
                    json={"session_id": session_id, "inputs": {"count": STEPS}, "background": True},
                )  # fmt: skip
                if answer.status_code == 202:
                    return
                assert answer.json()["code"] == "store_unavailable"

    async def ran(self, session_id: str) -> None:
        """The run has ended well, and every commit of it was made once."""
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = await self.web.get(f"/sessions/{session_id}")
                if answer.status_code == 200 and answer.json()["status"] != "in_progress":
                    break
                await asyncio.sleep(0.02)
        session = answer.json()
        assert (session["status"], session["state"]) == ("active", {"sum": sum(range(STEPS))}), session
        events = await self.store.list_events(session_id=session_id, limit=10_000)
        assert [event.data["step"] for event in events if event.type == "run.step"] == list(range(1, STEPS + 1))
        kinds = [event.type for event in events]
        assert (kinds.count("run.completed"), kinds.count("session.created")) == (1, 1)
        versions = sorted({event.version or 0 for event in events})
        assert versions == list(range(1, session["version"] + 1))

    async def follow(self) -> None:
        """Follow all events, and come back behind the last one whenever the stream ends."""
        headers: dict[str, str] = {}
        while True:
            try:
                async with self.web.stream("GET", "/events", headers=headers, timeout=None) as stream:
                    if stream.status_code == 200:
                        await self._read(stream, headers)
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.02)

    async def _read(self, stream: httpx.Response, headers: dict[str, str]) -> None:
        kind = ""
        async for line in stream.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                headers["Last-Event-ID"] = value
            elif name == "event":
                kind = value
            elif name == "data":
                assert kind != "trimmed"
                self.followed.append(json.loads(value)["seq"])

    async def check(self) -> None:
        """What was acknowledged is there, nothing was done twice, and the stream missed and repeated nothing."""
        session = (await self.web.get("/sessions/patched")).json()
        there = set(session["state"])
        assert self.done <= there <= self.done | self.unsure
        assert session["version"] == 1 + len(there)
        async with asyncio.timeout(PATIENCE):
            while True:
                all_events = [event.seq for event in await self.store.list_events(limit=100_000)]
                if self.followed and self.followed[-1] >= all_events[-1]:
                    break
                await asyncio.sleep(0.02)
        assert self.followed == all_events[all_events.index(self.followed[0]) :]


@asynccontextmanager
async def a_service(server: Server, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    """One whose store gives up after a second instead of ten, and whose runs do so too."""
    prefix = f"t:{uuid4().hex}:"
    monkeypatch.setattr(
        "nexus.partition.open_store", lambda url, prefix, **_: RedisStore(url, prefix=prefix, timeout=0.5, patience=1.0)
    )
    async with FaultProxy(server.port) as proxy, RedisStore(server.url, prefix=prefix) as store:
        app = AsyncNexus(store=proxy.url, session_prefix=prefix, recovery_interval=1.5)

        @app.workflow("sum")
        async def add_up(run: Any, count: int) -> int:
            async for number in run.steps(range(count)):
                run.state["sum"] = run.state.get("sum", 0) + number
                await asyncio.sleep(0.02)
            return int(run.state["sum"])

        stack = serving(app)
        place = await asyncio.to_thread(stack.__enter__)
        try:
            async with httpx.AsyncClient(base_url=place.url, timeout=BOUND) as web:
                service = Service(proxy, web, store)
                await web.post("/sessions", json={"session_id": "patched"})
                yield service
        finally:
            await asyncio.to_thread(stack.__exit__, None, None, None)


async def latency(service: Service) -> None:
    service.proxy.latency = 0.05
    for _ in range(5):
        await service.patch()
    service.proxy.latency = 0.0


async def blackhole(service: Service) -> None:
    service.proxy.flows.clear()
    await _while_away(service)
    service.proxy.flows.set()


async def refuse(service: Service) -> None:
    service.proxy.refuse()
    await _while_away(service)
    await service.proxy.listen()


async def swallowed_answers(service: Service) -> None:
    service.proxy.silent = True
    await _while_away(service)
    service.proxy.cut()
    service.proxy.silent = False


async def _while_away(service: Service) -> None:
    await asyncio.gather(service.ready(503), *(service.patch() for _ in range(5)))
    assert len(service.unsure) == 5


async def reset(service: Service) -> None:
    for _ in range(10):
        patching = asyncio.create_task(service.patch())
        await asyncio.sleep(0.001)
        service.proxy.cut()
        await patching


async def lost_answers(service: Service) -> None:
    for _ in range(10):
        service.proxy.lose_replies = 1
        await service.patch()


@pytest.mark.parametrize("fault", [latency, blackhole, refuse, swallowed_answers, reset, lost_answers])
async def test_a_service_outlives_its_stores_trouble(
    server: Server, monkeypatch: pytest.MonkeyPatch, fault: Callable[[Service], Awaitable[None]]
) -> None:
    async with a_service(server, monkeypatch) as service:
        following = asyncio.create_task(service.follow())
        await service.ready(200)
        await service.run("before")
        asking = asyncio.gather(fault(service), service.run("meanwhile"))
        await asking
        await service.ready(200)
        await service.patch()
        await service.run("after")
        for session_id in ("before", "meanwhile", "after"):
            await service.ran(session_id)
        assert service.done
        await service.check()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
