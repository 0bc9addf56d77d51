"""What is another's doesn't exist: every route and every tool is tried with a ``run`` token on somebody else's ids.

Each route of the table has a line here that says what such a request gets; a route or tool without one fails the test.
Nothing that comes back, by whatever way, holds what is hers, and nothing of hers has changed after it all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from nexus import AsyncNexus
from nexus.channels.http.table import OPERATIONS
from nexus.channels.mcp.operators import OPERATORS
from nexus.model import Caller
from nexus.model.bulk import BULK_ACTIONS
from tests.channels.http.http_places import Place, an_app, problem, serving

HIDDEN = "what-is-hers-alone"
NOT_FOUND, NO_GROUP, DENIED = (404, "session_not_found"), (404, "group_not_found"), (403, "permission_denied")


@dataclass(frozen=True)
class Tried:
    """One request on what is hers: its query, body and headers, and what it gets: a problem, or nothing of hers."""

    gets: tuple[int, str] | None
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


ROUTES: dict[str, tuple[Tried, ...]] = {
    "get_session": (Tried(NOT_FOUND), Tried(NOT_FOUND, headers={"If-None-Match": '"1"'})),
    "patch_session": (Tried(NOT_FOUND, body={"n": 1}), Tried(NOT_FOUND, body={}, headers={"If-Match": "*"})),
    "create_session": (
        Tried(NOT_FOUND, body={"parent_session": "hers"}),
        Tried(NO_GROUP, body={"group": "her-group"}),
        Tried((409, "session_exists"), body={"session_id": "hers"}),
    ),
    "list_sessions": (
        Tried(None), Tried(None, {"q": "hers"}), Tried(None, {"q": "owner:her"}), Tried(None, {"q": "group:her-group"}),
        Tried(None, {"q": "parent:hers"}), Tried(None, {"q": f"state.secret={HIDDEN}"}), Tried(None, {"q": "-id:x"}),
        Tried(None, {"q": "user:her-user", "sort": "-last_activity"}),
    ),
    "end_session": (Tried(NOT_FOUND), Tried(NOT_FOUND, body={"status": "cancelled"})),
    "extend_session": (Tried(NOT_FOUND, body={"seconds": 5}),),
    "resume_session": (Tried(NOT_FOUND), Tried(NOT_FOUND, body={"checkpoint_id": "checkpoint-1"})),
    "fork_session": (
        Tried(NOT_FOUND), Tried(NOT_FOUND, body={"checkpoint_id": "checkpoint-1", "session_id": "stolen"}),
    ),
    "signal_session": (Tried(NOT_FOUND, body={"name": "go"}),),
    "sync_session": (Tried(NOT_FOUND, body={"channel": "cli"}),),
    "undo_session": (Tried(NOT_FOUND),),
    "bulk_sessions": tuple(
        Tried(None, body={"action": action, "dry_run": dry, **chosen, **given})
        for action, given in (
            ("end", {}), ("extend", {"seconds": 5}), ("resume", {}), ("fork", {}), ("signal", {"name": "go"}),
            ("patch", {"patch": {"n": 1}}), ("undo", {}),
        )
        for chosen in ({"ids": ["hers", "her-child"]}, {"q": "group:her-group"}, {"q": "hers"})
        for dry in (True, False)
    ),
    "execute_workflow": (
        Tried(NOT_FOUND, body={"session_id": "hers"}), Tried(NOT_FOUND, headers={"X-Session-ID": "hers"}),
        Tried(NOT_FOUND, body={"session_id": "hers", "background": True}, headers={"Idempotency-Key": "her-key"}),
    ),
    "list_workflows": (Tried(None),),
    "get_workflow": (Tried(None),),
    "list_checkpoints": (Tried(NOT_FOUND),),
    "get_checkpoint": (Tried(NOT_FOUND),),
    "list_session_events": (Tried(NOT_FOUND), Tried(NOT_FOUND, {"newest": "true"})),
    "list_children": (Tried(NOT_FOUND),),
    "diff_session": (Tried(NOT_FOUND, {"from": "start"}), Tried(NOT_FOUND, {"from": "checkpoint-1", "to": "current"})),
    "get_run": (Tried(NOT_FOUND),),
    "create_group": (Tried((422, "invalid_input"), body={"group_id": "her-group"}),),
    "list_groups": (Tried(None),),
    "get_group": (Tried(NO_GROUP),),
    "end_group": (Tried(NO_GROUP), Tried(NO_GROUP, body={"status": "cancelled"})),
    "wait_group": (Tried(NO_GROUP, {"timeout": 0}),),
    "recent_events": (
        Tried(None), Tried(None, {"q": "hers"}), Tried(None, {"q": "type:session.*"}),
        Tried(None, {"q": "group:her-group"}),
    ),
    "get_statistics": (Tried(DENIED),),
    "list_workers": (Tried(DENIED),),
    "get_health": (Tried(None),),
    "get_ready": (Tried(None),),
    "get_metrics": (Tried(DENIED),),
    "get_openapi": (Tried(None),),
    "get_docs": (Tried(None),),
    "list_tokens": (Tried(DENIED),),
    "create_token": (Tried(DENIED, body={"name": "more", "scope": "admin"}),),
    "revoke_token": (Tried(DENIED),),
    "get_protected_resource": (Tried(None),),
    "get_mcp_protected_resource": (Tried(None),),
    "list_audit": (Tried(DENIED), Tried(DENIED, {"q": "target:hers"})),
    "verify_audit": (Tried(DENIED),),
    "list_namespaces": (Tried(DENIED),),
    "create_namespace": (Tried(DENIED, body={"name": "more"}),),
    "get_namespace": (Tried(DENIED),),
    "remove_namespace": (Tried(DENIED),),
}  # fmt: skip
"""By operation; ``/events`` is a stream and has a test of its own."""

TOOLS: dict[str, dict[str, Any]] = {
    "nexus_sessions_list": {"q": "hers"},
    "nexus_session_get": {"session_id": "hers"},
    "nexus_session_extend": {"session_id": "hers", "seconds": 5},
    "nexus_session_end": {"session_id": "hers"},
    "nexus_session_resume": {"session_id": "hers"},
    "nexus_session_fork": {"session_id": "hers", "new_session_id": "stolen"},
    "nexus_statistics": {},
    "nexus_events": {"session_id": "hers"},
    "approve": {"session_id": "hers"},
    "collect": {"session_id": "hers", "step": 1},
    "count": {"session_id": "hers"},
    "fail": {"session_id": "hers"},
}


async def fill(app: AsyncNexus) -> dict[str, str]:
    """What is hers, full of what nobody else may see; and a token of each of the two."""
    admin = app.service(Caller(actor="root", channel="cli"))
    secrets = {name: (await admin.create_token(name, "run")).secret for name in ("her", "him")}
    her = app.service(Caller(actor="her", channel="api", scope="run"))
    secret = {"secret": HIDDEN}
    await her.create_group("her-group", metadata=secret)
    await her.create_session(session_id="hers", group="her-group", metadata=secret, state=secret, user_id="her-user")
    await her.execute("count", {"to": 3}, session_id="hers", idempotency_key="her-key")
    await her.create_session(session_id="her-child", parent_session="hers")
    await her.execute("fail", session_id="her-failure")
    await her.extend_session("hers", 60)
    return secrets


class World(NamedTuple):
    """A server with her sessions, and his token."""

    place: Place
    him: dict[str, str]
    her: dict[str, str]

    def on_server(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.place.loop).result(60)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    app = an_app(enable_auth=True)
    with serving(app) as place:
        secrets = asyncio.run_coroutine_threadsafe(fill(app), place.loop).result(60)
        him, her = ({"Authorization": f"Bearer {secrets[name]}"} for name in ("him", "her"))
        yield World(place, him, her)


async def _state_of_hers(app: AsyncNexus) -> list[tuple[str, int, str]]:
    found = await app.service(Caller(actor="root", channel="cli")).list_sessions(limit=1000)
    return sorted((each.id, each.version, each.status.value) for each in found.items if each.owner == "her")


def test_every_route_and_every_tool_is_tried() -> None:
    routes = {each.id for each in OPERATIONS}
    assert routes - {"stream_events"} == set(ROUTES)
    assert set(OPERATORS) <= set(TOOLS)
    assert {tried.body["action"] for tried in ROUTES["bulk_sessions"]} == set(BULK_ACTIONS)


@pytest.mark.parametrize("each", [each for each in OPERATIONS if each.id != "stream_events"], ids=lambda each: each.id)
def test_no_route_leads_to_what_is_hers(world: World, each: Any) -> None:
    before = world.on_server(_state_of_hers(world.place.app))
    path = each.path.format(
        session_id="hers", group_id="her-group", checkpoint_id="checkpoint-1", name="count", token_name="her",
        namespace_name="her-space",
    )  # fmt: skip
    for tried in ROUTES[each.id]:
        answer = world.place.client.request(
            each.method, path, params=tried.query, json=tried.body, headers={**world.him, **tried.headers}
        )
        assert HIDDEN not in answer.text + str(answer.headers), tried
        if tried.gets is not None:
            problem(answer, *tried.gets)
        elif each.id == "bulk_sessions":
            _nothing_was_done(answer, tried)
        else:
            assert answer.status_code == 200, answer.text
            assert "hers" not in answer.text.replace("others", ""), answer.text
            assert "her-" not in answer.text
    assert world.on_server(_state_of_hers(world.place.app)) == before


def _nothing_was_done(answer: httpx.Response, tried: Tried) -> None:
    report = answer.json()
    if "ids" in tried.body:
        assert {one["error"]["code"] for one in report["items"]} == {"session_not_found"}
        assert {one["outcome"] for one in report["items"]} == {"refused"}
    else:
        assert (report["matched"], report["items"]) == (0, [])


@pytest.mark.parametrize("q", ["", "hers", "group:her-group", "type:session.*", "owner:her", "-id:x"])
def test_no_stream_tells_of_what_is_hers(world: World, q: str) -> None:
    seen: list[str] = []
    headers = {**world.him, "Last-Event-ID": "0"}
    with world.place.client.stream("GET", "/events", params={"q": q}, headers=headers) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            seen.append(line)
            if line == ": live":
                break
    assert not [line for line in seen if line.startswith("data:") and ("hers" in line or "her-" in line)]
    with world.place.client.stream("GET", "/events", headers={**world.her, "Last-Event-ID": "0"}) as answer:
        assert any("hers" in line for line in _until_live(answer)), "she is told"


def _until_live(answer: httpx.Response) -> Iterator[str]:
    for line in answer.iter_lines():
        if line == ": live":
            return
        yield line


def test_a_page_of_hers_read_on_with_his_token_is_empty(world: World) -> None:
    for path in ("/sessions", "/groups", "/events/recent"):
        first = world.place.client.get(path, params={"limit": 1}, headers=world.her).json()
        cursor = first.get("next_cursor")
        query = {"cursor": cursor} if cursor else {}
        assert world.place.client.get(path, params=query, headers=world.him).json()["items"] == [], path


async def test_no_tool_and_no_resource_leads_to_what_is_hers(world: World) -> None:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    before = await asyncio.to_thread(world.on_server, _state_of_hers(world.place.app))
    async with (
        httpx2.AsyncClient(headers=world.him, timeout=60) as http,
        Client(streamable_http_client(f"{world.place.url}/mcp", http_client=http)) as client,
    ):
        shown = {tool.name for tool in (await client.list_tools()).tools}
        assert shown == set(TOOLS) - set(OPERATORS), "a run token is shown workflows alone"
        for name, arguments in TOOLS.items():
            told = (await client.call_tool(name, arguments)).structured_content or {}
            assert told.get("code") in ("session_not_found", "permission_denied"), (name, told)
            assert HIDDEN not in str(told)
        assert "hers" not in str((await client.list_resources()).resources)
        for name in ("hers", "her-child", "her-failure"):
            with pytest.raises(MCPError, match="there is no session"):
                await client.read_resource(f"nexus://sessions/{name}")
    assert await asyncio.to_thread(world.on_server, _state_of_hers(world.place.app)) == before


def test_each_refused_change_is_in_the_audit_under_his_name(world: World) -> None:
    world.place.client.patch("/sessions/hers", json={"n": 1}, headers=world.him)
    admin = world.place.app.service(Caller(actor="root", channel="cli"))
    page = world.on_server(admin.audit("actor:him outcome:refused target:hers action:patch", limit=100))
    assert page.items
    assert {each.code for each in page.items} == {"session_not_found"}
