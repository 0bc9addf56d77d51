"""Several processes on one SQLite file: no update is lost, and racing creations give one session."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nexus import Nexus

WRITERS = """
import asyncio, sys
from nexus import AsyncNexus

async def main(url, tasks, rounds):
    async with AsyncNexus(store=url) as app:
        async def write():
            for _ in range(rounds):
                await app.update_session("counter", lambda state: {"n": state["n"] + 1})
        await asyncio.gather(*(write() for _ in range(tasks)))

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""

GETTERS = """
import asyncio, json, sys
from nexus import AsyncNexus

async def main(url):
    async with AsyncNexus(store=url) as app:
        users = [f"user{number}" for number in range(10)]
        print(json.dumps([await app.session_manager.get_or_create(user_id=user, ttl=3600) for user in users]))

asyncio.run(main(sys.argv[1]))
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    return out


@pytest.mark.parametrize(
    ("processes", "tasks", "rounds"), [(4, 4, 25), pytest.param(4, 16, 1000, marks=pytest.mark.long)]
)
def test_every_increment_of_every_process_counts(tmp_path: Path, processes: int, tasks: int, rounds: int) -> None:
    url = f"sqlite:///{tmp_path}/nexus.sqlite3"
    with Nexus(store=url) as app:
        app.create_session(session_id="counter", state={"n": 0})
        writers = [start(WRITERS, url, tasks, rounds) for _ in range(processes)]
        for writer in writers:
            finish(writer)
        session = app.get_session("counter")
        assert session["n"] == processes * tasks * rounds
        assert session.version == processes * tasks * rounds + 1


def test_processes_that_race_for_a_user_s_session_get_the_same(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/nexus.sqlite3"
    getters = [start(GETTERS, url) for _ in range(4)]
    answers = [json.loads(finish(getter)) for getter in getters]
    assert answers == [answers[0]] * 4
    with Nexus(store=url) as app:
        assert app.session_manager.count_total() == 10
