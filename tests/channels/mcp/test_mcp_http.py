"""The endpoint itself: what may come in, and hostile requests."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from nexus.channels.mcp.callers import SCOPE_KEY
from nexus.channels.mcp.guard import HostGuard
from nexus.channels.mcp.http import mount
from nexus.errors import AuthenticationRequired, PermissionDenied
from nexus.model import Caller
from tests.channels.mcp.mcp_places import ERAS, served, serving
from tests.channels.mcp.mcp_workflows import new_app

JSON_ONLY = {"accept": "application/json", "content-type": "application/json"}
BOTH = {**JSON_ONLY, "accept": "application/json, text/event-stream"}


def request(era: str, method: str, params: dict[str, Any] | None = None) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and body of one request."""
    params = dict(params or {})
    headers = {"mcp-protocol-version": era}
    if era == "2026-07-28":
        headers["mcp-method"] = method
        if "name" in params:
            headers["mcp-name"] = params["name"]
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": era,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    return headers, {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def answer_of(response: httpx.Response) -> dict[str, Any]:
    """The JSON-RPC answer, from a JSON body or from a stream."""
    if response.headers["content-type"].startswith("text/event-stream"):
        data = [line[5:] for line in response.text.splitlines() if line.startswith("data:")]
        answer: dict[str, Any] = json.loads(data[-1])
    else:
        answer = response.json()
    return answer


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("accept", [JSON_ONLY, BOTH], ids=["json", "json-and-events"])
async def test_a_client_gets_the_kind_of_answer_that_it_takes(store: str, era: str, accept: dict[str, str]) -> None:
    headers, body = request(era, "tools/call", {"name": "echo", "arguments": {"value": 7}})
    async with served(new_app(store)) as (url, _), httpx.AsyncClient() as web:
        response = await web.post(url, json=body, headers={**headers, **accept})
    assert response.status_code == 200
    assert answer_of(response)["result"]["structuredContent"]["outputs"] == 7
    if accept is JSON_ONLY:
        assert response.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("era", ERAS)
async def test_the_server_of_the_http_api_serves_mcp_and_both_use_the_same_sessions(store: str, era: str) -> None:
    headers, body = request(era, "tools/call", {"name": "process", "arguments": {"action": "b", "session_id": "one"}})
    async with serving(new_app(store)) as url, httpx.AsyncClient(follow_redirects=False) as web:
        api = url.removesuffix("/mcp")
        await web.post(f"{api}/workflows/process/execute", json={"inputs": {"action": "a"}, "session_id": "one"})
        response = await web.post(url, json=body, headers={**headers, **BOTH})
        session = (await web.get(f"{api}/sessions/one")).json()
        foreign = await web.post(url, json=body, headers={**headers, **BOTH, "host": "evil.example"})
    assert response.status_code == 200
    assert answer_of(response)["result"]["structuredContent"]["outputs"]["actions"] == ["a", "b"]
    assert session["channels"] == ["api", "mcp"]
    assert (foreign.status_code, foreign.json()["code"]) == (403, "permission_denied")


async def test_the_endpoint_is_at_its_own_path_without_a_redirect(store: str) -> None:
    headers, body = request(ERAS[0], "tools/list")
    async with served(new_app(store)) as (url, _), httpx.AsyncClient(follow_redirects=False) as web:
        assert (await web.post(url, json=body, headers={**headers, **BOTH})).status_code == 200


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_there_is_no_stream_to_get_and_no_protocol_session_to_delete(store: str, method: str) -> None:
    async with served(new_app(store)) as (url, _), httpx.AsyncClient() as web:
        response = await web.request(method, url, headers=BOTH)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "foreign",
    [
        {"host": "evil.example"},
        {"host": "evil.example:8000", "origin": "http://evil.example:8000"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1.evil.example"},
        {"host": "localhost.evil.example"},
    ],
)
async def test_a_request_by_a_foreign_name_is_refused(store: str, era: str, foreign: dict[str, str]) -> None:
    headers, body = request(era, "tools/call", {"name": "echo", "arguments": {}})
    async with served(new_app(store)) as (url, _), httpx.AsyncClient() as web:
        response = await web.post(url, json=body, headers={**headers, **BOTH, **foreign})
    assert response.status_code == 403
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "permission_denied"


async def test_names_that_were_allowed_pass(store: str) -> None:
    headers, body = request(ERAS[0], "tools/list")
    mine = {"host": "nexus.example:443", "origin": "https://nexus.example"}
    async with served(new_app(store), allowed_hosts=["nexus.example"]) as (url, _), httpx.AsyncClient() as web:
        response = await web.post(url, json=body, headers={**headers, **BOTH, **mine})
    assert response.status_code == 200


def test_a_server_on_all_addresses_takes_its_digits_and_no_foreign_origin() -> None:
    guard = HostGuard("0.0.0.0")  # noqa: S104 - a rule about it, nothing is bound
    guard.check("192.168.1.5:8000", None)
    guard.check("[fe80::1]:8000", "http://[fe80::1]:8000")
    guard.check("localhost", "http://localhost:3000")
    for host, origin in (
        ("evil.example", None),
        ("192.168.1.5", "http://10.0.0.1"),
        ("localhost", "ftp://localhost"),
        (None, None),
    ):
        with pytest.raises(PermissionDenied):
            guard.check(host, origin)
    HostGuard("127.0.0.1", ["*"]).check("anything.example", "http://else.example")


@pytest.mark.parametrize("era", ERAS)
async def test_a_body_over_the_limit_is_refused_as_too_large(store: str, era: str) -> None:
    headers, body = request(era, "tools/call", {"name": "echo", "arguments": {"value": "x" * (1 << 20)}})
    data = json.dumps(body).encode()

    async def pieces() -> Any:
        for start in range(0, len(data), 65536):
            yield data[start : start + 65536]

    async with served(new_app(store)) as (url, _), httpx.AsyncClient() as web:
        for content in (data, pieces()):
            response = await web.post(url, content=content, headers={**headers, **BOTH})
            assert response.status_code == 413
            assert response.json()["code"] == "payload_too_large"


HOSTILE = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"[" * 100_000,
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
    b'{"jsonrpc":"1.0","id":1,"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":{},"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":1,"method":7}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":5}}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":[]}}',
    b'{"jsonrpc":"2.0","id":1,"method":"no/such"}',
    b"\xff\xfe",
    b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":7}}',
]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
async def test_a_malformed_body_is_answered_and_the_server_goes_on(store: str, era: str, body: bytes) -> None:
    headers, good = request(era, "tools/list")
    async with served(new_app(store)) as (url, _), httpx.AsyncClient() as web:
        response = await web.post(url, content=body, headers={**headers, **BOTH})
        assert response.status_code < 500
        after = await web.post(url, json=good, headers={**headers, **BOTH})
    assert "tools" in answer_of(after)["result"]


ARGUMENTS = [
    b'{"value":NaN}',
    b'{"value":1e999}',
    b'{"value":"\\ud800"}',
    b'{"\\ud800":1}',
    b'{"value":' + b"[" * 150 + b"]" * 150 + b"}",
    b'{"value":' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("arguments", ARGUMENTS, ids=range(len(ARGUMENTS)))
async def test_arguments_that_are_no_json_are_refused_and_nothing_is_made(
    store: str, era: str, arguments: bytes
) -> None:
    headers, body = request(era, "tools/call", {"name": "echo", "arguments": "HERE"})
    content = json.dumps(body).encode().replace(b'"HERE"', arguments)
    app = new_app(store)
    async with served(app) as (url, _), httpx.AsyncClient() as web:
        response = await web.post(url, content=content, headers={**headers, **BOTH})
        made = await app.service(app.local_caller("sdk")).list_sessions()
    assert response.status_code < 500
    answer = answer_of(response)
    if "error" in answer:
        assert answer["error"]["code"] in {-32700, -32600, -32602}
    else:
        assert answer["result"]["isError"]
        assert answer["result"]["structuredContent"]["code"] == "invalid_input"
    assert made.total == 0


@pytest.mark.parametrize("era", ERAS)
async def test_a_tool_name_that_is_no_text_is_answered(store: str, era: str) -> None:
    headers, body = request(era, "tools/call", {"name": "x"})
    content = json.dumps(body).encode().replace(b'"x"', b'"\\ud800"')
    headers.pop("mcp-name", None)
    async with served(new_app(store)) as (url, _), httpx.AsyncClient() as web:
        response = await web.post(url, content=content, headers={**headers, **BOTH})
    assert response.status_code < 500
    assert "error" in answer_of(response)


@pytest.mark.parametrize("era", ERAS)
async def test_the_caller_found_at_the_door_owns_what_is_made(store: str, era: str) -> None:
    async def authenticate(headers: Any, peer: str) -> Caller:
        assert peer == "127.0.0.1"
        if headers.get("authorization") != "Bearer good":
            raise AuthenticationRequired("no valid token")
        return Caller(actor="ci-bot", channel="api", scope="run")

    headers, body = request(era, "tools/call", {"name": "echo", "arguments": {"session_id": "mine"}})
    app = new_app(store)
    async with served(app, authenticate=authenticate) as (url, _), httpx.AsyncClient() as web:
        refused = await web.post(url, json=body, headers={**headers, **BOTH})
        good = {**headers, **BOTH, "authorization": "Bearer good"}
        accepted = await web.post(url, json=body, headers=good)
        session = await app.service(app.local_caller("sdk")).get_session("mine")
        _, listing = request(era, "tools/list")
        headers_of_list, _ = request(era, "tools/list")
        listed = await web.post(url, json=listing, headers={**good, **headers_of_list, "mcp-name": ""})
        operating = request(era, "tools/call", {"name": "nexus_statistics", "arguments": {}})
        denied = await web.post(url, json=operating[1], headers={**good, **operating[0]})
    assert refused.status_code == 401
    assert refused.json()["code"] == "unauthenticated"
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert not answer_of(accepted)["result"].get("isError")
    assert (session.owner, session.channel) == ("ci-bot", "mcp")
    names = [tool["name"] for tool in answer_of(listed)["result"]["tools"]]
    assert "echo" in names
    assert not [name for name in names if name.startswith("nexus_")]
    assert answer_of(denied)["result"]["structuredContent"]["code"] == "permission_denied"


async def test_the_endpoint_says_that_it_has_to_be_run(store: str) -> None:
    app = new_app(store)
    transport = httpx.ASGITransport(app=mount(app).asgi)
    async with app, httpx.AsyncClient(transport=transport, base_url="http://localhost") as web:
        with pytest.raises(RuntimeError, match="run"):
            await web.post("/mcp", json={})
    assert SCOPE_KEY == "nexus.caller"
