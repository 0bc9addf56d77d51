"""What doesn't fit is refused with a code, a name and a hint; nothing of it is done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from nexus.channels.http.edge import host_name
from tests.channels.http.http_places import an_app, in_process, problem

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "field", "hint"),
    [
        ({"inputs": {}, "sesion_id": "x"}, "sesion_id", "session_id"),
        ({"inputs": []}, "inputs", "list"),
        ({"background": "yes"}, "background", "true or false"),
        ({"checkpoint_interval": 0}, "checkpoint_interval", ">= 1"),
        ({"checkpoint_interval": 1.5}, "checkpoint_interval", "int"),
        ({"session_id": 5}, "session_id", "text"),
        ({"session_id": "no spaces"}, "session_id", "A-Z"),
        ({"session_id": "x" * 129}, "session_id", "128"),
    ],
)
async def test_a_body_field_that_does_not_fit_is_named(
    http: httpx.AsyncClient, body: dict[str, Any], field: str, hint: str
) -> None:
    told = problem(await http.post("/workflows/count/execute", json=body), 422, "invalid_input")
    assert told["details"]["field"] == field
    assert hint in told["detail"]
    assert (await http.get("/sessions")).json()["total"] == 0


async def test_a_missing_field_is_named(http: httpx.AsyncClient) -> None:
    await http.post("/sessions", json={"session_id": "s"})
    told = problem(await http.post("/sessions/s/extend", json={}), 422, "invalid_input")
    assert told["details"]["field"] == "seconds"
    assert problem(await http.post("/sessions/s/extend"), 422, "invalid_input") == told


@pytest.mark.parametrize("path", ["/sessions", "/groups", "/sessions/s/events", "/sessions/s/checkpoints", "/audit"])
async def test_an_empty_cursor_is_the_one_before_the_first_page(http: httpx.AsyncClient, path: str) -> None:
    await http.post("/sessions", json={"session_id": "s"})
    answer = await http.get(path, params={"limit": 1, "cursor": None})
    assert (answer.status_code, "cursor=" in str(answer.url)) == (200, True)


@pytest.mark.parametrize("seconds", [0, -1, 1e12, "60", True, None])
async def test_seconds_must_be_a_sensible_number(http: httpx.AsyncClient, seconds: Any) -> None:
    await http.post("/sessions", json={"session_id": "s"})
    told = problem(await http.post("/sessions/s/extend", json={"seconds": seconds}), 422, "invalid_input")
    assert told["details"]["field"] == "seconds"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"3", b'"x"', b'{"state": NaN}', b'{"state": {"a": Infinity}}', b"\xff\xfe",
        b'{"a": 1}{', b'{"state": {"a": "\\ud800"}}', b'{"state": {"a": 1e999}}', b"[" * 100_000,
        b'{"state": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        b'{"state": {"a": ' + b"[" * 200 + b"]" * 200 + b"}}",
    ],
    ids=lambda content: content[:20].decode("latin-1"),
)  # fmt: skip
async def test_what_is_not_a_json_object_is_refused(http: httpx.AsyncClient, content: bytes) -> None:
    response = await http.patch("/sessions/s", content=content, headers=JSON)
    problem(response, 422, "invalid_input")


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/json; charset=latin-1"],
)
async def test_a_body_that_is_not_declared_as_json_is_refused(http: httpx.AsyncClient, kind: str) -> None:
    response = await http.post("/sessions", content=b"{}", headers={"Content-Type": kind})
    problem(response, 415, "unsupported_media_type")
    problem(await http.post("/sessions", content=b"{}"), 415, "unsupported_media_type")


async def test_a_body_over_the_limit_is_refused_by_its_declared_length() -> None:
    async with in_process(an_app(max_body_bytes=1000)) as http:
        told = problem(await http.post("/sessions", content=b"x" * 1001, headers=JSON), 413, "payload_too_large")
        assert told["details"]["limit"] == 1000
        state = {"a": "x" * 900}
        assert (await http.post("/sessions", json={"state": state})).status_code == 201


async def test_a_body_without_a_declared_length_is_refused_as_soon_as_it_is_too_long() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 500

    async with in_process(an_app(max_body_bytes=1000)) as http:
        problem(await http.post("/sessions", content=endless(), headers=JSON), 413, "payload_too_large")
    assert sent <= 4


async def test_state_over_its_limit_is_refused() -> None:
    async with in_process(an_app(max_state_bytes=100)) as http:
        await http.post("/sessions", json={"session_id": "s"})
        problem(await http.patch("/sessions/s", json={"a": "x" * 200}), 413, "payload_too_large")
        assert (await http.get("/sessions/s")).json()["version"] == 1


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/sessions?limt=5", "limt"),
        ("/sessions?limit=0", "limit"),
        ("/sessions?limit=1001", "limit"),
        ("/sessions?limit=many", "limit"),
        ("/sessions?limit=1&limit=2", "limit"),
        ("/sessions?offset=-1", "offset"),
        ("/sessions?offset=0&stride=0", "stride"),
        ("/sessions?cursor=x&stride=2", "stride"),
        ("/sessions?q=%ff", "query"),
        ("/statistics?verbose=1", "verbose"),
        ("/groups/g/wait?timeout=nan", "timeout"),
        ("/groups/g/wait?timeout=9e9", "timeout"),
        ("/sessions?cursor=nonsense", "cursor"),
    ],
)
async def test_a_query_parameter_that_does_not_fit_is_named(http: httpx.AsyncClient, path: str, field: str) -> None:
    assert problem(await http.get(path), 422, "invalid_input")["details"]["field"] == field


async def test_unknown_paths_and_methods_are_problems(http: httpx.AsyncClient) -> None:
    told = problem(await http.get("/session"), 404, "route_not_found")
    assert "/sessions" in told["detail"]
    problem(await http.get("/sessions/"), 404, "route_not_found")
    response = await http.put("/sessions/s")
    problem(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "GET, HEAD, PATCH"
    problem(await http.post("/sessions/s", json={}), 405, "method_not_allowed")


async def test_a_page_of_another_site_can_change_nothing(http: httpx.AsyncClient) -> None:
    for origin in ("http://evil.example", "null", "http://localhost:9"):
        problem(await http.post("/sessions", headers={"Origin": origin}), 403, "permission_denied")
    assert (await http.post("/sessions", headers={"Origin": "http://localhost"})).status_code == 201
    assert (await http.get("/sessions")).json()["total"] == 1


async def test_a_fault_is_told_without_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    app = an_app()

    @app.route("/broken")
    def broken() -> None:
        raise RuntimeError("a secret")

    async with in_process(app) as http:
        response = await http.get("/broken")
    problem(response, 500, "internal_error")
    assert "secret" not in response.text
    assert "a secret" in caplog.text


async def test_head_answers_as_get_without_a_body(http: httpx.AsyncClient) -> None:
    await http.post("/sessions", json={"session_id": "s"})
    got, head = await http.get("/sessions/s"), await http.head("/sessions/s")
    assert head.content == b""
    assert head.headers == got.headers
    assert (await http.head("/events")).headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    ("header", "name"),
    [("LocalHost:80", "localhost"), ("[::1]:80", "[::1]"), ("a.example", "a.example"), ("", "")],
)
def test_the_name_in_a_host_header_is_read_without_its_port(header: str, name: str) -> None:
    assert host_name(header) == name
