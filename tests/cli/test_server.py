"""The same command lines on a server: what works on a store works there too, and errors keep their codes."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.support import APP, Line, Ran, process, started, url_of


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("server")
    (place / "nexus_app.py").write_text(APP)
    with started("serve", "--store", f"sqlite:///{place}/s.sqlite3", "--port", "0", cwd=place) as running:
        yield url_of(running)
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0


@pytest.fixture
def remote(server: str, line: Line, monkeypatch: pytest.MonkeyPatch) -> Line:
    """Command lines on the server, in a folder without an app of its own."""
    (line.folder / "nexus_app.py").unlink()
    monkeypatch.delenv("NEXUS_STORE")
    monkeypatch.setenv("NEXUS_SERVER", server)
    return line


def unique(request: pytest.FixtureRequest) -> str:
    return request.node.name.replace("[", "-").replace("]", "")[:100]  # type: ignore[no-any-return]


def test_a_run_takes_the_servers_schema_and_counts_for_the_cli(remote: Line, request: pytest.FixtureRequest) -> None:
    session = unique(request)
    result = remote.ok("run", "count", "--session", session, "--to", "3", "--label", "5")
    assert (result["status"], result["step"], result["outputs"]["label"]) == ("completed", 3, "5")
    shown = remote.ok("sessions", "show", session)
    assert (shown["channels"], shown["state"]) == (["cli"], {"seen": [0, 1, 2]})


def test_a_failed_run_is_exit_code_1_there_too(remote: Line) -> None:
    ran = remote("run", "fail", "-o", "json")
    assert ran.code == 1
    assert ran.json["status"] == "failed"


@pytest.mark.parametrize(
    ("arguments", "code", "name"),
    [
        (("sessions", "show", "nobody"), 3, "session_not_found"),
        (("run", "nothing"), 3, "workflow_not_found"),
        (("run", "count"), 2, "invalid_input"),
        (("groups", "show", "nobody"), 3, "group_not_found"),
        (("sessions", "list", "-q", "status:nope"), 2, "invalid_input"),
        (("sessions", "create", "taken"), 4, "session_exists"),
    ],
)
def test_errors_keep_their_codes(remote: Line, arguments: tuple[str, ...], code: int, name: str) -> None:
    remote("sessions", "create", "taken")
    ran = remote(*arguments, "-o", "json")
    assert (ran.code, ran.problem["code"], ran.out) == (code, name, "")


def test_a_mistake_in_a_filter_is_pointed_at_there_too(remote: Line) -> None:
    assert remote("sessions", "list", "-q", "status:nope").err.splitlines()[1] == "status:nope"


def test_background_runs_and_signals_need_no_worker_beside_the_server(
    remote: Line, request: pytest.FixtureRequest
) -> None:
    session = unique(request)
    remote.ok("groups", "create", session)
    remote.ok("sessions", "create", session, "--group", session)
    ran = remote("run", "count", "--session", session, "--to", "2", "--background")
    assert (ran.code, ran.err) == (0, "")
    remote.ok("groups", "wait", session, "--timeout", "30")
    assert remote.ok("sessions", "show", session)["state"] == {"seen": [0, 1]}


def test_history_is_read_and_forked_there(remote: Line, request: pytest.FixtureRequest) -> None:
    session = unique(request)
    remote.ok("run", "count", "--session", session, "--to", "3")
    assert remote.ok("checkpoints", "show", session, "checkpoint-2")["state"] == {"seen": [0, 1]}
    forked = remote.ok("sessions", "fork", session, "--checkpoint", "checkpoint-1")
    assert forked["state"] == {"seen": [0]}
    assert remote.ok("sessions", "diff", session, "checkpoint-1")["to"] == "current"
    assert remote.ok("events", "--session", session)["items"]
    assert remote.ok("stats")["total"] > 0


def test_sessions_move_from_a_server_to_a_store(remote: Line, request: pytest.FixtureRequest) -> None:
    session = unique(request)
    remote.ok("run", "count", "--session", session, "--to", "2")
    remote("sessions", "export", session, "--file", "one.jsonl")
    there = ("--store", f"sqlite:///{remote.folder}/here.sqlite3")
    remote.ok("sessions", "import", "one.jsonl", *there)
    assert remote.ok("sessions", "show", session, *there)["state"] == {"seen": [0, 1]}


def test_the_doctor_says_that_the_server_answers(remote: Line) -> None:
    checks = {check["check"]: check for check in remote.ok("doctor")}
    assert checks["server"]["grade"] == "ok"
    assert checks["workers"]["grade"] == "ok"


def test_api_and_cli_and_another_cli_meet_in_one_session(remote: Line, server: str) -> None:
    body = json.dumps({"inputs": {"to": 1}}).encode()
    request = urllib.request.Request(  # noqa: S310 - a server of this test
        f"{server}/workflows/count/execute", body, {"X-Session-ID": "shared", "Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        assert json.load(answer)["status"] == "completed"
    ran: Ran = process("--server", server, "run", "count", "--session", "shared", "--to", "1", cwd=remote.folder)
    assert ran.code == 0
    shown = remote.ok("sessions", "show", "shared")
    assert (shown["channels"], shown["state"]) == (["api", "cli"], {"seen": [0, 0]})


def test_serving_where_others_reach_it_is_refused_without_auth(tmp_path: Path) -> None:
    ran = process("serve", "--store", "memory://", "--host", "192.0.2.1", "--port", "0", cwd=tmp_path)
    assert ran.code == 2
    assert "--insecure" in ran.err
