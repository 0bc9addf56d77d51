"""Requests over HTTP and MCP: whatever comes, no 5xx but those that are said on purpose, and the server serves on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import strategies as st

from nexus.channels.http.operation import Operation
from nexus.channels.http.table import OPERATIONS
from nexus.channels.wire.asked import Patch
from tests.channels.http.http_places import an_app, in_process
from tests.fuzz.fuzzing import altered, bounded, fuzz, mutated, tried

_NEVER_END = {("GET", "/events")}
"""A stream has no end, and this client reads answers to theirs."""
CALLS = [each for each in OPERATIONS if (each.method, each.path) not in _NEVER_END]
BODIES: list[Any] = [
    {"session_id": "s1", "state": {"a": [1, 2.5, None]}, "metadata": {"k": "v"}, "timeout": 60, "channel": "cli"},
    {"inputs": {"step": 1, "data": "x"}, "session_id": "s1", "background": False, "checkpoint_interval": 1},
    {"inputs": {"to": 2}},
    {"status": "completed", "reason": "done"},
    {"seconds": 30},
    {"checkpoint_id": "checkpoint-1"},
    {"name": "approval", "payload": {"ok": True}},
    {"channel": "mcp"},
    {"a": {"b": None}, "step": 3},
    {"action": "end", "ids": ["s1", "s2"], "dry_run": True},
    {"action": "patch", "q": "status:active", "patch": {"x": 1}},
    {"group_id": "g1", "metadata": {"n": 1}},
    {"name": "ci", "scope": "run", "expires_in": 60},
    {"parent_session": "s1", "group": "g1", "user_id": "u"},
]
QUERIES = [
    b"q=status:active&sort=-created_at&limit=5",
    b"cursor=abc&limit=1",
    b"from=checkpoint-1&to=current",
    b"timeout=0",
    b"q=%ff&limit=1e3",
    b"offset=0&limit=50",
    b"newest=true",
    b"",
    b"id=1&id=2",
]
_name = st.sampled_from(["s1", "s2", "g1", "checkpoint-1", "count", "collect", "approve", "fail", "bulk", "none"])
_text = st.text(min_size=1, max_size=12).map(lambda text: quote(text, safe="", errors="replace"))
_header = st.sampled_from(
    [
        {},
        {"If-Match": '"1"'},
        {"If-Match": "W/x"},
        {"X-Session-ID": "s1"},
        {"Idempotency-Key": "k"},
        {"Idempotency-Key": " "},
        {"X-Nexus-Channel": "cli"},
        {"X-Nexus-Channel": "\x7f"},
        {"Content-Type": "text/plain"},
        {"Origin": "null"},
        {"Content-Length": "-5"},
        {"X-Nexus-Reveal": "maybe"},
    ]
)


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def fitting(operation: Operation) -> list[Any]:
    """The samples that this operation may take."""
    body = operation.body
    if body is None or body is Patch:
        return BODIES
    known = {*body.__struct_encode_fields__, *body.ALIASES}
    return [each for each in BODIES if known.issuperset(each)] or BODIES


def asked_for(operation: Operation) -> st.SearchStrategy[tuple[Operation, bytes, bytes]]:
    """An operation with a body and a query for it, half of them as they should be."""
    own = fitting(operation)
    bodies = (
        st.sampled_from(own).map(dumped) | mutated([dumped(each) for each in own], most=3) | altered(own).map(dumped)
    )
    return st.tuples(st.just(operation), bodies, st.just(b"") | mutated(QUERIES, most=2))


class Door:
    """An application with a client, on a loop of its own that waits between requests."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.client: httpx.AsyncClient = self.runner.run(self._stack.enter_async_context(in_process(an_app())))

    def ask(self, method: str, path: str, **sent: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            return await self.client.request(method, path, **sent)

        return self.runner.run(asked())

    def close(self) -> None:
        self.runner.run(self._stack.aclose())
        self.runner.close()


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    opened = Door()
    yield opened
    opened.close()


_MAY_FAIL = {501, 503, 504}


def judge(answer: httpx.Response, target: str) -> None:
    assert answer.status_code < 500 or answer.status_code in _MAY_FAIL, (answer.status_code, answer.text[:300])
    tried[f"{target}: {answer.status_code // 100}xx"] += 1
    if answer.status_code >= 400 and answer.headers.get("content-type", "").startswith("application/problem+json"):
        told = answer.json()
        assert told["code"]
        assert told["detail"]
        assert told["code"] != "internal_error"


@fuzz(
    150,
    st.sampled_from(CALLS).flatmap(asked_for),
    _name | _name | _text,
    _name | _text,
    st.just({}) | _header,
)
def test_any_request_is_answered_or_refused_by_name(
    door: Door, call: tuple[Operation, bytes, bytes], one: str, two: str, header: dict[str, str]
) -> None:
    operation, body, query = call
    method, path = operation.method, operation.path
    for name, value in zip([part[1:-1] for part in path.split("/") if part.startswith("{")], (one, two), strict=False):
        path = path.replace(f"{{{name}}}", value)
    if path.endswith("/wait"):
        query = b"timeout=0"
    url = httpx.URL(scheme="http", host="localhost", path="/").copy_with(
        raw_path=path.encode() + b"?" + quote(query, safe="%&=+:*-").encode()
    )
    with bounded("http"):
        headers = {"Content-Type": "application/json", **header}
        judge(door.ask(method, url, content=body if method != "GET" else None, headers=headers), "http")  # type: ignore[arg-type]


META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
FRAMES: list[Any] = [
    {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}},
    {
        "jsonrpc": "2.0",
        "id": "a",
        "method": "tools/call",
        "params": {"name": "count", "arguments": {"to": 2, "session_id": "s1"}, "_meta": META},
    },
    {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "nexus_sessions_list", "arguments": {"q": "status:active", "limit": 3}, "_meta": META},
    },
    {"jsonrpc": "2.0", "id": 3, "method": "resources/read", "params": {"uri": "nexus://sessions/s1", "_meta": META}},
    {
        "jsonrpc": "2.0",
        "id": 4,
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 5, "method": "ping"},
    {"jsonrpc": "2.0", "id": 6, "result": {}},
]


@fuzz(
    60,
    mutated([dumped(each) for each in FRAMES]) | altered(FRAMES).map(dumped),
    st.sampled_from(["application/json, text/event-stream", "application/json", "*/*", "text/html"]),
)
def test_any_mcp_frame_over_http_is_answered_or_refused(door: Door, frame: bytes, accept: str) -> None:
    with bounded("mcp http"):
        headers = {"Content-Type": "application/json", "Accept": accept}
        judge(door.ask("POST", "/mcp", content=frame, headers=headers), "mcp http")
