"""``nexus sessions end|extend|resume`` of many: asked for, tried out, and reported one by one."""

from __future__ import annotations

import io
import sys

import pytest

from tests.cli.support import Line


class Keyboard(io.StringIO):
    """A stdin that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def three(line: Line) -> Line:
    for name in ("a", "b", "c"):
        line.ok("sessions", "create", name)
    return line


def statuses(line: Line) -> dict[str, str]:
    return {item["id"]: item["status"] for item in line.ok("sessions", "list")["items"]}


def test_many_are_not_ended_without_a_yes(three: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    ran = three("sessions", "end", "-q", "status:active")
    assert ran.code == 2
    assert "this would end 3 sessions: give --yes" in ran.err
    assert set(statuses(three).values()) == {"active"}


@pytest.mark.parametrize(
    ("answer", "left"), [("y\n", "completed"), ("yes\n", "completed"), ("\n", "active"), ("n\n", "active")]
)
def test_a_person_is_asked(three: Line, monkeypatch: pytest.MonkeyPatch, answer: str, left: str) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard(answer))
    ran = three("sessions", "end", "a", "b", "c")
    assert ran.code == 0
    assert "end 3 sessions? [y/N]" in ran.err
    assert set(statuses(three).values()) == {left}


def test_with_yes_each_is_reported(three: Line) -> None:
    report = three.ok("sessions", "end", "-q", "status:active", "--yes", "--status", "cancelled")
    assert [(row["id"], row["action"], row["status"], row["error"]) for row in report] == [
        (name, "end", "cancelled", None) for name in ("a", "b", "c")
    ]


def test_a_dry_run_shows_and_does_nothing(three: Line) -> None:
    report = three.ok("sessions", "end", "-q", "id:a,b", "--dry-run")
    assert [row["id"] for row in report] == ["a", "b"]
    assert set(statuses(three).values()) == {"active"}


def test_one_refusal_stops_no_other_and_gives_the_exit_code(three: Line) -> None:
    ran = three("sessions", "end", "a", "nobody", "c", "--yes", "-o", "jsonl")
    assert ran.code == 3
    assert statuses(three) == {"a": "completed", "b": "active", "c": "completed"}
    assert "session_not_found" in ran.out.splitlines()[1]


def test_ids_come_from_stdin_too(three: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a\nb\n\na\n"))
    assert len(three.ok("sessions", "extend", "-", "--yes")) == 2


def test_nothing_that_matches_is_nothing_to_ask_about(three: Line) -> None:
    assert three.ok("sessions", "end", "-q", "status:failed") == []


def test_extending_moves_the_expiry_by_the_seconds_given(three: Line) -> None:
    before = three.ok("sessions", "show", "a")["expires_at"]
    after = three.ok("sessions", "extend", "a", "--seconds", "7200")["expires_at"]
    from nexus_tui.cli.views import seconds_of

    moved = (seconds_of(after) or 0) - (seconds_of(before) or 0)
    assert moved == pytest.approx(7200, abs=1)
