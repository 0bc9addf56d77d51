"""What a service does, it does alike in this process and through a server: results, errors and events."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nexus.channels.client import RemoteService
from nexus.errors import (
    CheckpointNotFound,
    GroupNotFound,
    InvalidInput,
    InvalidTransition,
    NexusError,
    PayloadTooLarge,
    SessionExists,
    SessionNotFound,
    VersionConflict,
    WaitTimeout,
    WorkflowNotFound,
)
from nexus.model import RunStatus, Status
from nexus.service import FeedItem, Service
from tests.channels.http.http_places import an_app, serving, until


async def test_sessions_are_created_read_changed_and_ended(service: Service) -> None:
    await service.create_group("g")
    created = await service.create_session(
        session_id="s", metadata={"a": [1]}, state={"n": 2**70, "e": []}, group="g", user_id="u", timeout=60
    )
    assert created == await service.get_session("s")
    assert (created.channel, created.group_id, created.user_id, created.timeout) == ("cli", "g", "u", 60)
    assert created.state == {"n": 2**70, "e": []}
    assert created.expires_at == pytest.approx(created.created_at + 60, abs=1e-5)
    patched = await service.patch_session("s", {"n": None, "x": {"y": 1}}, if_version=1)
    assert (patched.state, patched.version) == ({"e": [], "x": {"y": 1}}, 2)
    assert (await service.sync_session("s", "mcp")).channels == ("cli", "mcp")
    extended = await service.extend_session("s", 600)
    assert extended.expires_at is not None
    assert extended.expires_at > created.created_at + 600
    assert await service.exists("s")
    ended = await service.end_session("s", status="cancelled", reason="enough")
    assert (ended.status, ended.expires_at) == (Status.CANCELLED, None)
    assert ended.ended_at is not None
    assert not await service.exists("never")


async def test_errors_are_of_the_same_kinds_with_the_same_facts(service: Service) -> None:
    await service.create_session(session_id="s")
    calls: list[tuple[Any, type[NexusError]]] = [
        (service.get_session("none"), SessionNotFound),
        (service.get_session("no spaces"), InvalidInput),
        (service.create_session(session_id="s"), SessionExists),
        (service.create_session(group="none"), GroupNotFound),
        (service.create_session(parent_session="none"), SessionNotFound),
        (service.create_session(timeout=-1), InvalidInput),
        (service.create_session(channel="fax"), InvalidInput),
        (service.create_session(metadata={"a": "x" * (1 << 20)}), PayloadTooLarge),
        (service.patch_session("s", {"a": 1}, if_version=9), VersionConflict),
        (service.patch_session("s", {"owner": "me"}), InvalidInput),
        (service.extend_session("s", 0), InvalidInput),
        (service.end_session("s", status="expired"), InvalidInput),
        (service.get_checkpoint("s", "checkpoint-1"), CheckpointNotFound),
        (service.get_checkpoint("s", "first"), CheckpointNotFound),
        (service.diff("s", "nowhere"), CheckpointNotFound),
        (service.get_workflow("none"), WorkflowNotFound),
        (service.execute("none"), WorkflowNotFound),
        (service.execute("collect", {"step": "x"}), InvalidInput),
        (service.execute("collect", {"step": 1, "stop": 2}), InvalidInput),
        (service.resume_session("s"), InvalidTransition),
        (service.get_group("none"), GroupNotFound),
        (service.list_sessions("colour:red"), InvalidInput),
        (service.list_sessions(sort="colour"), InvalidInput),
        (service.list_sessions(limit=0), InvalidInput),
        (service.list_sessions(cursor="nonsense"), InvalidInput),
        (service.recent_events("colour:red"), InvalidInput),
    ]
    for call, kind in calls:
        with pytest.raises(NexusError) as raised:
            await call
        assert raised.value.code == kind.code, raised.value
        assert isinstance(raised.value, kind)
        assert raised.value.message
    with pytest.raises(InvalidInput) as mistaken:
        await service.list_sessions("status:active colour:red")
    assert mistaken.value.details["column"] == 15
    with pytest.raises(InvalidInput):
        async for _ in service.feed("colour:red"):
            pass


async def test_lists_are_paged_by_key_and_by_rank(service: Service) -> None:
    for number in range(7):
        await service.create_session(session_id=f"s{number}", user_id="u" if number % 2 else "v")
    page = await service.list_sessions("user:u", sort="id", limit=2)
    rest = await service.list_sessions("user:u", sort="id", limit=2, cursor=page.next_cursor)
    assert [each.id for each in page.items + rest.items] == ["s1", "s3", "s5"]
    assert (page.total, rest.next_cursor) == (3, None)
    window = await service.window("user:v", sort="-id", offset=1, limit=2)
    assert [each.id for each in window.items] == ["s4", "s2"]
    assert (window.offset, window.total, window.whole, window.stride) == (1, 4, 7, 1)
    apart = await service.window(sort="id", offset=1, limit=2, stride=3)
    assert [each.id for each in apart.items] == ["s1", "s4"]
    assert (apart.offset, apart.total, apart.stride) == (1, 7, 3)
    for stride in (0, -1, 1 << 62):
        with pytest.raises(InvalidInput) as refused:
            await service.window(stride=stride)
        assert refused.value.details["field"] == "stride"


async def test_families_forks_and_users_are_kept(service: Service) -> None:
    await service.create_session(session_id="p", state={"a": 1})
    await service.create_session(session_id="c", parent_session="p")
    assert [each.id for each in (await service.list_children("p")).items] == ["c"]
    forked = await service.fork_session("p", new_session_id="f")
    assert (forked.id, forked.state) == ("f", {"a": 1})
    first = await service.get_or_create("u", ttl=60)
    assert (await service.get_or_create("u")).id == first.id
    assert (await service.signal_session("p", "go", {"x": None})).id == "p"


async def test_workflows_run_and_leave_a_history(service: Service) -> None:
    assert [each.name for each in await service.list_workflows()] == ["approve", "collect", "count", "fail"]
    info = await service.get_workflow("collect")
    assert info.input_schema["properties"]["step"]["type"] == "integer"
    result = await service.execute("count", {"to": 3}, session_id="s", idempotency_key="k")
    again = await service.execute("count", {"to": 3}, session_id="s", idempotency_key="k")
    assert result == again
    assert (result.status, result.outputs, result.step) == (RunStatus.COMPLETED, {"sum": 3}, 3)
    run = await service.get_run("s")
    assert run is not None
    assert (run.inputs, run.outputs_json, run.status) == ({"to": 3}, b'{"sum":3}', RunStatus.COMPLETED)
    checkpoints = (await service.list_checkpoints("s")).items
    assert [each.id for each in checkpoints][:2] == ["checkpoint-1", "checkpoint-2"]
    assert checkpoints[0].state is None
    assert (await service.get_checkpoint("s", "checkpoint-2")).state == {"sum": 1}
    found = await service.diff("s", "checkpoint-2")
    assert found.changed == {"sum": (1, 3)}
    types = [event.type for event in (await service.list_events("s", limit=1000)).items]
    assert types[0] == "session.created"
    newest = await service.list_events("s", limit=2, newest=True)
    assert [event.type for event in newest.items] == types[-2:]
    failed = await service.execute("fail", session_id="t")
    assert (failed.status, "meant to fail" in (failed.error or "")) == (RunStatus.FAILED, True)
    assert (await service.resume_session("t", background=False)).status is Status.FAILED


async def test_a_run_waits_for_its_signal(service: Service) -> None:
    assert (await service.execute("approve", session_id="s")).status is RunStatus.SUSPENDED
    run = await service.get_run("s")
    assert run is not None
    assert run.wait is not None
    assert run.wait.signal == "approval"
    assert (await service.get_session("s")).status is Status.SUSPENDED
    await service.signal_session("s", "approval", "yes")

    async def over() -> bool:
        return (await service.get_session("s")).status is Status.ACTIVE

    await until(over)
    after = await service.get_run("s")
    assert after is not None
    assert after.outputs_json == b'{"answer":"yes"}'


async def test_groups_are_waited_for(service: Service) -> None:
    made = await service.create_group("g", metadata={"a": 1})
    assert made == await service.get_group("g")
    await service.create_session(session_id="s", group="g")
    await service.execute("approve", session_id="s")
    with pytest.raises(WaitTimeout):
        await service.wait_group("g", timeout=0.01)
    waiting = asyncio.create_task(service.wait_group("g"))
    await asyncio.sleep(0.02)
    ended = await service.end_group("g", status="cancelled")
    assert ended.counts == {"cancelled": 1}
    assert (await waiting).live == 0
    listed = await service.list_groups()
    assert ([each.id for each in listed.items], listed.total) == (["g"], 1)


async def test_figures_workers_and_health_are_told(service: Service) -> None:
    await service.create_session(session_id="s")
    figures = await service.statistics()
    assert (figures.total, figures.active, figures.by_channel) == (1, 1, {"cli": 1})
    assert [worker.alive for worker in await service.workers()] == [True]
    health = await service.health()
    assert (health.ok, health.backend) == (True, "memory")


async def test_the_feed_starts_now_or_behind_a_cursor(service: Service) -> None:
    await service.create_session(session_id="before")
    feed = service.feed()
    first = await anext(feed)
    assert (first.event, first.live) == (None, True)
    await service.create_session(session_id="s")
    item = await anext(feed)
    assert item.event is not None
    assert (item.event.type, item.event.session_id, item.cursor) == ("session.created", "s", str(item.event.seq))
    await feed.aclose()  # type: ignore[attr-defined]
    again: list[FeedItem] = []
    feed = service.feed("user:none type:session.*", cursor="0")
    again.append(await anext(feed))
    await feed.aclose()  # type: ignore[attr-defined]
    assert again[0].live
    feed = service.feed(cursor="0")
    seen = [(await anext(feed)).event for _ in range(2)]
    await feed.aclose()  # type: ignore[attr-defined]
    assert [event.session_id for event in seen if event is not None] == ["before", "s"]
    assert list(await service.recent_events(limit=10)) == seen


async def test_records_are_equal_through_both_doors() -> None:
    app = an_app()
    with serving(app) as served:
        async with RemoteService(served.url, channel="cli") as remote:
            await remote.execute("count", session_id="s")
            await remote.execute("approve", session_id="t")
            await remote.execute("fail", session_id="u")
            await remote.create_group("g", metadata={"a": None})
            await remote.create_session(session_id="v", group="g", parent_session="s", timeout=0)
            await remote.end_session("u")

            def local(call: str, *arguments: Any) -> Any:
                service = app.service(app.local_caller("cli"))
                return asyncio.run_coroutine_threadsafe(getattr(service, call)(*arguments), served.loop)

            for call, *arguments in (
                *(("get_session", name) for name in "stuv"),
                ("get_group", "g"),
                ("get_checkpoint", "s", "checkpoint-1"),
                ("diff", "s", "start", "current"),
                ("get_workflow", "collect"),
                ("list_sessions", ""),
                ("window", ""),
                ("list_groups",),
                ("list_checkpoints", "s"),
                ("list_events", "s"),
                ("list_children", "s"),
            ):
                ours = await asyncio.wrap_future(local(call, *arguments))
                theirs = await getattr(remote, call)(*arguments)
                assert _shown(theirs) == _shown(ours), call


def _shown(value: Any) -> Any:
    if hasattr(value, "items") and not callable(value.items):
        return [each.to_dict() for each in value.items], {
            name: getattr(value, name, None) for name in ("next_cursor", "total", "offset", "whole")
        }
    return value.to_dict()
