"""Formats: what programs read back exactly, and what a terminal only draws."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
import yaml

from nexus.errors import InvalidInput
from nexus_tui.cli import output as output_module
from nexus_tui.cli.output import FORMATS, Output, check_format, json_text, yaml_text
from nexus_tui.cli.views import SESSIONS

HOSTILE = "\x1b]0;owned\x07 \x9b31m \u202eabc\u202c \u200b \ud800 \U000e0041 [red]x[/red] \t\n é 漢"
SESSION: dict[str, Any] = {
    "id": "session-123", "status": "in_progress", "channel": "api", "channels": ["api", "mcp"], "user_id": None,
    "owner": "local:me", "metadata": {}, "state": {"big": 2**70, "empty": [], "text": "é"}, "parent_id": None,
    "group_id": None, "workflow": "index-files", "run_id": "run_1", "step": 37, "last_checkpoint": "checkpoint-4",
    "error": None, "version": 9, "created_at": "2026-05-01T03:04:05.000000Z",
    "last_activity": "2026-05-01T03:04:05.000000Z", "expires_at": None, "ended_at": None, "timeout": None,
    "max_age": None,
}  # fmt: skip


class Terminal(io.StringIO):
    """A stdout that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def as_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make stdout a terminal, inside of the test: pytest sets stdout anew between a fixture and its test."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    made = Terminal()
    monkeypatch.setattr(sys, "stdout", made)
    return made


def test_a_list_in_a_pipe_is_tab_separated_without_a_header(capsys: pytest.CaptureFixture[str]) -> None:
    Output("table").rows([SESSION, SESSION], SESSIONS)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].split("\t")[:6] == [
        "session-123",
        "in_progress",
        "index-files",
        '["api","mcp"]',
        "37",
        "checkpoint-4",
    ]


def test_a_list_on_a_terminal_is_a_table_with_glyphs_words_and_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = as_terminal(monkeypatch)
    Output("table").rows([SESSION], SESSIONS)
    shown = terminal.getvalue()
    assert "WORKFLOW" in shown
    assert "▶ in progress" in shown
    assert "api\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}mcp" in shown
    assert "\x1b[" in shown


def test_no_color_leaves_glyphs_and_words(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = as_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    Output("table").rows([SESSION], SESSIONS)
    assert "▶ in progress" in terminal.getvalue()
    assert "\x1b" not in terminal.getvalue()


def test_an_empty_list_says_so_to_people_and_nothing_to_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = as_terminal(monkeypatch)
    Output("table").rows([], SESSIONS)
    assert terminal.getvalue() == "nothing there\n"
    terminal.truncate(0)
    terminal.seek(0)
    Output("id").rows([], SESSIONS)
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("on_terminal", [False, True])
def test_hostile_text_never_reaches_the_terminal(form: str, on_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal() if on_terminal else io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("NO_COLOR", "1")
    item = {**SESSION, "workflow": HOSTILE, "error": HOSTILE, "state": {HOSTILE: HOSTILE}}
    Output(form).rows([item], SESSIONS)
    Output(form).record(item, SESSIONS)
    Output(form).row(item, SESSIONS)
    shown = stream.getvalue()
    unsafe = {char for char in shown if output_module._UNSAFE.match(char) or (ord(char) < 32 and char not in "\n\t")}
    assert unsafe == set()


@pytest.mark.parametrize(
    "value", [SESSION, {"text": HOSTILE}, [], {"a": []}, 2**70, "é 漢", HOSTILE.replace("\ud800", "")]
)
def test_json_reads_back_exactly(value: Any) -> None:
    assert json.loads(json_text(value)) == value
    assert json.loads(json_text(value, indent=2)) == value


@pytest.mark.parametrize(
    "value", [SESSION, {"text": HOSTILE.replace("\ud800", "")}, [], {"a": []}, {"n": 2**70}, {"yes": "no"}]
)
def test_yaml_reads_back_exactly(value: Any) -> None:
    assert yaml.safe_load(yaml_text(value)) == value


def test_json_of_a_page_is_its_envelope_and_json_lines_are_its_items(capsys: pytest.CaptureFixture[str]) -> None:
    envelope = {"items": [SESSION], "next_cursor": None, "total": 1}
    Output("json").rows([SESSION], SESSIONS, envelope=envelope)
    assert json.loads(capsys.readouterr().out) == envelope
    Output("jsonl").rows([SESSION, SESSION], SESSIONS, envelope=envelope)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [SESSION, SESSION]
    Output("yaml").rows([SESSION], SESSIONS, envelope=envelope)
    assert yaml.safe_load(capsys.readouterr().out) == envelope
    Output("id").rows([SESSION], SESSIONS, envelope=envelope)
    assert capsys.readouterr().out == "session-123\n"


def test_endless_yaml_is_one_document_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    Output("yaml").row({"a": 1}, SESSIONS)
    Output("yaml").row({"a": 2}, SESSIONS)
    assert list(yaml.safe_load_all(capsys.readouterr().out)) == [{"a": 1}, {"a": 2}]


def test_one_object_in_a_pipe_is_a_field_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    Output("table").record(SESSION, SESSIONS)
    fields = dict(line.split("\t", 1) for line in capsys.readouterr().out.splitlines())
    assert set(fields) == set(SESSION)
    assert fields["state"] == '{"big":1180591620717411303424,"empty":[],"text":"é"}'


def test_a_format_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="table, json, jsonl, yaml, id"):
        check_format("xml")


@pytest.mark.parametrize("columns", [60, 80, 100, 160])
def test_a_narrow_terminal_loses_spare_columns_and_no_line_is_too_long(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = as_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    Output("table").rows([SESSION], SESSIONS)
    heading, row = terminal.getvalue().splitlines()
    assert max(len(heading), len(row)) <= columns
    assert "session-123" in row
    assert "▶ in progress" in row
    assert ("CHECKPOINT" in heading) is (columns >= 100)
