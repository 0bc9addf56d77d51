"""``nexus sessions update --edit``: the state in the user's editor, back as a merge patch."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.support import Line


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file whose code edits ``path``."""
    made = tmp_path / "editor.py"
    monkeypatch.setenv("VISUAL", f"{sys.executable} {made}")
    return made


def edits(editor: Path, body: str) -> None:
    editor.write_text(f"import pathlib, sys\npath = pathlib.Path(sys.argv[1])\n{body}\n", encoding="utf-8")


def test_what_was_written_becomes_the_state(line: Line, editor: Path) -> None:
    line.ok("sessions", "create", "s", "--state", '{"a": 1, "b": 2}')
    edits(editor, """assert '"a": 1' in path.read_text(); path.write_text('{"b": 3}')""")
    assert line.ok("sessions", "update", "s", "--edit")["state"] == {"b": 3}


def test_what_is_as_it_was_changes_nothing(line: Line, editor: Path) -> None:
    made = line.ok("sessions", "create", "s", "--state", '{"a": 1}')
    edits(editor, "")
    assert line.ok("sessions", "update", "s", "--edit")["version"] == made["version"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("path.write_text('{oops')", "Not JSON at line 1"),
        ("""path.write_text('{"a": null}')""", "null can't be set by a merge patch"),
        ("sys.exit(4)", "ended with exit code 4"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_changed(line: Line, editor: Path, body: str, said: str) -> None:
    line.ok("sessions", "create", "s", "--state", '{"a": 1}')
    edits(editor, body)
    ran = line("sessions", "update", "s", "--edit")
    assert (ran.code, said in ran.err) == (2, True)
    assert line.ok("sessions", "show", "s")["state"] == {"a": 1}


def test_a_patch_and_an_editor_together_are_refused(line: Line) -> None:
    line.ok("sessions", "create", "s")
    assert line("sessions", "update", "s", "{}", "--edit").code == 2
