"""Routes of the user's own, beside the built-in ones."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

import nexus
from nexus import Nexus, request
from nexus.channels.http import build_http_app, serve
from nexus.errors import InvalidInput, NexusError, SessionNotFound
from nexus.http_request import HttpRequest
from nexus.model import RunResult, RunStatus
from nexus.testing.builders import a_session
from tests.channels.http.http_places import an_app, in_process, problem


async def test_a_handler_without_parameters_reads_the_request_it_answers() -> None:
    app = an_app()

    @app.route("/echo/{word}")
    def echo() -> dict[str, Any]:
        return {
            "id": request.id, "json": request.json, "method": request.method, "path": request.path,
            "query": dict(request.query), "header": request.headers["X-Word"], "body": len(request.body),
            "session": request.session_id, "word": request.path_params["word"],
        }  # fmt: skip

    async with in_process(app) as http:
        response = await http.post(
            "/echo/hi?a=1&b=", json={"session_id": "s"}, headers={"X-Request-ID": "mine", "x-word": "w"}
        )
    assert response.headers["X-Request-ID"] == "mine"
    assert response.json() == {
        "id": "mine", "json": {"session_id": "s"}, "method": "POST", "path": "/echo/hi",
        "query": {"a": "1", "b": ""}, "header": "w", "body": 18, "session": "s", "word": "hi",
    }  # fmt: skip


async def test_a_handler_reads_the_request_without_having_imported_it() -> None:
    app = an_app()
    module: dict[str, Any] = {"app": app}
    exec('@app.route("/who")\ndef who():\n    return request.id', module)  # noqa: S102 - a module without the import
    mine: dict[str, Any] = {"app": app, "request": "mine"}
    exec('@app.route("/mine")\ndef own():\n    return request', mine)  # noqa: S102 - and one with a name of its own
    async with in_process(app) as http:
        assert (await http.get("/who", headers={"X-Request-ID": "r1"})).json() == "r1"
        assert (await http.get("/mine")).json() == "mine"


async def test_a_handler_may_take_the_request() -> None:
    app = an_app()

    @app.route("/sync")
    def sync(request: HttpRequest) -> str:
        return request.path

    @app.route("/async")
    async def asynchronous(request: HttpRequest) -> Any:
        await asyncio.sleep(0)
        return nexus.request.path + request.path

    async with in_process(app) as http:
        assert (await http.get("/sync")).json() == "/sync"
        assert (await http.get("/async")).json() == "/async/async"


async def test_each_handler_sees_its_own_request() -> None:
    app = an_app()
    both = asyncio.Barrier(20)

    @app.route("/who/{n}")
    async def who() -> Any:
        await both.wait()
        return request.path_params["n"]

    async with in_process(app) as http:
        answers = await asyncio.gather(*(http.get(f"/who/{n}") for n in range(20)))
    assert [answer.json() for answer in answers] == [str(n) for n in range(20)]


def test_there_is_no_request_outside_a_handler() -> None:
    with pytest.raises(NexusError, match="only there while"):
        _ = request.id
    assert repr(request) == "<no request>"


@pytest.mark.parametrize(
    ("result", "status", "body"),
    [
        ({"a": 1}, 200, {"a": 1}),
        ([1, None], 200, [1, None]),
        ("text", 200, "text"),
        (({"a": 1}, 201), 201, {"a": 1}),
        (("no", 400, {"X-Why": "because"}), 400, "no"),
        (None, 204, None),
        ((None, 202), 202, None),
        (a_session("s", state={"x": []}), 200, a_session("s", state={"x": []}).to_dict()),
        (
            RunResult(session_id="s", run_id="r", workflow="w", status=RunStatus.COMPLETED), 200,
            RunResult(session_id="s", run_id="r", workflow="w", status=RunStatus.COMPLETED).to_dict(),
        ),
        ([a_session("s")], 200, [a_session("s").to_dict()]),
    ],
    ids=str,
)  # fmt: skip
async def test_what_a_handler_gives_becomes_json(result: Any, status: int, body: Any) -> None:
    app = an_app()

    @app.route("/give")
    def give() -> Any:
        return result

    async with in_process(app) as http:
        response = await http.get("/give")
    assert response.status_code == status
    assert (response.json() if response.content else None) == body


async def test_an_error_that_a_handler_raises_is_its_problem() -> None:
    app = an_app()

    @app.route("/gone")
    def gone() -> None:
        raise SessionNotFound("there is no session x", session_id="x")

    @app.route("/strange")
    def strange() -> Any:
        return object()

    async with in_process(app) as http:
        problem(await http.get("/gone"), 404, "session_not_found")
        problem(await http.get("/strange"), 500, "internal_error")
        problem(await http.delete("/gone"), 405, "method_not_allowed")
        problem(await http.post("/gone", content=b"x" * (2 << 20)), 413, "payload_too_large")


@pytest.mark.parametrize(
    "path", ["/health", "/sessions/mine", "/sessions/{other}", "/workflows/a/execute", "/mcp", "/mcp/x"]
)
async def test_a_route_that_a_built_in_one_covers_is_refused(path: str) -> None:
    app = an_app()
    app.route(path)(lambda: None)
    with pytest.raises(InvalidInput, match="built in"):
        build_http_app(app)


async def test_a_route_below_or_beside_a_built_in_one_is_served() -> None:
    app = an_app()
    app.route("/sessions/{id}/notes")(lambda: "notes")
    app.route("/{anything}")(lambda: "mine")
    async with in_process(app) as http:
        assert (await http.get("/sessions/s/notes")).json() == "notes"
        assert (await http.get("/users")).json() == "mine"
        assert (await http.get("/health")).json() == {"status": "ok"}


async def test_handlers_and_paths_that_do_not_fit_are_refused() -> None:
    for path, handler in (
        ("/a", lambda _one, _two: None),
        ("/{a", lambda: None),
        ("/{a}/{a}", lambda: None),
        ("/{a:colour}", lambda: None),
    ):
        app = an_app()
        app.route(path)(handler)
        with pytest.raises(InvalidInput):
            build_http_app(app)
    app = an_app()
    app.route("/twice")(lambda: 1)
    app.route("/twice")(lambda: 2)
    with pytest.raises(InvalidInput, match="twice"):
        build_http_app(app)


def test_a_synchronous_handler_may_use_the_synchronous_nexus() -> None:
    app = Nexus(store="memory://")

    @app.workflow("process")
    def process(run: Any, word: str) -> dict[str, Any]:
        run.state["word"] = word
        return {"word": word}

    @app.route("/process")
    def process_request() -> Any:
        session_id = app.create_session(channel="api", metadata={"request_id": request.id})
        return app.execute_workflow("process", session_id=session_id, inputs=request.json)

    found: list[str] = []
    ready, stop = threading.Event(), asyncio.Event()

    def served(url: str) -> None:
        found.append(url)
        ready.set()

    def run() -> None:
        app._loop.call(serve(app.core, port=0, ready=served, stop=stop), "serve")

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(30)
    with ThreadPoolExecutor(40) as pool:
        asked = [pool.submit(httpx.post, f"{found[0]}/process", json={"word": str(n)}, timeout=60) for n in range(40)]
        outputs = [each.result().json()["outputs"]["word"] for each in asked]
    assert outputs == [str(n) for n in range(40)]
    app._loop._running().call_soon_threadsafe(stop.set)
    thread.join(30)
    assert not thread.is_alive()
    app.close()
