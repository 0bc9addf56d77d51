"""``nexus doctor`` says whether what is committed reaches the archive."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from nexus_tui.cli.checks.archived import archived
from tests.core.stores.redis.servers import single
from tests.running import command, environment

FACTS = {"archive": "sqlite:////a", "archive_pending": "3", "archive_lag_seconds": "0.120"}


def test_a_store_without_an_archive_has_no_finding_of_it() -> None:
    assert list(archived({"level": "disk"})) == []


def test_an_archive_that_is_behind_or_can_not_be_written_is_no_good_news() -> None:
    (good,) = archived(FACTS)
    assert (good.grade, good.found) == ("ok", "sqlite:////a: 3 commits wait, the oldest for 0.1 s")
    (behind,) = archived({**FACTS, "archive_lag_seconds": "61.5"})
    assert behind.grade == "warn"
    (broken,) = archived({**FACTS, "archive_trouble": "the archive is away"})
    assert broken.grade == "fail"
    assert "the archive is away" in broken.found


def test_the_doctor_reads_it_from_the_store(tmp_path: Path) -> None:
    with single(tmp_path / "valkey") as server:
        archive = f"sqlite:///{tmp_path / 'archive.sqlite3'}"
        env = environment(server.url, NEXUS_SESSION_PERSISTENCE="true", NEXUS_DATABASE_URL=archive)
        done = subprocess.run(command("doctor", "-o", "json"), env=env, cwd=tmp_path, capture_output=True, check=False)
    found = json.dumps(json.loads(done.stdout))
    assert f"{archive}: 0 commits wait" in found
