"""Events: in order, resumable, and handed to the process's own handlers after the commit."""

from __future__ import annotations

from typing import Any

import pytest

from nexus import AsyncNexus
from nexus.local import LocalService
from nexus.model import Event
from nexus.testing import FakeClock


async def test_every_change_is_one_version_and_an_event_that_names_it(service: LocalService) -> None:
    session = await service.create_session()
    await service.patch_session(session.id, {"a": 1})
    await service.extend_session(session.id, 5)
    await service.sync_session(session.id, "mcp")
    await service.end_session(session.id, reason="enough")
    events = (await service.list_events(session.id)).items
    assert [(event.type, event.version) for event in events] == [
        ("session.created", 1), ("session.updated", 2), ("session.extended", 3), ("session.synced", 4),
        ("session.ended", 5),
    ]  # fmt: skip
    assert [event.seq for event in events] == sorted({event.seq for event in events})
    assert {event.actor for event in events} == {"local:tester"}
    assert events[-1].duration == 0.0
    assert events[-1].data["reason"] == "enough"


async def test_events_are_paged(service: LocalService) -> None:
    session = await service.create_session()
    for number in range(5):
        await service.patch_session(session.id, {"n": number})
    first = await service.list_events(session.id, limit=4)
    rest = await service.list_events(session.id, limit=4, cursor=first.next_cursor)
    assert [event.version for event in (*first.items, *rest.items)] == [1, 2, 3, 4, 5, 6]
    assert rest.next_cursor is None
    newest = await service.list_events(session.id, limit=2, newest=True)
    assert [event.version for event in newest.items] == [5, 6]


async def test_handlers_run_after_the_commit_and_harm_nothing_when_they_raise(
    app: AsyncNexus, service: LocalService, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[tuple[str, Any]] = []

    @app.on_session_created
    def created(event: Event) -> None:
        seen.append((event.type, event.session_id))
        raise RuntimeError("a bug of the user's")

    @app.on_session_ended
    async def ended(event: Event) -> None:
        assert event.session_id is not None
        seen.append((event.type, (await service.get_session(event.session_id)).status.value))

    @app.on_event
    def anything(event: Event) -> None:
        seen.append(("any", event.type))

    session = await service.create_session()
    await service.end_session(session.id)
    assert seen == [
        ("session.created", session.id), ("any", "session.created"),
        ("session.ended", "completed"), ("any", "session.ended"),
    ]  # fmt: skip
    assert "a bug of the user's" in caplog.text


async def test_a_feed_goes_on_from_a_cursor_without_a_gap_or_a_repeat(service: LocalService) -> None:
    session = await service.create_session()
    cursor = None
    seen: list[int | None] = []
    feed = service.feed(cursor="0")
    async for item in feed:
        if item.event is not None:
            seen.append(item.event.version)
            cursor = item.cursor
        if item.live:
            break
    await service.patch_session(session.id, {"a": 1})
    await service.patch_session(session.id, {"a": 2})
    async for item in service.feed(cursor=cursor):
        if item.event is not None:
            seen.append(item.event.version)
        if item.live:
            break
    assert seen == [1, 2, 3]


async def test_a_feed_can_be_filtered_by_session_and_by_type(service: LocalService) -> None:
    wanted = await service.create_session(metadata={"org": "acme"})
    await service.create_session()
    await service.patch_session(wanted.id, {"a": 1})
    seen = []
    async for item in service.feed("meta.org=acme type:session.u*", cursor="0"):
        if item.event is not None:
            seen.append((item.event.session_id, item.event.type))
        if item.live:
            break
    assert seen == [(wanted.id, "session.updated")]


async def test_the_last_events_of_all_sessions_can_be_asked_for(service: LocalService, clock: FakeClock) -> None:
    for number in range(4):
        await service.create_session(session_id=f"s{number}")
        clock.advance(1)
    assert [event.session_id for event in await service.recent_events(limit=2)] == ["s2", "s3"]
    assert [event.session_id for event in await service.recent_events("id:s1", limit=2)] == ["s1"]
