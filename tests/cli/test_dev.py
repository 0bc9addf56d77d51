"""``nexus dev`` without a terminal: a server with the examples, used by traffic, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.cli.support import APP, process, started, url_of


def left_behind(place: Path) -> list[str]:
    return [path.name for path in (place / "tmp").iterdir()]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder whose temporary files are its own."""
    (tmp_path / "tmp").mkdir()
    return tmp_path


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_examples_are_served_and_used_until_it_is_told_to_stop(place: Path) -> None:
    with started("dev", "--pace", "0.1", "--port", "0", cwd=place, TMPDIR=str(place / "tmp")) as running:
        server = url_of(running)
        names = process("--server", server, "workflows", "list", "-o", "id", cwd=place).out.split()
        assert names == ["approval", "import-orders", "index-files", "multi-step-process", "process"]
        with started("--server", server, "events", "--follow", "-o", "jsonl", cwd=place) as events:
            assert events.stdout is not None
            channels: set[str] = set()
            for line in events.stdout:
                channels.add(json.loads(line)["channel"])
                if {"api", "cli", "mcp"} <= channels:
                    break
        assert {"api", "cli", "mcp"} <= channels
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0
    assert process("--server", server, "stats", cwd=place).code == 6
    assert left_behind(place) == []


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_parent_that_is_killed_takes_its_children_with_it(place: Path) -> None:
    with started("dev", "--no-traffic", "--port", "0", cwd=place, TMPDIR=str(place / "tmp")) as running:
        server = url_of(running)
        with started("--server", server, "sessions", "list", "--watch", "-o", "id", cwd=place) as watching:
            process("--server", server, "sessions", "create", "s", cwd=place)
            assert watching.stdout is not None
            assert watching.stdout.readline() == "s\n"
            running.kill()
            running.wait(30)
            assert watching.stderr is not None
            assert "connection lost" in watching.stderr.readline()
            watching.send_signal(signal.SIGINT)
            assert watching.wait(30) == 130
    for _ in range(60):  # each look takes as long as a process does to start and fail
        if not left_behind(place):
            break
        assert process("--server", server, "stats", cwd=place).code == 6
    assert left_behind(place) == []


def test_the_users_own_app_is_served_without_traffic(place: Path) -> None:
    (place / "nexus_app.py").write_text(APP)
    store = f"sqlite:///{place}/mine.sqlite3"
    with started("dev", "--port", "0", "--store", store, cwd=place, TMPDIR=str(place / "tmp")) as running:
        server = url_of(running)
        assert process("--server", server, "run", "count", "--to", "1", "--session", "s", cwd=place).code == 0
        assert process("--server", server, "sessions", "list", "-o", "id", cwd=place).out == "s\n"
    assert (place / "mine.sqlite3").exists()


def test_what_stops_the_server_is_told(place: Path) -> None:
    (place / "broken.py").write_text("raise RuntimeError('no key')")
    ran = process("dev", "--app", "broken.py", cwd=place)
    assert ran.code == 2
    assert "RuntimeError: no key" in ran.err
    assert "Traceback" not in ran.err
