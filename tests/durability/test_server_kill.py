"""kill -9 of ``nexus serve`` at random moments, with five new background runs each round: every run ends right."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections import defaultdict
from pathlib import Path

import httpx
import pytest

from tests.durability.test_kill import check_steps
from tests.running import free_port, start_server, wait_until_ready

RUNS = 5
STEPS = 40
INTERVALS = (1, 1, 2, 5, 10)
HERE = Path(__file__).parent


def begin(url: str, round_number: int) -> None:
    """Ask for five runs; all are acknowledged before the kill."""
    for run in range(RUNS):
        answer = httpx.post(
            f"{url}/workflows/sum/execute",
            json={
                "session_id": f"r{round_number}-{run}", "inputs": {"count": STEPS, "pace": 0.004}, "background": True,
                "checkpoint_interval": INTERVALS[run],
            },
            timeout=30,
        )  # fmt: skip
        assert answer.status_code == 202, answer.text


def wait_for_all(url: str, total: int) -> None:
    """Return when no session is left in progress."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        page = httpx.get(f"{url}/sessions", params={"q": "status:active", "limit": 1}, timeout=30).json()
        if page["total"] == total:
            return
        time.sleep(0.1)
    raise AssertionError(f"{page['total']} of {total} had ended")


@pytest.mark.parametrize("rounds", [3, pytest.param(100, marks=pytest.mark.long)])
def test_every_acknowledged_run_ends_right_however_often_the_server_is_killed(tmp_path: Path, rounds: int) -> None:
    seed = int(os.environ.get("NEXUS_KILL_SEED") or random.SystemRandom().randrange(2**32))
    print(f"NEXUS_KILL_SEED={seed}")
    chance = random.Random(seed)
    file, log = tmp_path / "nexus.sqlite3", tmp_path / "steps.log"
    store, app = f"sqlite:///{file}", f"{HERE / 'server_app.py'}:app"
    for number in range(rounds + 1):
        port = free_port()
        server = start_server(store, port, tmp_path, app, STEP_LOG=str(log))
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until_ready(url, server)
            if number < rounds:
                begin(url, number)
                time.sleep(chance.uniform(0.0, 0.3))
            else:
                wait_for_all(url, rounds * RUNS)
        finally:
            server.kill()
            server.wait()
    check_outcome(file, log, rounds)


def check_outcome(file: Path, log: Path, rounds: int) -> None:
    """Right sums, no step skipped, at most one interval repeated by each kill, and a sound file."""
    begun: defaultdict[str, list[int]] = defaultdict(list)
    for line in log.read_text().splitlines():
        session, step = line.split()
        begun[session].append(int(step))
    assert len(begun) == rounds * RUNS
    repeated = sum(check_steps(steps, STEPS, INTERVALS[int(name.split("-")[1])]) for name, steps in begun.items())
    print(f"{rounds} kills, {len(begun)} runs of {STEPS} steps, {repeated} steps repeated")
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    from nexus import Nexus

    with Nexus(store=f"sqlite:///{file}") as app:
        for name in begun:
            assert app.get_session(name).state == {"sum": sum(range(STEPS))}
            assert app.get_session(name).step == STEPS
