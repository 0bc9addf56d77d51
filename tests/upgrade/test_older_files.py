"""Files of every older format open, lose nothing on the way, and survive whatever happens while they are migrated."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nexus import AsyncNexus
from nexus.stores.sqlite.schema import MIGRATIONS
from nexus.verifying.existing import verify_existing
from tests.running import environment
from tests.upgrade.write_file import made, told

FILES = Path(__file__).parent / "files"
OLDER = range(1, len(MIGRATIONS))
PATIENCE = 30.0
DYING = """
import os, signal, sys
from pathlib import Path
from nexus.stores.sqlite import connection, schema

last = int(sys.argv[2])

def migrate(opened, path):
    left = iter(range(last, -1, -1))
    def die(statement):
        if next(left, 0) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    opened.set_trace_callback(die)
    schema.migrate(opened, path)

connection.migrate = migrate
connection.connect_first(Path(sys.argv[1])).close()
"""
"""Migrates a file, and is killed before the n-th statement from there on."""
TELLING = """
import asyncio, json, sys
from tests.upgrade.write_file import told
print(json.dumps(asyncio.run(told(sys.argv[1]))))
"""


def older(format_: int, folder: Path) -> tuple[Path, dict[str, Any]]:
    """A copy of a file of a format, and what it holds."""
    file = folder / "nexus.sqlite3"
    shutil.copy(FILES / f"format-{format_}.sqlite3", file)
    return file, json.loads((FILES / f"format-{format_}.json").read_text(encoding="utf-8"))


def format_of(file: Path) -> int:
    with contextlib.closing(sqlite3.connect(file)) as opened:
        return int(opened.execute("PRAGMA user_version").fetchone()[0])


def test_there_is_a_file_of_every_older_format() -> None:
    assert {file.name for file in FILES.glob("format-*.sqlite3")} == {f"format-{number}.sqlite3" for number in OLDER}
    assert [format_of(FILES / f"format-{number}.sqlite3") for number in OLDER] == list(OLDER)


@pytest.mark.parametrize("format_", OLDER)
async def test_an_older_file_opens_and_has_lost_nothing(format_: int, tmp_path: Path) -> None:
    file, before = older(format_, tmp_path)
    assert await told(str(file)) == before
    assert format_of(file) == len(MIGRATIONS)
    async with made(str(file)).derive(embedded_worker=False) as app:
        verdicts = await verify_existing(app.parts.engine.live)
    assert [verdict.broken for verdict in verdicts] == [()] * len(verdicts)


@pytest.mark.parametrize("format_", OLDER)
async def test_what_was_under_way_in_an_older_file_goes_on(format_: int, tmp_path: Path) -> None:
    file, _ = older(format_, tmp_path)
    async with made(str(file)) as app:
        await app.start()
        for _ in range(2):
            # One for the run that waits for it, and one for the run that waits in line behind that.
            await app.signal_session("waits", "answer", "yes")
        for session_id in ("orphaned", "waits"):
            await _at_rest(app, session_id)
        orphaned = await app.get_session("orphaned")
        assert (orphaned.status.value, orphaned.step, orphaned.state["count"]) == ("active", 6, 6)
        assert (await app.update_session("plain", {"more": 1})).version == 7
        again = await app.execute_workflow("count", "ran", {"to": 4}, idempotency_key="once")
        assert again.run_id == (await app.execute_workflow("count", "ran", {"to": 4}, idempotency_key="once")).run_id
        verdicts = await verify_existing(app.parts.engine.live)
    assert [verdict.broken for verdict in verdicts] == [()] * len(verdicts)


async def _at_rest(app: AsyncNexus, session_id: str) -> None:
    async with asyncio.timeout(PATIENCE), app.parts.engine.watch(session_id) as watch:
        while (await app.get_session(session_id)).status.value in ("in_progress", "suspended"):
            await watch.wait(PATIENCE)


def test_processes_that_open_an_older_file_at_once_migrate_it_once(tmp_path: Path) -> None:
    file, before = older(OLDER[0], tmp_path)
    words = [sys.executable, "-c", TELLING, str(file)]
    several = [
        subprocess.Popen(words, env=environment("memory://"), stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    answers = [json.loads(process.communicate(timeout=PATIENCE * 2)[0]) for process in several]
    assert answers == [before] * len(answers)


async def test_a_migration_that_is_killed_anywhere_leaves_the_older_file_or_the_newer(tmp_path: Path) -> None:
    format_ = OLDER[0]
    file, before = older(format_, tmp_path)
    formats = []
    for last in range(20):
        words = [sys.executable, "-c", DYING, str(file), str(last)]
        ended = subprocess.run(words, env=environment("memory://"), check=False, timeout=PATIENCE).returncode
        formats.append(format_of(file))
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
    statements = sum(len(step) for step in MIGRATIONS[format_:])
    assert len(formats) > statements + 2
    assert set(formats) == {format_, len(MIGRATIONS)}
    assert formats == sorted(formats)
    assert await told(str(file)) == before
