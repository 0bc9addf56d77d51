"""A store of a newer format is refused in the same words at every door, also where it became one while it was open."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from nexus import AsyncNexus
from nexus.errors import StoreUnavailable
from nexus.stores.sqlite.schema import MIGRATIONS
from tests.core.stores.redis.servers import ask, single
from tests.running import EXAMPLES, command, environment, serving

NEWER = len(MIGRATIONS) + 1
SAYS = f"has format {NEWER}, and this version of Nexus reads up to {NEWER - 1}: update Nexus"
MIGRATING = """
import sys
from pathlib import Path
from nexus.stores.sqlite import connection, schema

further = (*schema.MIGRATIONS, ("ALTER TABLE sessions ADD COLUMN priority INTEGER NOT NULL DEFAULT 0",))
connection.migrate = lambda opened, path: schema.migrate(opened, path, further)
connection.connect_first(Path(sys.argv[1])).close()
"""


def migrate_further(file: Path) -> None:
    """Do what the next version of Nexus will do to the file when it opens it."""
    subprocess.run([sys.executable, "-c", MIGRATING, str(file)], env=environment("memory://"), check=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "nexus.sqlite3"


async def test_a_process_that_has_the_file_open_changes_nothing_once_a_newer_one_has_migrated_it(file: Path) -> None:
    async with AsyncNexus(store=f"sqlite:///{file}") as older:
        await older.create_session(session_id="s", state={"a": 1})
        migrate_further(file)
        for attempt in (
            older.update_session("s", {"a": 2}), older.create_session(session_id="t"), older.end_session("s"),
        ):  # fmt: skip
            with pytest.raises(StoreUnavailable, match=SAYS):
                await attempt
        health = await older.store.health()
        assert (health.ok, SAYS in health.detail) == (False, True)
    with closing(sqlite3.connect(file)) as opened:
        assert opened.execute("SELECT id, version FROM sessions").fetchall() == [("s", 1)]
        assert opened.execute("SELECT count(*) FROM audit").fetchone() == (1,)


def test_a_server_whose_file_was_migrated_is_not_ready_and_says_why(file: Path) -> None:
    with serving(f"sqlite:///{file}", EXAMPLES) as url:
        httpx.post(f"{url}/sessions", json={"session_id": "s"}).raise_for_status()
        migrate_further(file)
        ready = httpx.get(f"{url}/ready")
        change = httpx.patch(f"{url}/sessions/s", json={"a": 1})
    assert (ready.status_code, SAYS in ready.text) == (503, True)
    assert (change.status_code, change.json()["code"]) == (503, "store_unavailable")
    assert SAYS in change.json()["detail"]


@pytest.mark.parametrize(
    "words",
    [("sessions", "create", "x"), ("serve", "--port", "0"), ("worker",)],
    ids=lambda words: words[0],
)
def test_commands_refuse_it_with_one_line_and_their_exit_code(words: tuple[str, ...], file: Path) -> None:
    migrate_further(file)
    said = refused(f"sqlite:///{file}", *words)
    assert SAYS in said
    assert len(said.splitlines()) <= 2


def test_the_doctor_says_so(file: Path) -> None:
    migrate_further(file)
    words = command("doctor", "--store", f"sqlite:///{file}", "--app", "none", "-o", "json")
    done = subprocess.run(words, env=environment("memory://"), capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert SAYS in json.dumps(json.loads(done.stdout), ensure_ascii=False)


async def test_commands_refuse_a_layout_of_redis_and_an_archive_that_they_do_not_know(tmp_path: Path) -> None:
    archive = f"sqlite:///{tmp_path}/archive.sqlite3"
    with single(tmp_path / "valkey") as server:
        kept = {"NEXUS_SESSION_PERSISTENCE": "true", "NEXUS_DATABASE_URL": archive}
        async with AsyncNexus(store=server.url, session_persistence=True, database_url=archive) as app:
            await app.create_session(session_id="s")
        with closing(sqlite3.connect(tmp_path / "archive.sqlite3")) as opened, opened:
            opened.execute("UPDATE archive_version SET version_num = '9999'")
        said = refused(server.url, "sessions", "create", "t", **kept)
        assert "has version 9999, and this version of Nexus knows up to" in said
        for key in ask(server.port, "KEYS", "*}:meta"):
            ask(server.port, "HSET", key, "layout", "9")
        said = refused(server.url, "sessions", "create", "t")
        assert "has the layout 9, which this version of Nexus doesn't read: use the version that wrote it" in said
        assert ask(server.port, "KEYS", "*:r:t") == []


def refused(store: str, *words: str, **env: str) -> str:
    """What a command says that finds its store too new."""
    done = subprocess.run(
        command(*words, "--app", "none"), env=environment(store, **env), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (6, "")
    return done.stderr
