"""Archives of every older revision open, lose nothing on the way, and give back what Redis has lost."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nexus.archive.migrating import HEAD
from tests.core.stores.redis.servers import single
from tests.upgrade.write_file import told

FILES = Path(__file__).parent / "files"
OLDER = [f"{number:04}" for number in range(1, int(HEAD))]


def revision_of(file: Path) -> str:
    with closing(sqlite3.connect(file)) as opened:
        return str(opened.execute("SELECT version_num FROM archive_version").fetchone()[0])


def test_there_is_an_archive_of_every_older_revision() -> None:
    assert {file.name for file in FILES.glob("archive-*.sqlite3")} == {f"archive-{each}.sqlite3" for each in OLDER}
    assert [revision_of(FILES / f"archive-{each}.sqlite3") for each in OLDER] == OLDER


@pytest.mark.parametrize("revision", OLDER)
async def test_all_of_an_older_archive_comes_back_to_a_redis_that_has_lost_it(revision: str, tmp_path: Path) -> None:
    file = tmp_path / "archive.sqlite3"
    shutil.copy(FILES / f"archive-{revision}.sqlite3", file)
    before = json.loads((FILES / f"archive-{revision}.json").read_text(encoding="utf-8"))
    with single(tmp_path / "valkey") as server:
        after = await told(str(file), server.url)
    assert revision_of(file) == HEAD
    # A version of what comes back is none that anybody knows already, and one event says that it did.
    assert without_versions(after["sessions"]) == without_versions(before["sessions"])
    assert without_versions({"batch": after["group"]}) == without_versions({"batch": before["group"]})
    assert (after["checkpoints"], after["counters"]) == (before["checkpoints"], before["counters"])
    for session_id, events in before["events"].items():
        now = after["events"][session_id]
        assert (now[: len(events)], now[len(events)][1]) == (events, "session.restored")


def without_versions(records: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {key: record[key] for key in record if key != "version"} for name, record in records.items()}
