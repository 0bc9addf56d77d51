"""The checks of the promises find each bug that is planted, and nothing where none is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nexus.lifecycle import runs
from nexus.model import Run, Session
from nexus.model.change import Snapshot
from nexus.sessions.groups import Groups
from tests.chaos.planted import BUGS
from tests.chaos.scene import played


async def test_a_sound_store_keeps_every_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = await played(tmp_path, monkeypatch)
    assert [verdict.broken for verdict in verdicts.values()] == [()] * len(verdicts)
    assert all(verdict.checked and not verdict.skipped for verdict in verdicts.values())


@pytest.mark.parametrize("bug", BUGS)
async def test_a_store_with_a_bug_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    plant, promise = BUGS[bug]
    verdicts = await played(tmp_path, monkeypatch, plant)
    assert verdicts[promise].broken, f"{bug} was not seen"


async def test_a_wait_that_is_over_too_early_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(*_: Any) -> int:
        return 0

    monkeypatch.setattr(Groups, "_unfinished", nobody)
    verdicts = await played(tmp_path, monkeypatch)
    assert any("a wait of sdk was over" in broken for broken in verdicts["groups"].broken)


async def test_a_process_that_ignores_the_epoch_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def held(before: Snapshot, _: runs.Lease) -> tuple[Session, Run | None]:
        return before.session, before.run

    monkeypatch.setattr(runs, "_held", held)
    verdicts = await played(tmp_path, monkeypatch)
    assert any("haunted: step 2 was committed after" in broken for broken in verdicts["fenced"].broken)
