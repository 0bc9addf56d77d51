"""Every route of the contract, over a real socket."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.channels.http.http_places import Place, problem


@pytest.fixture
def name() -> str:
    return f"s-{uuid4().hex[:12]}"


@pytest.fixture
def client(place: Place) -> httpx.Client:
    return place.client


def execute(client: httpx.Client, workflow: str, session: str, **inputs: Any) -> dict[str, Any]:
    response = client.post(f"/workflows/{workflow}/execute", json={"inputs": inputs, "session_id": session})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def test_a_workflow_runs_in_the_session_that_the_header_names(client: httpx.Client, name: str) -> None:
    response = client.post(
        "/workflows/collect/execute", json={"inputs": {"step": 1, "data": "initial"}}, headers={"X-Session-ID": name}
    )
    assert response.status_code == 200
    assert response.headers["X-Session-ID"] == name
    assert set(response.json()) == {
        "session_id", "run_id", "workflow", "status", "outputs", "error", "step", "last_checkpoint",
    }  # fmt: skip
    assert response.json()["outputs"] == {"steps": [1], "data": "initial"}
    assert execute(client, "collect", name, step=2)["outputs"]["steps"] == [1, 2]
    assert client.get(f"/sessions/{name}").json()["state"] == {"steps": [1, 2]}


def test_a_workflow_without_a_session_gets_a_new_one(client: httpx.Client) -> None:
    body = client.post("/workflows/count/execute").json()
    assert client.get(f"/sessions/{body['session_id']}").json()["channels"] == ["api"]


def test_a_workflow_that_raises_is_an_answer_and_no_problem(client: httpx.Client, name: str) -> None:
    body = execute(client, "fail", name)
    assert body["status"] == "failed"
    assert "meant to fail" in body["error"]
    assert client.get(f"/sessions/{name}").json()["status"] == "failed"


def test_a_run_in_the_background_is_accepted_at_once(client: httpx.Client, name: str) -> None:
    response = client.post("/workflows/approve/execute", json={"session_id": name, "background": True})
    assert response.status_code == 202
    assert response.json()["status"] == "in_progress"
    client.post(f"/sessions/{name}/end", json={"status": "cancelled"})


def test_a_key_given_twice_runs_nothing_the_second_time(client: httpx.Client, name: str) -> None:
    answers = [
        client.post(
            "/workflows/collect/execute", json={"inputs": {"step": 7}, "session_id": name},
            headers={"Idempotency-Key": "once"},
        ).json()
        for _ in range(2)
    ]  # fmt: skip
    assert answers[0] == answers[1]
    assert client.get(f"/sessions/{name}").json()["state"] == {"steps": [7]}


def test_a_key_is_refused_where_no_promise_can_be_kept(client: httpx.Client) -> None:
    body = problem(client.post("/sessions", headers={"Idempotency-Key": "once"}), 422, "invalid_input")
    assert body["details"]["field"] == "Idempotency-Key"


def test_workflows_are_described(client: httpx.Client) -> None:
    listed = client.get("/workflows").json()
    assert [each["name"] for each in listed["items"]] == ["approve", "collect", "count", "fail"]
    assert listed["next_cursor"] is None
    one = client.get("/workflows/collect").json()
    assert one["input_schema"]["properties"]["step"]["type"] == "integer"
    body = problem(client.get("/workflows/colect"), 404, "workflow_not_found")
    assert "collect" in body["detail"]


def test_inputs_that_do_not_fit_are_refused_before_a_session_is_made(client: httpx.Client, name: str) -> None:
    response = client.post("/workflows/collect/execute", json={"inputs": {"step": "x"}, "session_id": name})
    assert "step" in problem(response, 422, "invalid_input")["detail"]
    problem(client.get(f"/sessions/{name}"), 404, "session_not_found")


def test_a_session_is_created_with_all_that_is_given(client: httpx.Client, name: str) -> None:
    client.post("/groups", json={"group_id": f"g-{name}"})
    given = {
        "session_id": name, "channel": "mcp", "metadata": {"a": [1]}, "state": {"n": {"deep": []}},
        "group": f"g-{name}", "user_id": "u1", "timeout": 60,
    }  # fmt: skip
    response = client.post("/sessions", json=given)
    assert response.status_code == 201
    assert response.headers["Location"] == f"/sessions/{name}"
    body = response.json()
    assert (body["channel"], body["metadata"], body["state"]) == ("mcp", {"a": [1]}, {"n": {"deep": []}})
    assert (body["group_id"], body["user_id"], body["timeout"]) == (f"g-{name}", "u1", 60)
    problem(client.post("/sessions", json={"session_id": name}), 409, "session_exists")


def test_the_names_that_a_record_shows_are_taken_too(client: httpx.Client, name: str) -> None:
    client.post("/groups", json={"name": f"g-{name}"})
    body = client.post("/sessions", json={"id": name, "group_id": f"g-{name}"}).json()
    assert (body["id"], body["group_id"]) == (name, f"g-{name}")
    child = client.post("/sessions", json={"parent_id": name}).json()
    assert child["parent_id"] == name
    problem(client.post("/sessions", json={"id": "a", "session_id": "b"}), 422, "invalid_input")


def test_a_user_has_one_live_session(client: httpx.Client, name: str) -> None:
    first = client.post("/sessions", json={"user_id": name, "reuse": True, "timeout": 60})
    again = client.post("/sessions", json={"user_id": name, "reuse": True})
    assert first.status_code == again.status_code == 200
    assert first.json()["id"] == again.json()["id"]
    problem(client.post("/sessions", json={"reuse": True}), 422, "invalid_input")
    problem(client.post("/sessions", json={"reuse": True, "user_id": "u", "state": {}}), 422, "invalid_input")


def test_header_and_body_must_name_the_same_session(client: httpx.Client, name: str) -> None:
    body = problem(
        client.post("/sessions", json={"session_id": name}, headers={"X-Session-ID": "other"}), 422, "invalid_input"
    )
    assert body["details"]["field"] == "X-Session-ID"
    assert client.post("/sessions", json={"session_id": name}, headers={"X-Session-ID": name}).status_code == 201
    problem(client.get(f"/sessions/{name}", headers={"X-Session-ID": "other"}), 422, "invalid_input")


def test_state_is_patched_by_merging(client: httpx.Client, name: str) -> None:
    client.post("/sessions", json={"session_id": name, "state": {"a": 1, "b": {"c": 2}, "big": 2**70}})
    response = client.patch(f"/sessions/{name}", json={"a": None, "b": {"d": []}, "last_activity": 1.5})
    assert response.json()["state"] == {"b": {"c": 2, "d": []}, "big": 2**70}
    merge = {"Content-Type": "application/merge-patch+json; charset=utf-8"}
    assert client.patch(f"/sessions/{name}", content=b'{"x": 1}', headers=merge).json()["state"]["x"] == 1
    assert "owner" in problem(client.patch(f"/sessions/{name}", json={"owner": "me"}), 422, "invalid_input")["detail"]


def test_a_session_ends_once(client: httpx.Client, name: str) -> None:
    client.post("/sessions", json={"session_id": name})
    ended = client.post(f"/sessions/{name}/end", json={"status": "cancelled", "reason": "enough"}).json()
    assert ended["status"] == "cancelled"
    assert client.post(f"/sessions/{name}/end").json()["version"] == ended["version"]
    assert "cancelled" in problem(client.patch(f"/sessions/{name}", json={"a": 1}), 409, "invalid_transition")["detail"]


def test_a_session_is_extended_synced_signalled_and_forked(client: httpx.Client, name: str) -> None:
    created = client.post("/sessions", json={"session_id": name, "state": {"a": 1}}).json()
    extended = client.post(f"/sessions/{name}/extend", json={"seconds": 600}).json()
    assert extended["expires_at"] > created["expires_at"]
    assert client.post(f"/sessions/{name}/sync", json={"channel": "mcp"}).json()["channels"] == ["api", "mcp"]
    assert client.post(f"/sessions/{name}/signal", json={"name": "go", "payload": [1]}).json()["id"] == name
    forked = client.post(f"/sessions/{name}/fork", json={"session_id": f"{name}-2"})
    assert forked.status_code == 201
    assert (forked.json()["id"], forked.json()["state"]) == (f"{name}-2", {"a": 1})


def test_a_failed_session_is_resumed(client: httpx.Client, name: str) -> None:
    execute(client, "fail", name)
    body = client.post(f"/sessions/{name}/resume", json={"background": False}).json()
    assert body["status"] == "failed"
    problem(client.post(f"/sessions/{name}/resume", json={"checkpoint_id": "checkpoint-99"}), 404,
            "checkpoint_not_found")  # fmt: skip


def test_a_signal_lets_a_waiting_run_go_on(client: httpx.Client, name: str) -> None:
    body = execute(client, "approve", name)
    assert body["status"] == "suspended"
    run = client.get(f"/sessions/{name}/run").json()["run"]
    assert run["wait"]["signal"] == "approval"
    client.post(f"/sessions/{name}/signal", json={"name": "approval", "payload": {"by": "me"}})
    group = f"g-{name}"
    client.post("/groups", json={"group_id": group})
    while client.get(f"/sessions/{name}").json()["status"] in ("suspended", "in_progress"):
        pass
    assert client.get(f"/sessions/{name}/run").json()["run"]["outputs"] == {"answer": {"by": "me"}}


def test_history_is_listed_in_order(client: httpx.Client, name: str) -> None:
    execute(client, "count", name, to=3)
    checkpoints = client.get(f"/sessions/{name}/checkpoints").json()
    assert [each["id"] for each in checkpoints["items"]][:2] == ["checkpoint-1", "checkpoint-2"]
    assert "state" not in checkpoints["items"][0]
    first = client.get(f"/sessions/{name}/checkpoints", params={"limit": 1}).json()
    rest = client.get(f"/sessions/{name}/checkpoints", params={"cursor": first["next_cursor"]}).json()
    assert first["items"] + rest["items"] == checkpoints["items"]
    one = client.get(f"/sessions/{name}/checkpoints/checkpoint-1").json()
    assert set(one) == {
        "id", "session_id", "step", "workflow", "run_id", "created_at", "superseded", "state",
    }  # fmt: skip
    diff = client.get(f"/sessions/{name}/diff", params={"from": "checkpoint-1", "to": "current"}).json()
    assert diff["changed"] == {"sum": {"from": 0, "to": 3}}
    problem(client.get(f"/sessions/{name}/checkpoints/checkpoint-77"), 404, "checkpoint_not_found")


def test_events_of_a_session_ascend_and_the_newest_can_be_asked_for(client: httpx.Client, name: str) -> None:
    client.post("/sessions", json={"session_id": name})
    for number in range(4):
        client.patch(f"/sessions/{name}", json={"n": number})
    items = client.get(f"/sessions/{name}/events").json()["items"]
    assert [each["type"] for each in items] == ["session.created", *["session.updated"] * 4]
    assert [each["seq"] for each in items] == sorted(each["seq"] for each in items)
    newest = client.get(f"/sessions/{name}/events", params={"newest": True, "limit": 2}).json()["items"]
    assert newest == items[-2:]


def test_children_are_listed(client: httpx.Client, name: str) -> None:
    client.post("/sessions", json={"session_id": name, "metadata": {"m": 1}})
    for number in range(3):
        client.post("/sessions", json={"parent_session": name, "session_id": f"{name}-{number}"})
    items = client.get(f"/sessions/{name}/children").json()["items"]
    assert [each["id"] for each in items] == [f"{name}-{number}" for number in range(3)]
    assert items[0]["metadata"] == {"m": 1}
    assert client.get(f"/sessions/{name}/run").json() == {"run": None}


def test_sessions_are_listed_by_pages_and_by_rank(client: httpx.Client, name: str) -> None:
    for number in range(5):
        client.post("/sessions", json={"session_id": f"{name}-{number}", "user_id": name})
    ask: dict[str, str | int] = {"q": f"user:{name}", "sort": "id", "limit": 2}
    page = client.get("/sessions", params=ask).json()
    assert page["total"] == 5
    seen = [each["id"] for each in page["items"]]
    while page["next_cursor"]:
        page = client.get("/sessions", params={**ask, "cursor": page["next_cursor"]}).json()
        seen += [each["id"] for each in page["items"]]
    assert seen == [f"{name}-{number}" for number in range(5)]
    window = client.get("/sessions", params={**ask, "offset": 3}).json()
    assert [each["id"] for each in window["items"]] == seen[3:5]
    assert (window["offset"], window["total"]) == (3, 5)
    assert window["whole"] >= 5
    problem(client.get("/sessions", params={**ask, "offset": 3, "cursor": "x"}), 422, "invalid_input")
    apart = client.get("/sessions", params={**ask, "stride": 3}).json()
    assert [each["id"] for each in apart["items"]] == seen[::3]
    assert (apart["offset"], apart["total"], apart["stride"]) == (0, 5, 3)


def test_a_mistake_in_a_filter_is_pointed_at(client: httpx.Client) -> None:
    body = problem(client.get("/sessions", params={"q": "status:active colour:red"}), 422, "invalid_input")
    assert body["details"]["column"] == 15
    problem(client.get("/sessions", params={"sort": "colour"}), 422, "invalid_input")


def test_groups_are_made_waited_for_and_ended(client: httpx.Client, name: str) -> None:
    made = client.post("/groups", json={"group_id": name, "metadata": {"a": 1}})
    assert made.status_code == 201
    assert made.headers["Location"] == f"/groups/{name}"
    client.post("/sessions", json={"session_id": f"{name}-1", "group": name})
    assert client.get(f"/groups/{name}").json()["live"] == 1
    client.post("/workflows/approve/execute", json={"session_id": f"{name}-1"})
    problem(client.get(f"/groups/{name}/wait", params={"timeout": 0.01}), 504, "wait_timeout")
    ended = client.post(f"/groups/{name}/end", json={"status": "cancelled"}).json()
    assert (ended["status"], ended["by_status"]["cancelled"]) == ("ended", 1)
    assert client.get(f"/groups/{name}/wait").json()["live"] == 0
    listed = client.get("/groups").json()
    assert name in [each["id"] for each in listed["items"]]
    assert listed["total"] >= 1
    problem(client.get("/groups/no-such"), 404, "group_not_found")


def test_figures_workers_and_recent_events_are_told(client: httpx.Client, name: str) -> None:
    client.post("/sessions", json={"session_id": name, "user_id": name})
    figures = client.get("/statistics").json()
    assert figures["total"] >= 1
    assert figures["by_status"]["active"] >= 1
    workers = client.get("/workers").json()["items"]
    assert any(worker["alive"] for worker in workers)
    recent = client.get("/events/recent", params={"q": f"user:{name}"}).json()["items"]
    assert [(each["type"], each["session_id"]) for each in recent] == [("session.created", name)]


def test_the_channel_that_a_client_acts_for_is_noted(client: httpx.Client, name: str) -> None:
    client.post("/sessions", json={"session_id": name}, headers={"X-Nexus-Channel": "cli"})
    client.patch(f"/sessions/{name}", json={"a": 1})
    assert client.get(f"/sessions/{name}").json()["channels"] == ["cli", "api"]
    bad = client.get("/sessions", headers={"X-Nexus-Channel": "fax"})
    assert problem(bad, 422, "invalid_input")["details"]["field"] == "X-Nexus-Channel"


def test_mcp_is_on_the_same_port(client: httpx.Client) -> None:
    response = client.post(
        "/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}},
        headers={"Accept": "application/json"},
    )  # fmt: skip
    assert response.status_code == 200
    assert "collect" in response.text
