"""``nexus run`` and the history that it leaves: checkpoints, events, diff, resume, fork."""

from __future__ import annotations

import io
import sys

import pytest

from tests.cli.support import Line


def test_a_run_gives_its_result_and_leaves_its_state(line: Line) -> None:
    result = line.ok("run", "count", "--session", "s", "--to", "3", "--label", "x", "--loud")
    assert (result["session_id"], result["workflow"], result["status"], result["step"]) == (
        "s",
        "count",
        "completed",
        3,
    )
    assert result["outputs"] == {"seen": [0, 1, 2], "label": "x", "loud": True}
    session = line.ok("sessions", "show", "s")
    assert session["state"] == {"seen": [0, 1, 2]}
    assert session["channels"] == ["cli"]
    assert session["last_checkpoint"] == result["last_checkpoint"]


def test_a_run_without_a_session_makes_one_and_names_it(line: Line) -> None:
    ran = line("run", "count", "--to", "1", "-o", "id")
    assert line.ok("sessions", "show", ran.out.strip())["workflow"] == "count"


def test_inputs_reach_the_workflow_typed(line: Line) -> None:
    outputs = line.ok(
        "run", "echo", "--whole", "5", "--ratio=0.5", "--flag", "--text", "7", "--tags", "a", "--tags", "b",
        "--numbers", "1", "--thing", '{"a": []}', "--maybe", "3", "--any-value", "[1]",
    )["outputs"]  # fmt: skip
    assert outputs == {
        "whole": 5, "ratio": 0.5, "flag": True, "text": "7", "tags": ["a", "b"], "numbers": [1],
        "thing": {"a": []}, "maybe": 3, "any_value": [1],
    }  # fmt: skip


def test_inputs_come_as_a_document_from_a_file_or_from_stdin(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    (line.folder / "inputs.json").write_text('{"to": 2, "label": "file"}')
    assert line.ok("run", "count", "--inputs", "@inputs.json")["outputs"]["label"] == "file"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"to": 1, "label": "stdin"}')))
    assert line.ok("run", "count", "--inputs", "-", "--to", "2")["step"] == 2


def test_an_input_with_the_name_of_an_option_goes_behind_two_dashes(line: Line) -> None:
    (line.folder / "nexus_app.py").write_text(
        "from nexus import AsyncNexus\napp = AsyncNexus()\n@app.workflow('w')\ndef w(store: str):\n    return store\n"
    )
    assert line.ok("run", "w", "--", "--store", "mine")["outputs"] == "mine"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("count",), "missing input --to (a whole number)"),
        (("count", "--to", "many"), "it takes a whole number"),
        (("count", "--too", "1"), "did you mean --to?"),
        (("count", "--to", "1", "--inputs", "[]"), "inputs must be a JSON object"),
        (("--to", "1"), "name the workflow before its inputs"),
        (("count", "--to", "1", "--session", "not an id"), "is not an id"),
        (("count", "--to", "1", "--checkpoint-interval", "0"), "checkpoint_interval"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_made(
    line: Line, arguments: tuple[str, ...], told: str
) -> None:
    ran = line("run", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert line.ok("sessions", "list")["total"] == 0


def test_an_unknown_workflow_is_exit_code_3_and_says_what_it_may_have_been(line: Line) -> None:
    ran = line("run", "cuont")
    assert ran.code == 3
    assert "did you mean 'count'?" in ran.err


def test_without_an_app_the_error_says_how_to_name_one(line: Line) -> None:
    ran = line("run", "count", "--app", "none")
    assert ran.code == 3
    assert "--app MODULE:ATTR, set NEXUS_APP" in ran.err


def test_a_failed_run_is_exit_code_1_with_its_result_on_stdout(line: Line) -> None:
    ran = line("run", "fail", "--session", "s", "--after", "2", "-o", "json")
    assert ran.code == 1
    assert (ran.json["status"], ran.json["step"]) == ("failed", 2)
    assert "it broke" in ran.json["error"]
    assert "nexus sessions resume t" in line("run", "fail", "--session", "t").err


def test_a_failed_run_is_mended_and_resumed_from_where_it_was(line: Line) -> None:
    assert line("run", "fail", "--session", "s", "--after", "2").code == 1
    line.ok("sessions", "update", "s", '{"mended": true}')
    session = line.ok("sessions", "resume", "s")
    assert (session["status"], session["step"], session["state"]["done"]) == ("active", 4, 3)


def test_a_resume_that_fails_again_is_exit_code_1(line: Line) -> None:
    line("run", "fail", "--session", "s")
    assert line("sessions", "resume", "s").code == 1


def test_a_run_that_waits_is_no_failure_and_says_what_for(line: Line) -> None:
    ran = line("run", "ask", "--session", "s", "--question", "why?")
    assert ran.code == 0
    assert "suspended" in ran.out
    assert "nexus sessions signal s answer" in ran.err


def test_a_signal_without_a_worker_waits_for_a_resume(line: Line) -> None:
    line.ok("run", "ask", "--session", "s", "--question", "why?")
    signalled = line("sessions", "signal", "s", "answer", "--payload", '{"because": 1}')
    assert signalled.code == 0
    assert "nexus worker" in signalled.err
    session = line.ok("sessions", "resume", "s")
    assert session["status"] == "active"
    completed = [event for event in line.ok("events", "--session", "s")["items"] if event["type"] == "run.completed"]
    assert len(completed) == 1


def test_the_same_idempotency_key_runs_once(line: Line) -> None:
    first = line.ok("run", "count", "--session", "s", "--to", "2", "--idempotency-key", "k")
    again = line.ok("run", "count", "--session", "s", "--to", "2", "--idempotency-key", "k")
    assert first["run_id"] == again["run_id"]
    assert line.ok("sessions", "show", "s")["state"] == {"seen": [0, 1]}


def test_a_background_run_with_nobody_to_execute_it_says_so(line: Line) -> None:
    ran = line("run", "count", "--session", "s", "--to", "2", "--background")
    assert ran.code == 0
    assert "in_progress" in ran.out
    assert "nexus worker" in ran.err


def test_checkpoints_are_listed_and_shown_with_their_state(line: Line) -> None:
    line.ok("run", "count", "--session", "s", "--to", "3")
    page = line.ok("checkpoints", "list", "s")
    assert [item["id"] for item in page["items"]][:3] == ["checkpoint-1", "checkpoint-2", "checkpoint-3"]
    assert page["next_cursor"] is None
    assert line.ok("checkpoints", "show", "s", "checkpoint-2")["state"] == {"seen": [0, 1]}
    assert line("checkpoints", "show", "s", "checkpoint-99").code == 3
    assert line("checkpoints", "show", "s", "two").code == 3


def test_the_diff_of_two_checkpoints_is_told_by_path(line: Line) -> None:
    line.ok("run", "count", "--session", "s", "--to", "3")
    shown = line.ok("sessions", "diff", "s", "start", "checkpoint-1")
    assert shown["from"] == "start"
    assert shown["added"]
    rows = line("sessions", "diff", "s", "start").rows
    assert {row[1] for row in rows} <= {"added", "removed", "changed"}


def test_events_are_listed_oldest_first_and_filtered_by_session(line: Line) -> None:
    line.ok("run", "count", "--session", "s", "--to", "2")
    line.ok("sessions", "create", "other")
    events = line.ok("events", "--session", "s")["items"]
    assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)
    assert {event["session_id"] for event in events} == {"s"}
    assert "run.completed" in {event["type"] for event in events}
    assert {event["channel"] for event in events} == {"cli"}
    assert len(line.ok("events", "--limit", "2")["items"]) == 2
    assert line.ok("events", "--limit", "0")["items"] == []


def test_watching_a_session_that_has_ended_shows_its_last_events_and_returns(line: Line) -> None:
    line.ok("sessions", "create", "s")
    line.ok("sessions", "end", "s")
    ran = line("sessions", "watch", "s", "-o", "jsonl")
    assert ran.code == 0
    assert '"session.ended"' in ran.out


def test_watching_a_failed_session_is_exit_code_1(line: Line) -> None:
    line("run", "fail", "--session", "s")
    assert line("sessions", "watch", "s").code == 1


def test_workflows_are_listed_with_their_inputs(line: Line) -> None:
    rows = {row[0]: row for row in line("workflows", "list").rows}
    assert set(rows) == {"ask", "count", "echo", "fail"}
    assert rows["count"][1].startswith("--to integer [--start]")
    assert rows["count"][2] == "Count in steps."
    infos = line.ok("workflows", "list")["items"]
    assert [info["name"] for info in infos] == ["ask", "count", "echo", "fail"]
    assert line.ok("workflows", "show", "count")["input_schema"]["required"] == ["to"]
    assert line("workflows", "show", "nothing").code == 3


def test_statistics_have_the_contracts_names(line: Line) -> None:
    line.ok("run", "count", "--session", "s", "--to", "1")
    line.ok("sessions", "end", "s")
    figures = line.ok("stats")
    assert (figures["active"], figures["total"], figures["success_rate"]) == (0, 1, 100.0)
    rows = dict(line("stats").rows)
    assert rows["by_status.completed"] == "1"
    assert rows["total"] == "1"
