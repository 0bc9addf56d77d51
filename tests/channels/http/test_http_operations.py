"""Health, metrics, the description and its page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from nexus.channels.wire import answers, shown
from nexus.errors import NexusError
from nexus.model import Status
from nexus.stores.base import Health
from tests.channels.http.http_places import an_app, in_process


async def test_health_and_readiness_are_told(http: httpx.AsyncClient) -> None:
    assert (await http.get("/health")).json() == {"status": "ok"}
    ready = await http.get("/ready")
    assert (ready.status_code, ready.json()["ok"], ready.json()["backend"]) == (200, True, "memory")


async def test_a_store_that_does_not_answer_is_not_ready_while_the_process_is_healthy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = an_app()
    async with in_process(app) as http:

        async def health() -> Health:
            return Health(ok=False, backend="memory", url="memory://", detail="gone")

        monkeypatch.setattr(app.store, "health", health)
        ready = await http.get("/ready")
        assert (ready.status_code, ready.json()["ok"]) == (503, False)
        assert (await http.get("/health")).status_code == 200


def test_a_password_in_the_store_s_address_is_not_told() -> None:
    health = Health(ok=True, backend="redis", url="redis://me:hush@example:6379/0")
    assert shown.health(health).url == "redis://me:***@example:6379/0"


_SAMPLE = re.compile(r'^[a-z_:][a-z0-9_:]*(\{([a-z]+="(\\.|[^"\\])*"(,|(?=\})))*\})? -?[0-9.e+-]+$')


async def test_metrics_are_prometheus_text(http: httpx.AsyncClient) -> None:
    await http.post("/sessions", json={"session_id": "s"})
    await http.post("/workflows/count/execute")
    await http.get('/nowhere/"quoted"')
    response = await http.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = response.text.splitlines()
    assert response.text.endswith("\n")
    typed: set[str] = set()
    for line in lines:
        if line.startswith("# TYPE "):
            name = line.split(" ")[2]
            assert name not in typed
            typed.add(name)
        elif not line.startswith("# HELP "):
            assert _SAMPLE.match(line), line
            assert re.sub(r"(_sum|_count)?(\{.*)? .*$", "", line) in typed
    assert 'nexus_sessions{status="active"} 2' in lines
    assert 'nexus_http_requests_total{route="/sessions",method="POST",status="201"} 1' in lines
    assert {f'status="{status}"' in response.text for status in Status} == {True}


async def test_every_operation_and_every_workflow_is_described(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    for path in (
        "/workflows/{name}/execute", "/workflows", "/sessions", "/sessions/{session_id}", "/sessions/{session_id}/end",
        "/sessions/{session_id}/extend", "/sessions/{session_id}/resume", "/sessions/{session_id}/fork",
        "/sessions/{session_id}/signal", "/sessions/{session_id}/sync", "/sessions/{session_id}/checkpoints",
        "/sessions/{session_id}/checkpoints/{checkpoint_id}", "/sessions/{session_id}/events",
        "/sessions/{session_id}/children", "/sessions/{session_id}/diff", "/groups", "/groups/{group_id}",
        "/groups/{group_id}/end", "/groups/{group_id}/wait", "/statistics", "/events", "/health", "/ready", "/metrics",
        "/openapi.json", "/docs", "/workflows/collect/execute",
    ):  # fmt: skip
        assert path in document["paths"], path
    inputs = document["components"]["schemas"]["workflow-collect"]
    assert inputs["required"] == ["step"]
    identifiers = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(identifiers) == len(set(identifiers))
    for reference in _references(document):
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for item in value.values() for each in _references(item)]
    return [each for item in value for each in _references(item)] if isinstance(value, list) else []


async def test_a_workflow_registered_later_is_described_too() -> None:
    app = an_app()
    async with in_process(app) as http:
        await http.get("/openapi.json")
        app.register(lambda: None, "later")
        assert "/workflows/later/execute" in (await http.get("/openapi.json")).json()["paths"]


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids.add(values.get("id") or "")
        if tag in ("script", "link", "img", "iframe") or "src" in values:
            self.loaded.append(tag)


async def test_the_page_loads_nothing_and_explains_every_code(http: httpx.AsyncClient) -> None:
    response = await http.get("/docs")
    page = _Page()
    page.feed(response.text)
    assert page.loaded == []
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    missing = (await http.get("/sessions/none")).json()["type"]
    assert missing == "/docs#session_not_found"
    assert {missing.partition("#")[2], "route_not_found", "invalid_input", "execute_collect"} <= page.ids


def test_answers_say_what_the_models_say() -> None:
    import msgspec

    from nexus.model import Checkpoint, Event, Group, RunResult, RunStatus
    from nexus.testing.builders import a_session

    session = a_session("s", state={"a": [], "z": {}})
    pairs: list[tuple[Any, Any]] = [
        (shown.session(session), session),
        (shown.event(event := Event(type="session.created", ts=1.5, session_id="s", seq=3)), event),
        (shown.group(group := Group(id="g", created_at=1.0, owner="me", counts={"active": 2})), group),
        (
            shown.checkpoint(
                point := Checkpoint(session_id="s", number=2, step=1, workflow="w", run_id="r", created_at=1.0)
            ),
            point,
        ),
        (
            shown.result(
                result := RunResult(session_id="s", run_id="r", workflow="w", status=RunStatus.FAILED, error="e")
            ),
            result,
        ),
    ]
    for answer, record in pairs:
        told = msgspec.json.decode(msgspec.json.encode(answer))
        assert told == msgspec.json.decode(msgspec.json.encode(record.to_dict()))
        assert list(told) == list(record.to_dict())


def test_every_error_of_the_tree_becomes_a_problem_with_its_code() -> None:
    from nexus.channels.http.problems import MethodNotAllowed, problem

    pending: list[type[NexusError]] = [NexusError]
    while pending:
        kind = pending.pop()
        pending.extend(kind.__subclasses__())
        details = {"allowed": ["GET"]} if kind is MethodNotAllowed else {"status": "a detail of that name"}
        reply = problem(kind("what and why", **details), "/here")
        import msgspec

        told = msgspec.json.decode(reply.body, type=answers.Problem)
        assert (told.code, told.status, reply.status) == (kind.code, kind.status, kind.status)
        assert told.details.items() >= details.items()
