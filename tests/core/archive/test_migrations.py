"""The archive's tables are made once, whoever opens it first, and are those that the code knows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select

from nexus.archive import remaking, tables
from nexus.archive.database import Database
from nexus.archive.migrating import HEAD, VERSION_TABLE
from nexus.errors import InvalidInput, StoreUnavailable


async def test_the_steps_lead_to_the_tables_that_the_code_knows(database_url: str) -> None:
    database = Database(database_url)

    def compare(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        found = compare_metadata(context, tables.metadata)
        # One index is for SQLite alone.
        return [one for one in found if not (one[0] == "add_index" and one[1].name == "archived_sessions_plain")]

    assert await database.read(compare) == []
    await database.close()


def test_the_newest_step_is_the_one_that_is_looked_for() -> None:
    config = Config()
    config.set_main_option("script_location", "nexus.archive:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


async def test_several_who_open_an_empty_database_at_once_make_its_tables_once(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(4)]
    await asyncio.gather(*(database.prepare() for database in databases))
    for database in databases:
        await database.close()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://host/nexus", "unknown scheme 'mysql'"),
        ("nexus.sqlite3", "is no database URL"),
        ("sqlite://host/file", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite:///file?mode=ro", "no options"),
        ("postgresql://user:secret@host", "names no database"),
    ],
)
def test_a_url_of_another_form_is_refused_without_its_password(url: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as refused:
        Database(url)
    assert "secret" not in refused.value.message
    assert refused.value.details["field"] == "database_url"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
async def test_a_server_that_is_not_there_is_named_without_its_password(scheme: str) -> None:
    database = Database(f"{scheme}://nexus:secret@127.0.0.1:1/nexus")
    with pytest.raises(StoreUnavailable, match=r"the archive .*127\.0\.0\.1:1/nexus can't be used") as away:
        await database.prepare()
    assert "secret" not in away.value.message
    assert away.value.details["reason"] == "archive"
    await database.close()


async def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a' / 'b' / 'archive.sqlite3'}")
    await database.prepare()
    assert (tmp_path / "a" / "b" / "archive.sqlite3").exists()
    await database.close()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database " * 100)
    database = Database(f"sqlite:///{tmp_path / 'notes.txt'}")
    with pytest.raises(StoreUnavailable, match="not a database"):
        await database.prepare()
    await database.close()


async def test_what_has_to_be_put_back_is_found_without_a_look_at_history(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'archive.sqlite3'}")

    def plan(connection: Connection) -> str:
        wanted = select(tables.sessions.c.id).where(remaking.wanted(["g"]), tables.sessions.c.id > "a")
        statement = (
            wanted.order_by(tables.sessions.c.id).limit(10).compile(connection, compile_kwargs={"literal_binds": True})
        )
        return "\n".join(str(row) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}"))

    assert "archived_sessions_live" in await database.read(plan)
    await database.close()
