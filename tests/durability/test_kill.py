"""kill -9 at random moments: every run ends, no step is skipped, and no more is repeated than was not committed."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from nexus import AsyncNexus
from nexus.model import RunStatus, Status
from tests.durability.kill_child import RUNS, session_of
from tests.running import environment

CHILD = Path(__file__).with_name("kill_child.py")
PATIENCE = 120.0


def killed_rounds(url: str, log: Path, steps: int, rounds: int, chance: random.Random) -> int:
    """Start the child again and again, kill it each time, and let the last one finish; how often it was killed."""
    kills = 0
    while True:
        child = subprocess.Popen([sys.executable, CHILD, url, log, str(steps)], env=environment(url))
        try:
            code = child.wait(PATIENCE if kills == rounds else chance.uniform(0.3, 1.3))
        except subprocess.TimeoutExpired:
            assert kills < rounds, "the last child came to no end"
            child.kill()
            child.wait()
            kills += 1
            continue
        assert code == 0
        return kills


def steps_of(log: Path) -> dict[str, list[int]]:
    """The steps that were begun, in order, by session."""
    begun: defaultdict[str, list[int]] = defaultdict(list)
    for line in log.read_text().splitlines():
        session, step, _ = line.split()
        begun[session].append(int(step))
    return begun


def check_steps(begun: list[int], steps: int, interval: int) -> int:
    """No step is skipped and none repeated that was committed; how many were repeated."""
    assert set(begun) == set(range(steps))
    assert begun[0] == 0
    for before, after in pairwise(begun):
        repeated = before + 1 - after
        assert 0 <= repeated <= interval, f"{after} came after {before} at interval {interval}"
    return len(begun) - steps


@pytest.mark.parametrize(("rounds", "steps"), [(5, 250), pytest.param(100, 12_000, marks=pytest.mark.long)])
async def test_runs_survive_their_process_being_killed_at_any_moment(tmp_path: Path, rounds: int, steps: int) -> None:
    seed = int(os.environ.get("NEXUS_KILL_SEED") or random.SystemRandom().randrange(2**32))
    print(f"NEXUS_KILL_SEED={seed}")
    file, log = tmp_path / "nexus.sqlite3", tmp_path / "log"
    url = f"sqlite:///{file}"
    kills = killed_rounds(url, log, steps, rounds, random.Random(seed))
    begun = steps_of(log)
    repeated = [check_steps(begun[session_of(i)], steps, interval) for i, (_, interval) in enumerate(RUNS)]
    print(f"{kills} kills, {repeated} steps repeated in runs of {steps}")
    async with AsyncNexus(store=url) as app:
        for index in range(len(RUNS)):
            snapshot = await app.store.load(session_of(index))
            assert snapshot is not None
            assert snapshot.run is not None
            assert (snapshot.session.status, snapshot.run.status) == (Status.ACTIVE, RunStatus.COMPLETED)
            total = sum(range(steps))
            assert snapshot.session.state == {"begun": 1, "sum": total, "last": steps - 1}
            assert (snapshot.session.step, snapshot.run.outputs_json) == (steps, str(total).encode())
        assert [worker for worker in await app.store.workers() if await app.store.runs_of(worker.id, 1)] == []
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
