"""How many and how large: what is exactly at a limit passes, one more is refused by name, and nothing is half done."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from nexus import AsyncNexus
from nexus.errors import InvalidInput, LimitExceeded, NexusError, PayloadTooLarge
from nexus.model import Caller
from nexus.service import Service
from nexus.testing.clock import FakeClock


def service_of(app: AsyncNexus, actor: str = "ann") -> Service:
    return app.service(Caller(actor=actor, channel="sdk"))


def told(error: NexusError) -> tuple[str, Any, Any]:
    return error.code, error.details.get("setting"), error.details.get("limit")


async def test_the_last_live_session_that_an_actor_may_have_passes_and_the_next_is_refused() -> None:
    async with AsyncNexus(store="memory://", max_live_sessions=2) as app:
        ann, bob = service_of(app), service_of(app, "bob")
        first = await ann.create_session()
        await ann.create_session()
        with pytest.raises(LimitExceeded) as caught:
            await ann.create_session(session_id="third")
        assert told(caught.value) == ("limit_exceeded", "max_live_sessions", 2)
        assert not await ann.exists("third")
        await bob.create_session()
        await ann.end_session(first.id)
        await ann.create_session(session_id="third")


async def test_forks_executions_and_reopened_sessions_need_room_too() -> None:
    async with AsyncNexus(store="memory://", max_live_sessions=2) as app:

        @app.workflow("w")
        def w() -> dict[str, int]:
            return {}

        await app.start()
        ann = service_of(app)
        first = await ann.create_session()
        second = await ann.create_session()
        with pytest.raises(LimitExceeded):
            await ann.fork_session(first.id)
        with pytest.raises(LimitExceeded):
            await ann.execute("w")
        with pytest.raises(LimitExceeded):
            await ann.get_or_create("user")
        await ann.end_session(second.id)
        third = await ann.create_session()
        with pytest.raises(LimitExceeded):
            await ann.undo_session(second.id)
        await ann.end_session(third.id, status="cancelled")
        await ann.undo_session(second.id)
        with pytest.raises(LimitExceeded):
            await ann.resume_session(third.id)


async def test_sessions_past_their_time_take_no_room() -> None:
    clock = FakeClock()
    async with AsyncNexus(store="memory://", max_live_sessions=1, clock=clock) as app:
        await service_of(app).create_session(timeout=10)
        clock.advance(11)
        await service_of(app).create_session()


async def test_an_actor_s_name_is_no_pattern() -> None:
    async with AsyncNexus(store="memory://", max_live_sessions=1) as app:
        await service_of(app, "ann").create_session()
        await service_of(app, "a*").create_session()
        with pytest.raises(LimitExceeded):
            await service_of(app, "a*").create_session()


async def test_processes_that_ask_at_once_share_the_room_exactly(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 's.db'}"
    async with AsyncExitStack() as stack:
        apps = [
            await stack.enter_async_context(AsyncNexus(store=store, max_live_sessions=7, max_group_sessions=5))
            for _ in range(3)
        ]
        await service_of(apps[0]).create_group("g")
        work = [service_of(app).create_session(group="g" if n % 2 else None) for app in apps for n in range(10)]
        made = await asyncio.gather(*work, return_exceptions=True)
        assert sum(isinstance(each, LimitExceeded) for each in made) == 23
        page = await service_of(apps[0]).list_sessions()
        assert page.total == 7
        assert (await service_of(apps[0]).get_group("g")).total <= 5


async def test_a_group_takes_as_many_sessions_as_it_may_have() -> None:
    async with AsyncNexus(store="memory://", max_group_sessions=2) as app:
        ann = service_of(app)
        await ann.create_group("g")
        parent = await ann.create_session(group="g")
        await ann.create_session(group="g")
        joining: tuple[dict[str, Any], ...] = ({"group": "g"}, {"parent_session": parent.id})
        for wanted in joining:
            with pytest.raises(LimitExceeded) as caught:
                await ann.create_session(**wanted)
            assert told(caught.value) == ("limit_exceeded", "max_group_sessions", 2)
        await ann.create_session()


async def test_documents_exactly_at_their_limit_pass() -> None:
    async with AsyncNexus(store="memory://", max_state_bytes=100, max_metadata_bytes=50) as app:
        ann = service_of(app)
        given: dict[str, Any]
        state, metadata = {"k": "x" * 92}, {"k": "x" * 42}
        made = await ann.create_session(state=state, metadata=metadata)
        for given, setting, limit in (
            ({"state": {"k": "x" * 93}}, "max_state_bytes", 100),
            ({"metadata": {"k": "x" * 43}}, "max_metadata_bytes", 50),
            ({"parent_session": made.id, "metadata": {"l": 1}}, "max_metadata_bytes", 50),
        ):
            with pytest.raises(PayloadTooLarge) as caught:
                await ann.create_session(**given)
            assert told(caught.value) == ("payload_too_large", setting, limit)
            assert setting in caught.value.message
        await ann.patch_session(made.id, {"k": "y" * 92})
        with pytest.raises(PayloadTooLarge) as caught:
            await ann.patch_session(made.id, {"k": "y" * 93})
        assert told(caught.value) == ("payload_too_large", "max_state_bytes", 100)
        with pytest.raises(PayloadTooLarge):
            await ann.create_group("g", metadata={"k": "x" * 43})
        assert (await ann.list_sessions()).total == 1


async def test_an_id_exactly_at_its_limit_passes() -> None:
    async with AsyncNexus(store="memory://", max_id_length=40) as app:
        ann = service_of(app)
        made = await ann.create_session(session_id="x" * 40)
        await ann.create_group("g" * 40)
        for refused in (
            ann.create_session(session_id="x" * 41),
            ann.create_group("g" * 41),
            ann.fork_session(made.id, new_session_id="x" * 41),
        ):
            with pytest.raises(InvalidInput) as caught:
                await refused
            assert told(caught.value) == ("invalid_input", "max_id_length", 40)


async def test_events_of_deleted_sessions_go_after_their_retention_and_a_cursor_before_them_is_told() -> None:
    clock = FakeClock()
    async with AsyncNexus(store="memory://", session_retention=100, event_retention=1000, clock=clock) as app:
        ann = service_of(app)
        made = await ann.create_session()
        await ann.end_session(made.id)
        sweeper = app.parts.sweeper
        clock.advance(101)
        assert await sweeper.delete_old() == 1
        assert len((await app.store.read_events("0", 99)).events) == 3
        clock.advance(850)
        await sweeper.delete_old()
        assert len((await app.store.read_events("0", 99)).events) == 3
        clock.advance(150)
        await sweeper.delete_old()
        first = await anext(ann.feed(cursor="1"))
        assert first.trimmed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_live_sessions", -1), ("max_group_sessions", -1), ("max_streams", -1), ("max_streams_per_actor", -1),
        ("request_burst", -1), ("max_metadata_bytes", 0), ("max_id_length", 31), ("max_id_length", 129),
        ("max_requests_per_second", -1), ("max_requests_per_second", 0.001), ("max_requests_per_second", float("nan")),
        ("event_retention", -1), ("event_retention", float("nan")),
    ],
)  # fmt: skip
def test_a_limit_that_is_none_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=name):
        AsyncNexus(**{name: value})
