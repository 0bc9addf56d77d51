"""What rules hide from a reader comes out of no door: every route, every tool, every resource and stream is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from mcp import Client

from nexus import AsyncNexus, PermissionDenied
from nexus.auth.redaction import MARKER
from nexus.channels.client import RemoteService
from nexus.channels.http.table import OPERATIONS
from nexus.channels.mcp.operators import OPERATORS
from nexus.model import Caller
from nexus.model.bulk import BulkRequest
from tests.channels.http.http_places import an_app, in_process, problem, serving

SECRET = "hunter2-never-shown"
NOTE = "typed by ann's mother"
RULES = ["state.**.password", "metadata.card", "inputs.password", "outputs.password", "data.note", "error"]


def app_with_secrets(**settings: Any) -> AsyncNexus:
    app = an_app(enable_auth=True, redact=RULES, **settings)

    @app.workflow("login")
    async def login(run: Any, password: str, fails: bool = False) -> dict[str, Any]:
        async for number in run.steps(range(2)):
            run.state["user"] = {"password": f"{password}-{number}", "name": "ann"}
            await run.progress(number, 2, note=NOTE)
        if fails:
            raise ValueError(f"{password} was wrong")
        return {"password": password, "ok": True}

    return app


async def fill(app: AsyncNexus) -> str:
    """Sessions full of secrets, and a token that may only read them."""
    api = app.service(Caller(actor="maker", channel="api"))
    await api.create_group("g", metadata={"card": SECRET})
    await api.create_session(session_id="s", group="g", metadata={"card": [SECRET]}, state={"password": {"x": SECRET}})
    await api.create_session(session_id="child", parent_session="s")
    await api.execute("login", {"password": SECRET}, session_id="s")
    await api.execute("login", {"password": SECRET, "fails": True}, session_id="failed")
    await api.fork_session("s", checkpoint_id="checkpoint-1", new_session_id="fork")
    return (await api.create_token("eyes", "read")).secret


@pytest.fixture
async def app() -> AsyncIterator[AsyncNexus]:
    opened = app_with_secrets()
    async with opened:
        await opened.start()
        yield opened


async def test_no_route_shows_a_reader_what_is_hidden() -> None:
    app = app_with_secrets()
    async with in_process(app) as http:
        bearer = {"Authorization": f"Bearer {await fill(app)}"}
        asked: set[str] = set()
        for each in OPERATIONS:
            if each.path == "/events":
                continue  # a stream, which the next test reads
            for session in ("s", "failed", "fork"):
                names = {"session_id": session, "group_id": "g", "cid": "checkpoint-1", "checkpoint_id": "checkpoint-1"}
                path = each.path.format(**names, name="login", token_name="eyes", namespace_name="acme")
                query: dict[str, Any] = {"from": "start"} if path.endswith("/diff") else {}
                query |= {"timeout": 0} if path.endswith("/wait") else {}
                body: dict[str, Any] | None = {} if each.method in ("POST", "PATCH") else None
                answer = await http.request(each.method, path, params=query, json=body, headers=bearer)
                for hidden in (SECRET, NOTE):
                    assert hidden not in answer.text + str(answer.headers), f"{each.method} {path}"
                if each.method == "GET" and "{session_id}" in each.path and session == "s":
                    assert answer.status_code == 200, answer.text
            asked.add(each.id)
        assert len(asked) == len(OPERATIONS) - 1


def test_a_stream_a_tool_and_a_resource_show_a_reader_nothing_hidden_and_an_operator_all() -> None:
    app = app_with_secrets()
    with serving(app) as place:
        secret = asyncio.run_coroutine_threadsafe(fill(app), place.loop).result(30)
        admin = app.service(Caller(actor="maker", channel="api"))
        steering = asyncio.run_coroutine_threadsafe(admin.create_token("op", "operate"), place.loop).result(30).secret
        for token, sees in ((steering, True), (secret, False), (steering, True)):
            # The bytes of an event are shared by streams: what one may see must not reach the other.
            streamed = _streamed(place.url, token)
            assert (NOTE in streamed) is sees
            assert SECRET not in streamed, "nobody is told in events"
            assert (SECRET in asyncio.run(_by_mcp(place.url, token))) is sees


def _streamed(url: str, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}", "Last-Event-ID": "0"}
    seen: list[str] = []
    with httpx.stream("GET", f"{url}/events", headers=headers, timeout=30) as answer:
        for line in answer.iter_lines():
            seen.append(line)
            if line == ": live":
                return "\n".join(seen)
    raise AssertionError("the stream ended")


async def _by_mcp(url: str, token: str) -> str:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    seen: list[str] = []
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        reading = [each for each in OPERATORS.values() if each.reads]
        assert len(reading) == 4
        for tool in reading:
            given = {"session_id": "s"} if tool.name in ("nexus_session_get", "nexus_events") else {}
            seen.append(json.dumps((await client.call_tool(tool.name, given)).structured_content))
        seen.append((await client.list_resources()).model_dump_json())
        seen.extend([(await client.read_resource(f"nexus://sessions/{one}")).model_dump_json()
                     for one in ("s", "failed", "fork")])  # fmt: skip
    return "\n".join(seen)


async def test_the_rest_of_a_record_is_shown_and_the_version_is_its_tag() -> None:
    app = app_with_secrets()
    async with in_process(app) as http:
        bearer = {"Authorization": f"Bearer {await fill(app)}"}
        shown = await http.get("/sessions/s", headers=bearer)
        assert shown.json()["state"] == {"password": MARKER, "user": {"password": MARKER, "name": "ann"}}
        assert shown.json()["metadata"] == {"card": MARKER}
        assert shown.headers["ETag"] == f'"{shown.json()["version"]}"'
        run = (await http.get("/sessions/s/run", headers=bearer)).json()["run"]
        assert (run["inputs"], run["outputs"]) == (
            {"password": MARKER},
            {"password": MARKER, "ok": True},
        )
        assert (await http.get("/sessions/failed", headers=bearer)).json()["error"] == MARKER


@pytest.mark.parametrize("q", ["state.user.password:hunter*", f"-meta.card={SECRET}", "error:hunter2"])
async def test_a_reader_cannot_guess_by_a_filter(q: str) -> None:
    app = app_with_secrets()
    async with in_process(app) as http:
        bearer = {"Authorization": f"Bearer {await fill(app)}"}
        for path in ("/sessions", "/events", "/events/recent", "/sessions/window"):
            if any(each.path == path for each in OPERATIONS):
                body = problem(await http.get(path, params={"q": q}, headers=bearer), 403, "permission_denied")
                assert "is hidden" in body["detail"]
        found = await http.get("/sessions", params={"q": "hunter2"}, headers=bearer)
        assert found.json()["items"] == []
        problem(await http.get("/sessions", params={"sort": "state.password"}, headers=bearer), 422, "invalid_input")


async def test_on_a_terminal_values_are_hidden_from_all_until_an_admin_asks(app: AsyncNexus) -> None:
    await fill(app)
    for scope in ("run", "operate", "admin"):
        service = app.service(Caller(actor="maker", channel="cli", scope=scope))
        assert SECRET not in str(await service.get_session("s"))
    with pytest.raises(PermissionDenied, match="may not see what is hidden"):
        app.service(Caller(actor="op", channel="cli", scope="operate", reveal=True))
    revealed = app.service(Caller(actor="op", channel="cli", reveal=True))
    assert SECRET in str(await revealed.get_session("s"))
    assert SECRET in str(await app.service(Caller(actor="op", channel="api", scope="operate")).get_session("s"))


async def test_work_goes_on_with_the_real_values_and_the_marker_is_not_written_back(app: AsyncNexus) -> None:
    await fill(app)
    terminal = app.service(Caller(actor="op", channel="cli", scope="operate"))
    await terminal.patch_session("s", {"user": {"name": "bob"}})
    with pytest.raises(PermissionDenied, match=r"state\.user\.password is hidden"):
        await terminal.patch_session("s", {"user": {"password": MARKER}})
    with pytest.raises(PermissionDenied, match="is hidden"):
        await terminal.bulk(BulkRequest(action="end", q=f"meta.card={SECRET}"))
    state = (await app.get_session("s")).state
    assert state["user"] == {"password": f"{SECRET}-1", "name": "bob"}
    forked = await terminal.fork_session("s", new_session_id="again")
    assert SECRET not in str(forked)
    assert (await app.get_session("again")).state == state


async def test_a_change_of_something_hidden_shows_in_no_difference(app: AsyncNexus) -> None:
    await fill(app)
    reader = app.service(Caller(actor="eyes", channel="api", scope="read"))
    whole = await app.service(Caller(actor="op", channel="api")).diff("s", "checkpoint-1", "checkpoint-2")
    assert list(whole.changed) == ["user.password"]
    assert (await reader.diff("s", "checkpoint-1", "checkpoint-2")).changed == {}


def test_a_remote_admin_asks_to_see_them_by_a_header() -> None:
    app = app_with_secrets()
    with serving(app) as place:
        reading = asyncio.run_coroutine_threadsafe(fill(app), place.loop).result(30)
        maker = app.service(Caller(actor="maker", channel="api"))
        secret = asyncio.run_coroutine_threadsafe(maker.create_token("root", "admin"), place.loop).result(30).secret

        async def ask(token: str, *, reveal: bool) -> str:
            async with RemoteService(place.url, token=token, reveal=reveal) as remote:
                return str(await remote.get_session("s"))

        assert SECRET not in asyncio.run(ask(secret, reveal=False))
        assert SECRET in asyncio.run(ask(secret, reveal=True))
        with pytest.raises(PermissionDenied):
            asyncio.run(ask(reading, reveal=True))
