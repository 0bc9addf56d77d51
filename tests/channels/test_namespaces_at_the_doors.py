"""Two namespaces at every door: what is in one does not exist for the other, whatever scope its token has.

Every operation of the description, and every MCP tool, is asked by an admin of one namespace about what another holds.
A refusal must be, word for word, the one for an id that was never used.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from mcp import Client

from nexus.channels.http.operation import Operation
from nexus.channels.http.table import OPERATIONS
from nexus.channels.mcp.operators import OPERATORS
from tests.channels.http.http_places import Place, an_app, problem, serving
from tests.core.stores.redis.servers import single

CLOSED = [each for each in OPERATIONS if not each.open]
THEIRS, NEVER = "acme-session", "used-by-nobody"
GROUP, NO_GROUP = "acme-group", "group-of-nobody"
ASKED: dict[str, tuple[dict[str, Any] | None, Any]] = {
    "patch_session": (None, {"seen": True}),
    "create_session": (None, {"parent_session": THEIRS}),
    "extend_session": (None, {"seconds": 5}),
    "resume_session": (None, {"checkpoint_id": "checkpoint-1"}),
    "fork_session": (None, {"checkpoint_id": "checkpoint-1"}),
    "signal_session": (None, {"name": "go"}),
    "sync_session": (None, {"channel": "cli"}),
    "bulk_sessions": (None, {"action": "end", "ids": [THEIRS]}),
    "execute_workflow": (None, {"inputs": {"to": 1}}),
    "diff_session": ({"from": "start"}, None),
    "wait_group": ({"timeout": 0}, None),
    "create_token": (None, {"name": "bobs-own", "scope": "run"}),
    "create_namespace": (None, {"name": "acme"}),
    "list_audit": ({"limit": 1000}, None),
}
"""Query and body, where an operation needs any."""


class Two:
    """A server with two namespaces, and a token of each kind."""

    def __init__(self, place: Place, secrets: dict[str, str]) -> None:
        self.place = place
        self.secrets = secrets

    def ask(self, name: str, method: str, path: str, **how: Any) -> httpx.Response:
        """Ask as somebody."""
        headers = {"Authorization": f"Bearer {self.secrets[name]}", **how.pop("headers", {})}
        return self.place.client.request(method, path, headers=headers, **how)

    def state(self) -> tuple[Any, ...]:
        """All that can be seen of the first namespace's records."""
        paths = (f"/sessions/{THEIRS}", f"/sessions/{THEIRS}/events", f"/groups/{GROUP}", "/sessions")
        tokens = [one["name"] for one in self.ask("ann", "GET", "/tokens").json()["items"]]
        return (*(self.ask("ann", "GET", path).json() for path in paths), tokens)


@pytest.fixture(scope="module", params=["sqlite", "valkey"])
def two(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    folder = tmp_path_factory.mktemp("two")
    if request.param == "sqlite":
        with _served(f"sqlite:///{folder}/nexus.sqlite3") as made:
            yield made
    else:
        with single(folder) as server, _served(server.url) as made:
            yield made


def _served(url: str) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def served() -> Iterator[Two]:
        with serving(an_app(store=url, enable_auth=True)) as place:
            secrets = asyncio.run_coroutine_threadsafe(_made(place.app), place.loop).result(60)
            two = Two(place, secrets)
            assert two.ask("ann", "POST", "/groups", json={"group_id": GROUP}).status_code == 201
            body = {"session_id": THEIRS, "group": GROUP, "metadata": {"of": "acme"}, "state": {"of": "acme"}}
            assert two.ask("ann", "POST", "/sessions", json=body).status_code == 201
            run = two.ask("ann", "POST", "/workflows/count/execute", json={"session_id": THEIRS})
            assert run.json()["status"] == "completed"
            yield two

    return served()


async def _made(app: Any) -> dict[str, str]:
    root = app.service(app.local_caller("cli"))
    secrets = {name: (await root.create_token(name, name)).secret for name in ("run", "read", "operate", "admin")}
    for namespace, name in (("acme", "acme-ann"), ("umbrella", "bob")):
        await root.create_namespace(namespace)
        inside = app.service(await app.enter(app.local_caller("cli"), namespace))
        secrets[name.removeprefix("acme-")] = (await inside.create_token(name, "admin")).secret
    return secrets


def path_of(each: Operation, session: str = THEIRS, group: str = GROUP) -> str:
    names = {
        "session_id": session, "group_id": group, "checkpoint_id": "checkpoint-1", "name": "count",
        "token_name": "acme-ann", "namespace_name": "acme",
    }  # fmt: skip
    return each.path.format(**names)


@pytest.mark.parametrize("each", [one for one in CLOSED if one.id != "stream_events"], ids=lambda one: one.id)
def test_swapped_ids_lead_nowhere_in_another_namespace(two: Two, each: Operation) -> None:
    before = two.state()
    query, body = ASKED.get(each.id, (None, None))
    found = two.ask("bob", each.method, path_of(each), params=query, json=body)
    if "{session_id}" in each.path or "{group_id}" in each.path:
        problem(found, 404, "group_not_found" if "{group_id}" in each.path else "session_not_found")
    if "namespace" in each.id:
        problem(found, 403, "permission_denied")
        return
    told = json.dumps(found.json()) if "json" in found.headers["content-type"] else found.text
    asked = json.dumps(body or {}).replace(THEIRS, NEVER)
    never = two.ask("bob", each.method, path_of(each, NEVER, NO_GROUP), params=query, json=json.loads(asked) or body)
    if found.status_code == 404:
        assert never.status_code == 404
        assert told.replace(THEIRS, NEVER).replace(GROUP, NO_GROUP) == json.dumps(never.json())
    elif each.id == "list_audit":
        assert {one["actor"] for one in found.json()["items"]} == {"bob"}
    elif each.id not in ("bulk_sessions", "get_openapi", "get_docs"):
        assert "acme" not in told, "it tells of what another namespace holds"
    if each.id == "bulk_sessions":
        assert found.json()["items"][0]["error"]["code"] == "session_not_found"
    assert two.state() == before


@pytest.mark.parametrize("each", CLOSED, ids=lambda one: one.id)
def test_nobody_asks_his_way_into_another_namespace(two: Two, each: Operation) -> None:
    before = two.state()
    query, body = ASKED.get(each.id, (None, None))
    for wanted in ("acme", "default", "nowhere"):
        refused = two.ask(
            "bob", each.method, path_of(each), params=query, json=body, headers={"Nexus-Namespace": wanted}
        )
        problem(refused, 404, "namespace_not_found")
    for name in ("run", "read", "operate"):
        refused = two.ask(
            name, each.method, path_of(each), params=query, json=body, headers={"Nexus-Namespace": "acme"}
        )
        problem(refused, 403, "permission_denied")
    assert two.state() == before


def test_an_admin_of_the_store_may_name_a_namespace_and_passes_for_nobody_there(two: Two) -> None:
    within = {"Nexus-Namespace": "acme"}
    assert two.ask("admin", "GET", f"/sessions/{THEIRS}", headers=within).json()["state"]["of"] == "acme"
    problem(two.ask("admin", "GET", f"/sessions/{THEIRS}"), 404, "session_not_found")
    made = two.ask("admin", "POST", "/sessions", headers=within).json()
    assert made["owner"] == "default/admin"
    assert {each["name"] for each in two.ask("admin", "GET", "/tokens").json()["items"]} == {
        "run", "read", "operate", "admin",
    }  # fmt: skip
    listed = two.ask("admin", "GET", "/tokens", headers=within).json()["items"]
    assert [(each["name"], each["namespace"]) for each in listed] == [("acme-ann", "acme")]
    problem(two.ask("admin", "GET", "/sessions", headers={"Nexus-Namespace": "../x"}), 422, "invalid_input")


def test_parents_groups_forks_and_filters_lead_nowhere(two: Two) -> None:
    before = two.state()
    asks: list[tuple[str, dict[str, Any], str]] = [
        ("/sessions", {"parent_session": THEIRS}, "session_not_found"),
        (f"/sessions/{THEIRS}/fork", {"session_id": "mine"}, "session_not_found"),
    ]
    for path, body, code in asks:
        problem(two.ask("bob", "POST", path, json=body), 404, code)
    mine = two.ask("bob", "POST", "/sessions", json={"session_id": "grouped", "group": GROUP})
    assert mine.status_code == 404 or mine.json()["group_id"] == GROUP
    for q in (f"group:{GROUP}", "meta.of=acme", "state.of=acme", "owner:acme-ann", f"parent:{THEIRS}"):
        items = two.ask("bob", "GET", "/sessions", params={"q": q}).json()["items"]
        assert all(each["owner"] == "bob" for each in items)
    report = two.ask("bob", "POST", "/sessions/bulk", json={"action": "end", "q": "meta.of=acme"}).json()
    assert report["matched"] == 0
    assert two.state() == before


def test_one_id_is_a_session_of_its_own_in_each(two: Two) -> None:
    ran = two.ask("bob", "POST", "/workflows/count/execute", json={"session_id": "same", "inputs": {"to": 2}})
    assert ran.json()["outputs"] == {"sum": 1}
    ran = two.ask("ann", "POST", "/workflows/count/execute", json={"session_id": "same", "inputs": {"to": 4}},
                  headers={"Idempotency-Key": "one"})  # fmt: skip
    assert ran.json()["outputs"] == {"sum": 6}
    again = two.ask("bob", "POST", "/workflows/count/execute", json={"session_id": "same", "inputs": {"to": 1}},
                    headers={"Idempotency-Key": "one"})  # fmt: skip
    assert again.json()["run_id"] != ran.json()["run_id"]
    assert two.ask("ann", "GET", "/sessions/same").json()["state"] == {"sum": 6}
    used = [
        two.ask(name, "POST", "/sessions", json={"user_id": "u", "reuse": True}).json()["id"] for name in ("ann", "bob")
    ]
    assert used[0] != used[1]


def test_a_stream_tells_of_its_own_namespace_alone(two: Two) -> None:
    headers = {"Authorization": f"Bearer {two.secrets['bob']}"}
    with (
        httpx.Client(base_url=two.place.url, timeout=60) as client,
        client.stream("GET", "/events", headers=headers) as it,
    ):
        lines = it.iter_lines()
        assert next(lines).startswith(": live")
        two.ask("ann", "POST", "/sessions", json={"session_id": "acme-told"})
        two.ask("bob", "POST", "/sessions", json={"session_id": "bobs-told"})
        data = next(line for line in lines if line.startswith("data:"))
    assert json.loads(data[5:])["session_id"] == "bobs-told"


async def test_no_tool_reaches_another_namespace(two: Two) -> None:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    before = two.state()
    calls: dict[str, dict[str, Any]] = {name: {"session_id": THEIRS} for name in OPERATORS if "_session_" in name}
    calls["nexus_session_extend"]["seconds"] = 5
    calls |= {"nexus_sessions_list": {}, "nexus_statistics": {}, "nexus_events": {"limit": 1000}}
    assert set(calls) == set(OPERATORS)
    bearer = {"Authorization": f"Bearer {two.secrets['bob']}"}
    async with (
        httpx2.AsyncClient(headers=bearer) as sending,
        Client(streamable_http_client(f"{two.place.url}/mcp", http_client=sending)) as client,
    ):
        for name, arguments in calls.items():
            told = (await client.call_tool(name, arguments)).structured_content or {}
            if "session_id" in arguments:
                assert told.get("code") == "session_not_found", name
            else:
                assert "acme" not in json.dumps(told), name
        ran = (await client.call_tool("count", {"session_id": "by-tool", "to": 1})).structured_content or {}
        assert ran["status"] == "completed"
        assert THEIRS not in str((await client.list_resources()).resources)
    assert two.state() == before
    problem(two.ask("ann", "GET", "/sessions/by-tool"), 404, "session_not_found")


async def test_mcp_lets_an_admin_of_the_store_name_a_namespace(two: Two) -> None:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    bearer = {"Authorization": f"Bearer {two.secrets['admin']}", "Nexus-Namespace": "acme"}
    async with (
        httpx2.AsyncClient(headers=bearer) as sending,
        Client(streamable_http_client(f"{two.place.url}/mcp", http_client=sending)) as client,
    ):
        told = (await client.call_tool("nexus_session_get", {"session_id": THEIRS})).structured_content or {}
        assert told["metadata"] == {"of": "acme"}


def test_a_route_of_ones_own_acts_in_its_callers_namespace() -> None:
    app = an_app(enable_auth=True)

    @app.route("/mine", methods=["POST"])
    async def mine(request: Any) -> dict[str, str]:
        return {"id": await app.create_session(session_id="by-route"), "in": request.caller.namespace}

    with serving(app) as place:
        two = Two(place, asyncio.run_coroutine_threadsafe(_made(app), place.loop).result(60))
        assert two.ask("bob", "POST", "/mine").json() == {"id": "by-route", "in": "umbrella"}
        assert two.ask("bob", "GET", "/sessions/by-route").status_code == 200
        for name in ("ann", "admin"):
            problem(two.ask(name, "GET", "/sessions/by-route"), 404, "session_not_found")
