"""Sessions through the service: what a caller can rely on."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from nexus import AsyncNexus
from nexus.errors import (
    GroupNotFound,
    InvalidInput,
    InvalidTransition,
    PayloadTooLarge,
    SessionExists,
    SessionExpired,
    SessionNotFound,
    VersionConflict,
)
from nexus.local import LocalService
from nexus.model import Caller, Status
from nexus.testing import FakeClock


async def test_a_new_session_is_active_and_knows_where_it_began(service: LocalService) -> None:
    session = await service.create_session(metadata={"user_id": "u"}, state={"a": []})
    assert session.id.startswith("sess_")
    assert (session.status, session.channel, session.channels) == (Status.ACTIVE, "api", ("api",))
    assert (session.owner, session.version, session["a"]) == ("local:tester", 1, [])
    assert session.expires_at == session.created_at + 100
    assert await service.get_session(session.id) == session


async def test_an_id_is_given_out_once(service: LocalService) -> None:
    await service.create_session(session_id="one")
    with pytest.raises(SessionExists) as refused:
        await service.create_session(session_id="one")
    assert refused.value.details["session_id"] == "one"


@pytest.mark.parametrize("odd", ["", "a b", "é", "x" * 129, "a/b", "a\n", "\x1b[2J", "..%2f"])
async def test_an_odd_id_is_refused_by_name(service: LocalService, odd: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await service.create_session(session_id=odd)
    assert refused.value.details["field"] == "session_id"


async def test_json_comes_back_as_it_went_in(service: LocalService) -> None:
    state: dict[str, Any] = {"z": [], "a": {}, "big": 2**200, "neg": -(2**63) - 1, "f": 1.0, "t": True, "nul": None}
    session = await service.create_session(state=state)
    back = (await service.get_session(session.id)).state
    assert back == state
    assert list(back) == list(state)
    assert type(back["f"]) is float
    assert back["t"] is True


@pytest.mark.parametrize("bad", [math.nan, math.inf, {1: 2}, {"x": object()}, {"x": {1, 2}}, "\ud800"])
async def test_what_is_not_json_is_refused_by_its_path(service: LocalService, bad: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        await service.create_session(state={"deep": [bad]})
    assert str(refused.value.details["field"]).startswith("state.deep[0]")


async def test_nesting_is_bounded(service: LocalService) -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InvalidInput, match="nested deeper"):
        await service.create_session(state={"deep": deep})


async def test_state_over_its_limit_is_refused(service: LocalService) -> None:
    session = await service.create_session(state={"a": "x" * 1_000_000})
    with pytest.raises(PayloadTooLarge):
        await service.patch_session(session.id, {"b": "x" * 100_000})
    assert "b" not in await service.get_session(session.id)


async def test_a_patch_merges_and_null_removes(service: LocalService) -> None:
    session = await service.create_session(state={"a": {"x": 1, "y": 2}, "b": 1})
    patched = await service.patch_session(session.id, {"a": {"x": None, "z": 3}, "b": None})
    assert patched.state == {"a": {"y": 2, "z": 3}}
    assert patched.version == 2


async def test_a_patch_on_an_old_version_is_refused(service: LocalService) -> None:
    session = await service.create_session()
    await service.patch_session(session.id, {"a": 1}, if_version=1)
    with pytest.raises(VersionConflict) as refused:
        await service.patch_session(session.id, {"a": 2}, if_version=1)
    assert refused.value.details["current"] == 2


async def test_a_function_patches_what_is_there_now(service: LocalService) -> None:
    session = await service.create_session(state={"n": 0})

    async def add() -> None:
        for _ in range(25):
            await service.patch_session(session.id, lambda state: {"n": state["n"] + 1})

    await asyncio.gather(*(add() for _ in range(8)))
    after = await service.get_session(session.id)
    assert after["n"] == 200
    assert after.version == 201


async def test_nothing_is_found_of_a_session_that_is_not_there(service: LocalService) -> None:
    assert not await service.exists("nobody")
    for call in (
        service.get_session("nobody"),
        service.patch_session("nobody", {}),
        service.end_session("nobody"),
        service.extend_session("nobody", 5),
        service.sync_session("nobody", "mcp"),
        service.signal_session("nobody", "go"),
        service.fork_session("nobody"),
        service.list_checkpoints("nobody"),
        service.list_events("nobody"),
        service.list_children("nobody"),
        service.diff("nobody", "start"),
        service.create_session(parent_session="nobody"),
    ):
        with pytest.raises(SessionNotFound):
            await call


async def test_a_session_past_its_time_is_expired_at_once_and_everywhere(
    service: LocalService, clock: FakeClock
) -> None:
    session = await service.create_session()
    clock.advance(100)
    assert not await service.exists(session.id)
    with pytest.raises(SessionExpired):
        await service.patch_session(session.id, {"a": 1})
    assert (await service.get_session(session.id)).status is Status.EXPIRED
    assert (await service.statistics()).active == 0
    assert [item.id for item in (await service.list_sessions("status:expired")).items] == [session.id]


async def test_a_child_starts_with_what_its_parent_has(service: LocalService) -> None:
    await service.create_group("g")
    parent = await service.create_session(
        metadata={"org": "acme", "level": 1}, state={"a": 1}, group="g", user_id="u", timeout=50
    )
    child = await service.create_session(parent_session=parent.id, metadata={"level": 2}, state={"b": 2})
    assert child.metadata == {"org": "acme", "level": 2}
    assert child.state == {"a": 1, "b": 2}
    assert (child.group_id, child.user_id, child.timeout, child.parent_id) == ("g", "u", 50, parent.id)
    assert [item.id for item in (await service.list_children(parent.id)).items] == [child.id]


async def test_children_are_counted_on_every_page(service: LocalService) -> None:
    parent = await service.create_session()
    children = {(await service.create_session(parent_session=parent.id)).id for _ in range(3)}
    first = await service.list_children(parent.id, limit=2)
    rest = await service.list_children(parent.id, limit=2, cursor=first.next_cursor)
    assert {item.id for page in (first, rest) for item in page.items} == children
    assert (first.total, rest.total) == (3, 3)


async def test_ending_a_parent_ends_its_live_descendants(service: LocalService) -> None:
    top = await service.create_session()
    middle = await service.create_session(parent_session=top.id)
    leaf = await service.create_session(parent_session=middle.id)
    done = await service.create_session(parent_session=middle.id)
    await service.end_session(done.id, status="cancelled")
    await service.end_session(top.id)
    assert [(await service.get_session(each.id)).status for each in (middle, leaf, done)] == [
        Status.COMPLETED, Status.COMPLETED, Status.CANCELLED,
    ]  # fmt: skip
    with pytest.raises(InvalidTransition):
        await service.create_session(parent_session=top.id)


async def test_ending_twice_is_no_error_and_no_event(service: LocalService) -> None:
    session = await service.create_session()
    first = await service.end_session(session.id, reason="done")
    assert await service.end_session(session.id, status="cancelled") == first
    types = [event.type for event in (await service.list_events(session.id)).items]
    assert types == ["session.created", "session.ended"]


async def test_an_ending_must_be_one_of_two(service: LocalService) -> None:
    session = await service.create_session()
    with pytest.raises(InvalidInput) as refused:
        await service.end_session(session.id, status="expired")
    assert refused.value.details["field"] == "status"


async def test_each_channel_is_noted_in_order_of_first_use(app: AsyncNexus, service: LocalService) -> None:
    session = await service.create_session()
    for channel in ("cli", "mcp", "cli", "api"):
        await app.service(Caller(actor="local:tester", channel=channel)).patch_session(session.id, {"by": channel})
    assert (await service.get_session(session.id)).channels == ("api", "cli", "mcp")
    synced = await service.sync_session(session.id, "sdk")
    assert synced.channels == ("api", "cli", "mcp", "sdk")


@pytest.mark.parametrize("bad", [0, -1, math.nan, math.inf, 1e12, True, "5"])
async def test_an_extension_must_be_seconds(service: LocalService, bad: Any) -> None:
    session = await service.create_session()
    with pytest.raises(InvalidInput) as refused:
        await service.extend_session(session.id, bad)
    assert refused.value.details["field"] == "seconds"


async def test_a_user_has_one_session_however_often_it_is_asked_for(service: LocalService, clock: FakeClock) -> None:
    sessions = await asyncio.gather(*(service.get_or_create("u", ttl=30) for _ in range(20)))
    assert len({session.id for session in sessions}) == 1
    assert sessions[0].timeout == 30
    clock.advance(31)
    fresh = await service.get_or_create("u")
    assert fresh.id != sessions[0].id
    await service.end_session(fresh.id)
    assert (await service.get_or_create("u")).id not in {fresh.id, sessions[0].id}


async def test_a_session_needs_a_group_that_is_there(service: LocalService) -> None:
    with pytest.raises(GroupNotFound):
        await service.create_session(group="nowhere")
    await service.create_group("g")
    await service.end_group("g")
    with pytest.raises(InvalidTransition):
        await service.create_session(group="g")


async def test_lists_are_paged_counted_and_sorted(service: LocalService, clock: FakeClock) -> None:
    for number in range(7):
        await service.create_session(session_id=f"s{number}")
        clock.advance(1)
    seen: list[str] = []
    cursor = None
    while True:
        page = await service.list_sessions(limit=3, cursor=cursor)
        assert page.total == 7
        seen.extend(session.id for session in page.items)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [f"s{number}" for number in reversed(range(7))]
    window = await service.window("id:s*", sort="created_at", offset=2, limit=2)
    assert ([session.id for session in window.items], window.total, window.whole) == (["s2", "s3"], 7, 7)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"limit": 0}, "limit"), ({"limit": 1001}, "limit"), ({"sort": "craeted_at"}, "sort"), ({"q": "status:no"}, "q"),
     ({"cursor": "nonsense"}, "cursor")],
)  # fmt: skip
async def test_a_bad_list_argument_is_named(service: LocalService, arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await service.list_sessions(**arguments)
    assert refused.value.details["field"] == field


async def test_cleanup_marks_what_expired_and_deletes_what_is_old(app: AsyncNexus, clock: FakeClock) -> None:
    service = app.service(Caller(actor="local:tester", channel="api"))
    sessions = [await service.create_session() for _ in range(3)]
    await service.end_session(sessions[0].id)
    clock.advance(101)
    assert await app.session_manager.count_active() == 0  # which has come upon them already
    assert await app.session_manager.cleanup_expired() == 2
    assert await app.session_manager.cleanup_expired() == 0
    assert (await service.statistics()).by_status["expired"] == 2
    clock.advance(8 * 86400)
    await app.session_manager.cleanup_expired()
    assert (await service.list_sessions()).total == 0
    with pytest.raises(SessionNotFound):
        await service.get_session(sessions[0].id)


async def test_the_difference_of_two_states_names_paths(service: LocalService) -> None:
    session = await service.create_session(state={"same": 1, "list": [1, 2], "odd key": {"x": 1}, "kind": 1})
    difference = await service.diff(session.id, "start", "current")
    assert set(difference.added) == {"same", "list", '["odd key"]', "kind"}
    assert difference.removed == {}
