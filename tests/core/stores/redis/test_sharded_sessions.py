"""Sessions, groups and feeds as users see them, on a store that is spread over shards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from nexus.channels.client.sse import messages
from nexus.errors import InvalidInput
from nexus.model import Event
from nexus.service import Service
from nexus.stores.redis.placing import shard_of
from tests.channels.http.http_places import an_app, serving
from tests.core.stores.redis.servers import Server, single

SHARDS = 5
WRITERS = 12
EACH = 8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with single(tmp_path_factory.mktemp("server")) as running:
        yield running


class Machines:
    """Several processes of one store, as far as one process can play them."""

    def __init__(self, server: Server) -> None:
        self.settings: dict[str, Any] = {
            "store": f"{server.url}?shards={SHARDS}",
            "session_prefix": f"t:{uuid4().hex}:",
        }

    @asynccontextmanager
    async def open(self, count: int) -> AsyncIterator[list[Service]]:
        async with AsyncExitStack() as stack:
            apps = [await stack.enter_async_context(an_app(**self.settings)) for _ in range(count)]
            yield [app.service(app.local_caller("sdk")) for app in apps]


@pytest.fixture
def machines(server: Server) -> Machines:
    return Machines(server)


async def _write(service: Service, name: str) -> None:
    await service.create_session(session_id=name)
    for number in range(EACH - 1):
        await service.patch_session(name, {"n": number})


def _assert_each_once_in_its_sessions_order(seen: list[Event]) -> None:
    assert len({event.seq for event in seen}) == len(seen) == WRITERS * EACH
    for number in range(WRITERS):
        versions = [event.version for event in seen if event.session_id == f"w{number}"]
        assert versions == list(range(1, EACH + 1))


async def test_a_feed_that_is_resumed_behind_every_event_gives_each_once(machines: Machines) -> None:
    async with machines.open(3) as (first, second, reader):
        cursor, seen = await _place(reader), list[Event]()
        writing = asyncio.gather(*(_write((first, second)[n % 2], f"w{n}") for n in range(WRITERS)))
        while len(seen) < WRITERS * EACH:
            async for item in reader.feed(cursor=cursor):
                assert not item.trimmed
                cursor = item.cursor
                if item.event is not None:
                    seen.append(item.event)
                    break
        await writing
        _assert_each_once_in_its_sessions_order(seen)
        with pytest.raises(InvalidInput, match="no one order"):
            await anext(reader.feed(cursor=str(seen[0].seq)))


async def test_a_filtered_feed_that_is_resumed_gives_each_of_its_events_once(machines: Machines) -> None:
    async with machines.open(2) as (writer, reader):
        cursor, seen = await _place(reader), list[Event]()
        writing = asyncio.gather(*(_write(writer, f"w{n}") for n in range(WRITERS)))
        while len(seen) < EACH - 1:
            async for item in reader.feed("id:w3 type:session.updated", cursor=cursor):
                cursor = item.cursor
                if item.event is not None:
                    seen.append(item.event)
                    break
        await writing
        assert [event.version for event in seen] == list(range(2, EACH + 1))


async def test_an_event_stream_over_http_is_resumed_by_its_last_event_id(server: Server) -> None:
    writers, each = 7, 5
    with serving(an_app(**Machines(server).settings)) as place:
        async with httpx.AsyncClient(base_url=place.url, timeout=30) as client:

            async def write(name: str) -> None:
                await client.post("/sessions", json={"session_id": name})
                for number in range(1, each):
                    await client.patch(f"/sessions/{name}", json={"n": number})

            cursor, seen = "0", list[tuple[str, int]]()
            writing = asyncio.gather(*(write(f"w{n}") for n in range(writers)))
            while len(seen) < writers * each:
                async with client.stream("GET", "/events", headers={"Last-Event-ID": cursor}) as response:
                    told = 0
                    async for message in messages(response.aiter_bytes()):
                        cursor = message.id or cursor
                        if message.data is not None:
                            event = msgspec.json.decode(message.data)
                            seen.append((event["session_id"], event["version"]))
                            told += 1
                        if told == 4 or len(seen) == writers * each:
                            break
            await writing
            assert sorted(seen) == sorted((f"w{n}", version) for n in range(writers) for version in range(1, each + 1))
            for name in ("w0", "w6"):
                assert [version for told_of, version in seen if told_of == name] == list(range(1, each + 1))
            refused = await client.get("/events", headers={"Last-Event-ID": "17"})
            assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")


async def test_a_user_has_one_session_however_many_ask_for_it_on_many_machines(machines: Machines) -> None:
    async with machines.open(3) as services:
        for user in ("42", "ada", "zoë", "x:y"):
            asked = await asyncio.gather(*(services[n % 3].get_or_create(user) for n in range(12)))
            assert len({session.id for session in asked}) == 1
            session = asked[0]
            await services[0].end_session(session.id)
            assert (await services[1].get_or_create(user)).id != session.id


async def test_a_fork_pins_what_it_starts_from_in_whichever_shard_that_is(machines: Machines) -> None:
    async with machines.open(1) as (service,):
        source = (await service.execute("count", {"to": 3})).session_id
        shards = set()
        for number in range(20):
            fork = await service.fork_session(source, checkpoint_id="checkpoint-2", new_session_id=f"fork-{number}")
            shards.add(shard_of(fork.id, SHARDS))
            assert fork.state == {"sum": 1}
        assert len(shards) == SHARDS
        assert [each.pinned for each in (await service.list_checkpoints(source)).items] == [False, True, False]


async def test_an_idempotency_key_is_found_again_whatever_the_sessions_id(machines: Machines) -> None:
    async with machines.open(2) as (one, other):
        for name in ("plain", "a:b:c"):
            await one.create_session(session_id=name)
            first = await one.execute("count", {"to": 2}, session_id=name, idempotency_key="k:1")
            again = await other.execute("count", {"to": 5}, session_id=name, idempotency_key="k:1")
            assert (first.run_id, first.outputs) == (again.run_id, again.outputs)


async def test_groups_count_wait_for_and_end_their_members_in_all_shards(machines: Machines) -> None:
    async with machines.open(2) as (one, other):
        group = await one.create_group("batch")
        names = [f"m{n}" for n in range(30)]
        await asyncio.gather(*(one.create_session(session_id=name, group="batch") for name in names))
        assert (await other.get_group(group.id)).by_status["active"] == 30
        waiting = asyncio.create_task(other.wait_group("batch", timeout=30))
        await asyncio.gather(*(one.execute("count", {"to": 1}, session_id=name) for name in names))
        assert (await waiting).counts == {"active": 30}
        assert (await other.end_group("batch")).by_status["completed"] == 30
        assert [each.id for each in (await one.list_groups()).items] == ["batch"]
        assert (await one.statistics()).by_status["completed"] == 30


async def _place(service: Service) -> str:
    async for item in service.feed():
        return item.cursor
    raise AssertionError("the feed ended")
