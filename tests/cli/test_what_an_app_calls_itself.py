"""An app that a command runs acts where the command does, by its own name too: in routes, handlers, workflows."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from nexus import AsyncNexus, Nexus
from nexus.errors import InvalidInput
from tests.running import serving

APP = """
from nexus import Nexus, request

app = Nexus(session_backend="memory")


@app.workflow("leaf")
def leaf(run) -> str:
    return run.session_id


@app.workflow("parent")
def parent(run) -> str:
    child = app.create_session(parent_session=run.session_id)
    return app.execute_workflow("leaf", session_id=child).outputs


@app.on_session_ended
def noted(event) -> None:
    app.update_session("log", {"ended": event.session_id})


@app.route("/begin")
def begin():
    return {"id": app.create_session(metadata={"request": request.id})}
"""


def test_routes_handlers_and_workflows_of_a_served_app_act_on_the_servers_store(tmp_path: Path) -> None:
    (tmp_path / "nexus_app.py").write_text(APP)
    with serving("memory://", tmp_path) as url, httpx.Client(base_url=url, timeout=60) as http:
        begun = http.post("/begin", headers={"X-Request-ID": "r1"}).json()["id"]
        assert http.get(f"/sessions/{begun}").json()["metadata"] == {"request": "r1"}
        http.post("/sessions", json={"session_id": "log"})
        result = http.post("/workflows/parent/execute", json={"session_id": "root"}).json()
        children = http.get("/sessions/root/children").json()["items"]
        assert [child["id"] for child in children] == [result["outputs"]]
        http.post(f"/sessions/{begun}/end")
        assert http.get("/sessions/log").json()["state"] == {"ended": begun}


async def test_an_app_is_configured_for_one_place_and_derived_from_for_others() -> None:
    app = Nexus(store="memory://", session_timeout=5.0)
    first = app.core.configure(session_timeout=60.0)
    assert first is app.core
    assert (app.settings.session_timeout, app.settings.store) == (60.0, "memory://")
    second = first.configure(session_timeout=7.0)
    assert second is not first
    assert second.registry is first.registry
    assert (second.settings.session_timeout, app.settings.session_timeout) == (7.0, 60.0)


async def test_an_app_in_use_stays_as_it_is() -> None:
    async with AsyncNexus(store="memory://") as app:
        assert app.configure(session_timeout=7.0) is not app


def test_settings_that_do_not_fit_change_nothing() -> None:
    app = Nexus(store="memory://")
    with pytest.raises(InvalidInput):
        app.core.configure(session_timeout="soon")
    assert app.core.configure(session_timeout=7.0) is app.core


async def test_a_synchronous_call_acts_in_the_loop_that_the_app_is_open_in() -> None:
    app = Nexus(store="memory://")
    async with app.core:
        session_id = await asyncio.to_thread(app.create_session)
        assert (await app.core.get_session(session_id)).id == session_id
