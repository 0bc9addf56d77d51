"""Limits over HTTP: what is exactly at one passes, one more names its setting, and when to come back."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from nexus.channels.client import RemoteService
from nexus.errors import LimitExceeded
from nexus.model import Caller
from tests.channels.http.http_places import Place, an_app, in_process, problem, serving

CALL = {
    "jsonrpc": "2.0", "id": 1, "method": "tools/list",
    "params": {
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    },
}  # fmt: skip
MCP = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


async def test_requests_over_the_rate_are_told_when_to_come_back() -> None:
    async with in_process(an_app(max_requests_per_second=0.01, request_burst=3)) as client:
        first = await client.get("/sessions")
        assert first.headers["ratelimit-policy"] == '"actor";q=3;w=300'
        assert first.headers["ratelimit"].startswith('"actor";r=2;')
        assert (await client.get("/sessions/none")).headers["ratelimit"].startswith('"actor";r=1;')
        assert (await client.post("/sessions", json={})).status_code == 201
        refused = await client.post("/sessions", json={})
        told = problem(refused, 429, "rate_limited")
        assert told["details"]["setting"] == "max_requests_per_second"
        assert refused.headers["retry-after"] == str(told["details"]["retry_after"])
        assert 90 <= int(refused.headers["retry-after"]) <= 100
        assert (await client.get("/health")).status_code == 200
        assert "ratelimit" not in (await client.get("/health")).headers


async def test_mcp_and_own_routes_draw_on_the_same_bucket() -> None:
    app = an_app(max_requests_per_second=0.01, request_burst=2)

    @app.route("/own")
    def own() -> dict[str, int]:
        return {"a": 1}

    async with in_process(app) as client:
        assert (await client.get("/own")).status_code == 200
        listed = await client.post("/mcp", json=CALL, headers=MCP)
        assert listed.status_code != 429
        assert listed.headers["ratelimit"].startswith('"actor";r=0;')
        refused = await client.post("/mcp", json=CALL, headers=MCP)
        assert problem(refused, 429, "rate_limited")
        assert int(refused.headers["retry-after"]) > 0
        assert problem(await client.get("/own"), 429, "rate_limited")


async def test_without_a_rate_nothing_is_told(http: httpx.AsyncClient) -> None:
    assert "ratelimit" not in (await http.get("/sessions")).headers


async def test_a_body_exactly_at_its_limit_passes() -> None:
    async with in_process(an_app(max_body_bytes=200)) as client:

        def body(size: int) -> bytes:
            start = json.dumps({"metadata": {"k": ""}})
            return start.replace('""', f'"{"x" * (size - len(start))}"').encode()

        headers = {"Content-Type": "application/json"}
        assert (await client.post("/sessions", content=body(200), headers=headers)).status_code == 201
        told = problem(await client.post("/sessions", content=body(201), headers=headers), 413, "payload_too_large")
        assert (told["details"]["limit"], told["details"]["setting"]) == (200, "max_body_bytes")
        over = b" " * (201 - len(json.dumps(CALL))) + json.dumps(CALL).encode()
        assert len(over) > 200
        told = problem(await client.post("/mcp", content=over, headers=MCP), 413, "payload_too_large")
        assert told["details"]["setting"] == "max_body_bytes"


async def test_limits_of_sessions_are_problems() -> None:
    async with in_process(an_app(max_live_sessions=1)) as client:
        assert (await client.post("/sessions", json={})).status_code == 201
        told = problem(await client.post("/sessions", json={}), 429, "limit_exceeded")
        assert (told["details"]["limit"], told["details"]["setting"]) == (1, "max_live_sessions")
        problem(await client.post("/workflows/count/execute", json={}), 429, "limit_exceeded")


@pytest.fixture(scope="module")
def narrow() -> Any:
    """A server with two streams and a quick rate."""
    with serving(an_app(max_streams=2, max_requests_per_second=2, request_burst=4)) as place:
        yield place


async def test_streams_over_the_limit_are_refused_and_a_closed_one_makes_room(narrow: Place) -> None:
    async with httpx.AsyncClient(base_url=narrow.url) as client:
        async with client.stream("GET", "/events") as one, client.stream("GET", "/events") as two:
            assert (one.status_code, two.status_code) == (200, 200)
            refused = await client.get("/events")
            told = problem(refused, 429, "limit_exceeded")
            assert (told["details"]["setting"], refused.headers["retry-after"]) == ("max_streams", "5")
            with pytest.raises(LimitExceeded):
                narrow.app.parts.seats.take("anybody")
        narrow_seats = narrow.app.parts.seats
        while narrow_seats._taken.total():
            await client.get("/health")


async def test_a_client_waits_its_turn_and_does_each_thing_once(narrow: Place) -> None:
    async with RemoteService(narrow.url) as service:
        for number in range(7):
            await service.create_session(session_id=f"paced-{number}")
    mine = narrow.app.service(Caller(actor="x", channel="sdk"))
    assert (await mine.list_sessions("paced-")).total == 7
