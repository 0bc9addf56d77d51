"""A server that wants to know who asks: over HTTP and MCP alike."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from mcp import Client

from nexus.channels.client import RemoteService
from nexus.channels.http import build_http_app
from nexus.channels.http.operation import Operation
from nexus.channels.http.table import OPERATIONS
from nexus.channels.mcp.operators import OPERATORS
from nexus.errors import AuthenticationRequired
from tests.channels.http.http_places import Place, an_app, in_process, problem, serving

_BODIES: dict[str, dict[str, Any]] = {
    "/sessions/{session_id}/extend": {"seconds": 5},
    "/sessions/{session_id}/signal": {"name": "go"},
    "/sessions/{session_id}/sync": {"channel": "cli"},
    "/sessions/{session_id}/resume": {"checkpoint_id": "checkpoint-1"},
    "/sessions/{session_id}/fork": {"checkpoint_id": "checkpoint-1"},
}
ABOUT_ONE = [each for each in OPERATIONS if "{session_id}" in each.path or "{group_id}" in each.path]


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
async def app() -> Any:
    return an_app(enable_auth=True)


@pytest.fixture
async def http(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with in_process(app) as client:
        yield client


@pytest.fixture
async def secrets(app: Any, http: httpx.AsyncClient) -> dict[str, str]:
    """A token of each scope, made by the local user; and ``her``, a second one of scope ``run``."""
    admin = app.service(app.local_caller("cli"))
    names = {"run": "run", "read": "read", "operate": "operate", "admin": "admin", "her": "run"}
    return {name: (await admin.create_token(name, scope)).secret for name, scope in names.items()}


@pytest.fixture
async def hers(http: httpx.AsyncClient, secrets: dict[str, str]) -> None:
    headers = bearer(secrets["her"])
    assert (await http.post("/groups", json={"group_id": "her-group"}, headers=headers)).status_code == 201
    answer = await http.post("/sessions", json={"session_id": "hers", "group": "her-group"}, headers=headers)
    assert answer.status_code == 201
    await http.post("/workflows/count/execute", json={"session_id": "hers"}, headers=headers)


@pytest.mark.parametrize("each", OPERATIONS, ids=lambda each: each.id)
async def test_without_a_token_nobody_gets_past_the_door(http: httpx.AsyncClient, each: Operation) -> None:
    path = re.sub(r"{\w+}", "x", each.path)
    response = await http.request(each.method, path)
    if each.open:
        assert response.status_code == 200
        assert "url" not in response.json() or response.json()["url"] == ""
        return
    problem(response, 401, "unauthenticated")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_users_own_route_wants_a_token_too_and_knows_who_asks(app: Any, secrets: dict[str, str]) -> None:
    other = an_app(enable_auth=True)

    @other.route("/whoami")
    def whoami(request: Any) -> dict[str, str]:
        return {"actor": request.caller.actor, "scope": request.caller.scope}

    async with in_process(other) as http:
        problem(await http.get("/whoami"), 401, "unauthenticated")
        made = await other.service(other.local_caller("cli")).create_token("ci", "read")
        assert (await http.get("/whoami", headers=bearer(made.secret))).json() == {"actor": "ci", "scope": "read"}


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "Bearer  ", "bearer nexus_wrong", "nexus_wrong", ""])
async def test_what_is_no_token_is_unauthenticated(http: httpx.AsyncClient, header: str) -> None:
    problem(await http.get("/sessions", headers={"Authorization": header}), 401, "unauthenticated")


async def test_who_shows_no_token_or_one_that_was_good_once_is_not_taken_for_a_guesser(app: Any) -> None:
    served = build_http_app(app)
    async with served.lifespan():
        transport = httpx.ASGITransport(app=served, client=("192.0.2.7", 1))
        admin = app.service(app.local_caller("cli"))
        secret = (await admin.create_token("ci", "run")).secret
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            assert (await http.get("/sessions", headers=bearer(secret))).status_code == 200
            await admin.revoke_token("ci")
            for headers in ({}, bearer(secret), {"Authorization": "Basic abc"}):
                assert (await http.get("/sessions", headers=headers)).status_code == 401
            brake, now = served.context.brake, asyncio.get_running_loop().time()
            assert (await http.get("/sessions", headers=bearer("nexus_guessed"))).status_code == 401
        # That guess was the first failure of the address.
        assert [brake.delay("192.0.2.7", now) > 0 for _ in range(5)] == [False, False, False, False, True]


async def test_where_sessions_need_a_token_a_server_makes_none_without() -> None:
    app = an_app(session_auth_required=True)
    async with in_process(app) as http:
        secret = (await app.service(app.local_caller("cli")).create_token("ci", "run")).secret
        for path in ("/sessions", "/workflows/count/execute", "/mcp"):
            problem(await http.post(path, json={}), 401, "unauthenticated")
        made = await http.post("/sessions", json={}, headers=bearer(secret))
        assert (made.status_code, made.json()["owner"]) == (201, "ci")


async def test_a_token_is_the_owner_and_the_actor_of_what_it_does(
    http: httpx.AsyncClient, secrets: dict[str, str]
) -> None:
    made = (await http.post("/sessions", headers=bearer(secrets["run"]))).json()
    assert made["owner"] == "run"
    events = (await http.get(f"/sessions/{made['id']}/events", headers=bearer(secrets["run"]))).json()
    assert events["items"][0]["actor"] == "run"


@pytest.mark.parametrize("each", ABOUT_ONE, ids=lambda each: each.id)
async def test_swapped_ids_lead_nowhere(
    http: httpx.AsyncClient, secrets: dict[str, str], hers: None, each: Operation
) -> None:
    path = each.path.format(session_id="hers", group_id="her-group", checkpoint_id="checkpoint-1", cid="checkpoint-1")
    query = {"from": "start"} if path.endswith("/diff") else {"timeout": 0} if path.endswith("/wait") else None
    body = _BODIES.get(each.path, {} if each.method == "PATCH" else None)

    async def ask(name: str) -> httpx.Response:
        return await http.request(each.method, path, params=query, json=body, headers=bearer(secrets[name]))

    kind = "group_not_found" if "{group_id}" in each.path else "session_not_found"
    problem(await ask("run"), 404, kind)
    if each.method == "GET":
        assert (await ask("read")).status_code == 200
    else:
        problem(await ask("read"), 403, "permission_denied")
    assert (await ask("her")).status_code in (200, 201) or each.id == "undo_session"


async def test_running_in_anothers_session_leads_nowhere(
    http: httpx.AsyncClient, secrets: dict[str, str], hers: None
) -> None:
    headers = bearer(secrets["run"])
    problem(await http.post("/workflows/count/execute", json={"session_id": "hers"}, headers=headers), 404,
            "session_not_found")  # fmt: skip
    problem(await http.post("/workflows/count/execute", headers={**headers, "X-Session-ID": "hers"}), 404,
            "session_not_found")  # fmt: skip


async def test_that_an_id_is_taken_is_told_and_nothing_else_of_it(
    http: httpx.AsyncClient, secrets: dict[str, str], hers: None
) -> None:
    mine, her = bearer(secrets["run"]), bearer(secrets["her"])
    assert (await http.post("/sessions", json={"session_id": "mine"}, headers=mine)).status_code == 201
    assert (await http.post("/sessions", json={"session_id": "own-1"}, headers=mine)).status_code == 201
    assert (await http.post("/sessions", json={"session_id": "her-old"}, headers=her)).status_code == 201
    assert (await http.post("/sessions/her-old/end", headers=her)).status_code == 200
    paths = [f"/sessions/{name}{rest}" for name in ("hers", "her-old") for rest in ("", "/events")]
    before = [(await http.get(path, headers=her)).json() for path in paths]
    for path in ("/sessions", "/sessions/mine/fork"):
        said = set()
        for name in ("own-1", "hers", "her-old"):
            answer = await http.post(path, json={"session_id": name}, headers=mine)
            problem(answer, 409, "session_exists")
            said.add(answer.text.replace(name, "ID"))
        assert len(said) == 1
    assert [(await http.get(path, headers=her)).json() for path in paths] == before


async def test_tokens_are_made_listed_and_revoked_by_admins(http: httpx.AsyncClient, secrets: dict[str, str]) -> None:
    admin = bearer(secrets["admin"])
    made = await http.post("/tokens", json={"name": "ci", "scope": "run", "expires_in": 60}, headers=admin)
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    assert {"name", "scope", "token"} <= set(made.json())
    problem(await http.post("/tokens", json={"name": "ci", "scope": "run"}, headers=admin), 409, "token_exists")
    listed = (await http.get("/tokens", headers=admin)).json()["items"]
    assert [each["name"] for each in listed] == ["admin", "ci", "her", "operate", "read", "run"]
    assert made.json()["token"] not in str(listed)
    assert (await http.delete("/tokens/ci", headers=admin)).json()["name"] == "ci"
    problem(await http.delete("/tokens/ci", headers=admin), 404, "token_not_found")
    for name in ("run", "read", "operate"):
        problem(await http.get("/tokens", headers=bearer(secrets[name])), 403, "permission_denied")


async def test_the_resource_says_what_it_wants(http: httpx.AsyncClient) -> None:
    refused = await http.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert refused.status_code == 401
    where = re.search(r'resource_metadata="([^"]+)"', refused.headers["WWW-Authenticate"])
    assert where is not None
    told = (await http.get(where[1])).json()
    assert (told["resource"], told["bearer_methods_supported"]) == ("http://localhost/mcp", ["header"])
    assert told["scopes_supported"] == ["run", "read", "operate", "admin"]


# -- over real sockets: the client library and MCP


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with serving(an_app(enable_auth=True)) as served:
        yield served


@pytest.fixture(scope="module")
def given(place: Place) -> dict[str, str]:
    import asyncio

    admin = place.app.service(place.app.local_caller("cli"))

    async def make() -> dict[str, str]:
        return {name: (await admin.create_token(name, name)).secret for name in ("run", "read", "operate", "admin")}

    return asyncio.run_coroutine_threadsafe(make(), place.loop).result(30)


async def test_a_client_with_a_token_comes_in_and_one_without_is_told(place: Place, given: dict[str, str]) -> None:
    async with RemoteService(place.url, token=given["admin"]) as admin:
        made = await admin.create_token("by-client", "read")
        assert [each.name for each in await admin.list_tokens()].count("by-client") == 1
        async with RemoteService(place.url, token=made.secret) as eyes:
            await eyes.list_sessions()
        assert (await admin.revoke_token("by-client")).scope == "read"
    async with RemoteService(place.url) as nobody:
        with pytest.raises(AuthenticationRequired):
            await nobody.list_sessions()


async def _tools(place: Place, secret: str) -> set[str]:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    async with (
        httpx2.AsyncClient(headers=bearer(secret)) as sending,
        Client(streamable_http_client(f"{place.url}/mcp", http_client=sending)) as client,
    ):
        return {tool.name for tool in (await client.list_tools()).tools}


async def test_mcp_shows_the_tools_that_a_scope_may_use(place: Place, given: dict[str, str]) -> None:
    workflows = {"collect", "count", "fail", "approve"}
    reading = {name for name, each in OPERATORS.items() if each.reads}
    assert await _tools(place, given["run"]) == workflows
    assert await _tools(place, given["read"]) == workflows | reading
    assert await _tools(place, given["operate"]) == workflows | set(OPERATORS)


async def test_mcp_lets_nobody_steer_what_is_anothers(place: Place, given: dict[str, str]) -> None:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    async with RemoteService(place.url, token=given["operate"]) as operator:
        await operator.create_session(session_id="theirs")
        await operator.execute("count", session_id="theirs")
    calls = {name: {"session_id": "theirs"} for name in OPERATORS if name.startswith("nexus_session_")}
    calls["nexus_session_extend"]["seconds"] = 5  # type: ignore[assignment]
    calls |= {"count": {"session_id": "theirs"}, "nexus_events": {}, "nexus_sessions_list": {}, "nexus_statistics": {}}
    async with (
        httpx2.AsyncClient(headers=bearer(given["run"])) as sending,
        Client(streamable_http_client(f"{place.url}/mcp", http_client=sending)) as client,
    ):
        for name, arguments in calls.items():
            told = (await client.call_tool(name, arguments)).structured_content or {}
            assert told.get("code") in ("session_not_found", "permission_denied") or told.get("items") == [], name
        resources = await client.list_resources()
        assert "theirs" not in str(resources.resources)
    async with RemoteService(place.url, token=given["read"]) as eyes:
        assert (await eyes.get_session("theirs")).channels == ("cli",)
