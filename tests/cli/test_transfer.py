"""``nexus sessions export|import``: to another store and back."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
from pathlib import Path

import pytest

from tests.cli.support import Line


@pytest.fixture
def full(line: Line) -> Line:
    """A store with a family, a group and a history."""
    line.ok("groups", "create", "g")
    line.ok("sessions", "create", "parent", "--state", '{"a": 1, "gone": {"x": 1}}', "--group", "g", "--user", "42")
    line.ok("sessions", "create", "child", "--parent", "parent", "--metadata", '{"m": []}')
    line.ok("sessions", "update", "child", '{"gone": null, "own": null, "b": {"c": null}}')
    line.ok("run", "count", "--session", "counted", "--to", "2")
    line.ok("sessions", "end", "counted", "--status", "cancelled")
    return line


def other(line: Line) -> tuple[str, str]:
    return ("--store", f"sqlite:///{line.folder}/other.sqlite3")


def test_an_export_has_sessions_with_checkpoints_states_and_events(full: Line) -> None:
    ran = full("sessions", "export", "counted", "parent")
    assert ran.code == 0
    counted, parent = [json.loads(text) for text in ran.out.splitlines()]
    assert counted["format"] == "nexus-session/1"
    assert counted["session"] == full.ok("sessions", "show", "counted")
    assert counted["checkpoints"][1]["state"] == {"seen": [0, 1]}
    assert counted["events"][0]["type"] == "session.created"
    assert parent["checkpoints"] == []
    assert "2 exported" in ran.err


def test_an_import_makes_the_same_sessions_under_their_ids(full: Line) -> None:
    full("sessions", "export", "-q", "", "--file", "all.jsonl")
    ran = full("sessions", "import", "all.jsonl", *other(full), "-o", "json")
    assert ran.code == 0, ran.err
    for session_id in ("parent", "child", "counted"):
        was = full.ok("sessions", "show", session_id)
        now = full.ok("sessions", "show", session_id, *other(full))
        for field in ("id", "status", "state", "metadata", "user_id", "group_id", "parent_id", "channel", "timeout"):
            assert now[field] == was[field], (session_id, field)


def test_a_file_is_whole_private_and_takes_its_name_last(full: Line) -> None:
    full("sessions", "export", "-q", "", "--file", "all.jsonl")
    path = full.folder / "all.jsonl"
    assert len(path.read_text().splitlines()) == 3
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list(full.folder.glob("*.part"))


def test_existing_sessions_are_refused_before_anything_is_made(full: Line) -> None:
    full("sessions", "export", "-q", "", "--file", "all.jsonl")
    full.ok("sessions", "create", "child", *other(full))
    ran = full("sessions", "import", "all.jsonl", *other(full))
    assert ran.code == 4
    assert "--skip-existing" in ran.err
    assert full.ok("sessions", "list", *other(full))["total"] == 1


def test_existing_sessions_are_left_as_they_are_when_asked(full: Line) -> None:
    full("sessions", "export", "-q", "", "--file", "all.jsonl")
    full.ok("sessions", "create", "child", "--state", '{"mine": 1}', *other(full))
    rows = full.ok("sessions", "import", "all.jsonl", "--skip-existing", *other(full))
    assert {row["id"]: row["note"] for row in rows}["child"] == "exists, left as it is"
    assert full.ok("sessions", "show", "child", *other(full))["state"] == {"mine": 1}
    assert full.ok("sessions", "list", *other(full))["total"] == 3


def test_children_are_made_after_their_parents_whatever_the_order(full: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = full("sessions", "export", "child", "parent")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ran.out.encode())))
    assert full("sessions", "import", "-", *other(full)).code == 0
    assert full.ok("sessions", "show", "child", *other(full))["parent_id"] == "parent"


def test_what_could_not_be_put_back_is_said(full: Line) -> None:
    full("run", "fail", "--session", "broken")
    full("sessions", "export", "child", "broken", "--file", "some.jsonl")
    rows = {row["id"]: row for row in full.ok("sessions", "import", "some.jsonl", *other(full))}
    assert rows["broken"]["status"] == "active"
    assert rows["broken"]["note"] == "was failed"
    assert "without its parent parent" in rows["child"]["note"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "line 1 is not JSON"),
        ("{}", "line 1 is no exported session"),
        ('\n{"format": "nexus-session/1", "session": {"id": 5}}', "line 2 has no session with an id"),
        ('{"format": "nexus-session/1", "session": {"id": "a", "state": [], "metadata": {}}}', "state of session 'a'"),
    ],
)
def test_a_line_that_is_no_session_is_named(line: Line, text: str, told: str) -> None:
    (line.folder / "bad.jsonl").write_text(text)
    ran = line("sessions", "import", "bad.jsonl")
    assert ran.code == 2
    assert told in ran.err


def test_a_file_that_can_not_be_read_or_written_is_exit_code_2(line: Line, folder: Path) -> None:
    assert line("sessions", "import", "not-there.jsonl").code == 2
    line.ok("sessions", "create", "s")
    assert line("sessions", "export", "s", "--file", str(folder / "no" / "such.jsonl")).code == 2
