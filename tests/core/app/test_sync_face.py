"""``Nexus``: the same surface for synchronous code."""

from __future__ import annotations

import asyncio
import inspect
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from nexus import AsyncNexus, Nexus
from nexus.errors import AuthenticationRequired, InvalidInput, SessionNotFound, SyncCallInEventLoop
from nexus.manager import AsyncSessionManager, SessionManager
from nexus.model import Event, Session, Status
from tests.running import environment, free_port, wait_until_ready


@pytest.fixture
def app() -> Iterator[Nexus]:
    with Nexus(store="memory://") as opened:
        yield opened


def test_a_session_lives_and_ends(app: Nexus) -> None:
    session_id = app.create_session(channel="api", metadata={"org": "acme"})
    app.update_session(session_id, {"step": 2, "data": {"processed": True}})
    session = app.get_session(session_id)
    assert session["status"] == "active"
    assert session["data"] == {"processed": True}
    assert session.get("nothing", 5) == 5
    assert app.session_manager.exists(session_id)
    assert app.end_session(session_id).status is Status.COMPLETED
    assert app.session_manager.get_status(session_id) == "completed"


def test_a_call_inside_an_event_loop_names_the_one_to_use(app: Nexus) -> None:
    async def wrong() -> None:
        app.create_session()

    with pytest.raises(SyncCallInEventLoop, match=r"await AsyncNexus\.create_session"):
        asyncio.run(wrong())

    async def wrong_too() -> None:
        app.session_manager.count_active()

    with pytest.raises(SyncCallInEventLoop, match=r"session_manager\.count_active"):
        asyncio.run(wrong_too())


def test_many_threads_share_one_app(app: Nexus) -> None:
    session_id = app.create_session(state={"n": 0})
    with ThreadPoolExecutor(8) as pool:
        for _ in range(40):
            pool.submit(app.update_session, session_id, lambda state: {"n": state["n"] + 1})
    assert app.get_session(session_id)["n"] == 40


def test_active_sessions_are_a_lazy_mapping(app: Nexus) -> None:
    ids = {app.create_session() for _ in range(5)}
    app.end_session(ended := app.create_session())
    active = app.session_manager.get_active_sessions()
    pairs = active.items()
    assert {key for key, _ in pairs} == {key for key, _ in pairs} == ids
    assert (len(pairs), len(active.values())) == (5, 5)
    assert {session.id for session in active.values()} == ids
    assert set(active) == ids
    assert len(active) == 5
    assert isinstance(active[next(iter(ids))], Session)
    assert ended not in active


def test_a_handler_may_use_the_app_itself(app: Nexus) -> None:
    seen: list[Any] = []

    @app.on_session_created
    def created(event: Event) -> None:
        assert event.session_id is not None
        seen.append(app.get_session(event.session_id)["status"])

    app.create_session()
    assert seen == ["active"]


def test_a_closed_app_opens_again_with_the_next_call() -> None:
    app = Nexus(store="memory://")
    app.create_session()
    app.close()
    app.close()
    assert app.session_manager.count_total() == 0
    app.close()


def test_an_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="did you mean session_timeout"):
        Nexus(sesion_timeout=5)


def test_without_tokens_required_authentication_lets_nobody_in() -> None:
    with Nexus(store="memory://", enable_auth=True, session_auth_required=True) as app:
        for token in (None, "bearer_token_here"):
            with pytest.raises(AuthenticationRequired):
                app.create_session(channel="api", auth_token=token)


def test_an_unknown_session_is_said_so(app: Nexus) -> None:
    with pytest.raises(SessionNotFound) as missing:
        app.get_session("nobody")
    assert missing.value.code == "session_not_found"


@pytest.mark.parametrize(("native", "sync"), [(AsyncNexus, Nexus), (AsyncSessionManager, SessionManager)])
def test_both_faces_have_the_same_calls_with_the_same_parameters(native: type, sync: type) -> None:
    internal = {
        "open", "start", "ready", "service", "local_caller", "caller_of_token", "enter", "here", "sdk", "sdk_for",
        "derive", "configure", "parts", "store", "refused",
    }  # fmt: skip
    for name, member in inspect.getmembers(native, inspect.isfunction):
        if name.startswith("_") or name in internal:
            continue
        twin = getattr(sync, name)
        ours, theirs = inspect.signature(member).parameters, inspect.signature(twin).parameters
        if name not in ("close", "serve"):
            assert list(ours) == list(theirs), name


SERVING = """
from nexus import Nexus
app = Nexus(store="memory://")
app.serve(port={port})
print("orderly")
"""


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_serving_in_order(kind: signal.Signals) -> None:
    port = free_port()
    code = SERVING.format(port=port)
    env = environment("memory://")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=env) as server:
        wait_until_ready(f"http://127.0.0.1:{port}", server)
        server.send_signal(kind)
        said, _ = server.communicate(timeout=60)
    assert server.returncode == 0
    assert said.decode().strip() == "orderly"


def test_handlers_that_use_the_app_may_be_many_at_once(app: Nexus) -> None:
    @app.on_session_created
    def created(event: Event) -> None:
        if event.data.get("parent_id") is None:
            app.create_session(parent_session=event.session_id)

    with ThreadPoolExecutor(64) as pool:
        made = list(pool.map(lambda _: app.create_session(), range(64)))
    assert len(set(made)) == 64
    assert app.session_manager.count_total() == 128


def test_a_server_in_another_thread_stops_in_order_when_the_app_is_closed() -> None:
    app, port = Nexus(store="memory://"), free_port()
    with ThreadPoolExecutor(1) as pool:
        served = pool.submit(app.serve, port=port)
        while True:
            assert not served.done()
            try:
                if httpx.get(f"http://127.0.0.1:{port}/ready", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.02)
        session_id = app.create_session()
        assert httpx.get(f"http://127.0.0.1:{port}/sessions/{session_id}").json()["id"] == session_id
        app.close()
        assert served.result(30) is None
