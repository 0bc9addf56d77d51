"""``nexus sessions``: creating, looking and changing, on a real store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Line


def test_a_session_is_created_and_shown_with_all_it_was_given(line: Line, folder: Path) -> None:
    (folder / "meta.json").write_text('{"organization": "acme-corp"}')
    created = line.ok(
        "sessions", "create", "s-1", "--metadata", "@meta.json", "--state", '{"step": 1}', "--user", "42",
        "--timeout", "60", "--channel", "mcp",
    )  # fmt: skip
    shown = line.ok("sessions", "show", "s-1")
    assert shown["id"] == created["id"] == "s-1"
    assert shown["metadata"] == {"organization": "acme-corp"}
    assert shown["state"] == {"step": 1}
    assert (shown["user_id"], shown["timeout"], shown["channel"]) == ("42", 60.0, "mcp")
    assert shown["owner"].startswith("local:")


def test_a_session_without_an_id_gets_one_on_the_channel_cli(line: Line) -> None:
    ran = line("sessions", "create", "-o", "id")
    shown = line.ok("sessions", "show", ran.out.strip())
    assert shown["channel"] == "cli"


def test_a_list_has_the_contracts_shape_and_pages(line: Line) -> None:
    for number in range(5):
        line.ok("sessions", "create", f"s-{number}")
    page = line.ok("sessions", "list", "--limit", "2")
    assert [item["id"] for item in page["items"]] == ["s-4", "s-3"]
    assert page["total"] == 5
    rest = line.ok("sessions", "list", "--limit", "5", "--cursor", page["next_cursor"])
    assert [item["id"] for item in rest["items"]] == ["s-2", "s-1", "s-0"]
    everything = line.ok("sessions", "list", "--all", "--sort", "created_at")
    assert [item["id"] for item in everything["items"]] == [f"s-{number}" for number in range(5)]
    assert line("sessions", "list", "-o", "id", "--sort", "-id").out.split() == ["s-4", "s-3", "s-2", "s-1", "s-0"]


def test_a_list_is_filtered_by_the_filter_language(line: Line) -> None:
    line.ok("sessions", "create", "a", "--user", "1")
    line.ok("sessions", "create", "b", "--user", "2")
    assert line("sessions", "list", "-q", "user:2", "-o", "id").out == "b\n"


def test_a_mistake_in_a_filter_is_pointed_at(line: Line) -> None:
    ran = line("sessions", "list", "-q", "status:nope")
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.splitlines()[0].startswith("error: ")
    assert ran.err.splitlines()[1] == "status:nope"
    assert "^" in ran.err.splitlines()[2]


def test_state_is_patched_by_document_and_by_path(line: Line) -> None:
    line.ok("sessions", "create", "s", "--state", '{"a": {"b": 1, "c": 2}, "gone": true}')
    line.ok("sessions", "update", "s", '{"gone": null, "list": []}')
    shown = line.ok("sessions", "update", "s", "--set", "a.b=5", "--set", "a.name=five", "--set", 'a.o={"x": 1}')
    assert shown["state"] == {"a": {"b": 5, "c": 2, "name": "five", "o": {"x": 1}}, "list": []}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("update", "s"), "give a patch"),
        (("update", "s", "[1]"), "must be a JSON object"),
        (("update", "s", "{"), "is not JSON"),
        (("update", "s", "@not-there"), "can't be read"),
        (("update", "s", "--set", "novalue"), "is not PATH=VALUE"),
        (("update", "s", "--set", "a=1", "--set", "a.b=2"), "plain value already"),
        (("create", "bad id"), "is not an id"),
        (("create", "--metadata", "-", "--state", "-"), "both be read from stdin"),
        (("list", "--watch", "--all"), "leave out --all"),
        (("list", "--limit", "many"), "'many' is not a whole number"),
        (("end",), "by id, or give a filter"),
        (("end", "s", "-q", "status:active"), "one of the two"),
        (("end", "s", "--status", "failed"), "use completed or cancelled"),
        (("show",), "Missing argument 'ID'"),
        (("show", "s", "t"), "unexpected extra argument"),
        (("create", "s", "--colour", "red"), "No such option"),
        (("list", "-o", "xml"), "use one of table, json, jsonl, yaml, id"),
    ],
)
def test_what_does_not_fit_is_refused_with_exit_code_2(line: Line, arguments: tuple[str, ...], told: str) -> None:
    line.ok("sessions", "create", "s")
    ran = line("sessions", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert ran.err.startswith("error: ")
    assert len(ran.err.splitlines()) == 1
    assert ran.err.rstrip().endswith("[invalid_input]")


@pytest.mark.parametrize(
    ("arguments", "code", "name"),
    [
        (("show", "nobody"), 3, "session_not_found"),
        (("update", "nobody", "{}"), 3, "session_not_found"),
        (("create", "s"), 4, "session_exists"),
        (("update", "s", "{}", "--if-version", "99"), 4, "version_conflict"),
        (("fork", "s", "--checkpoint", "checkpoint-9"), 3, "checkpoint_not_found"),
        (("create", "--parent", "nobody"), 3, "session_not_found"),
        (("create", "--group", "nobody"), 3, "group_not_found"),
    ],
)
def test_an_error_is_a_problem_on_stderr_with_its_exit_code(
    line: Line, arguments: tuple[str, ...], code: int, name: str
) -> None:
    line.ok("sessions", "create", "s")
    ran = line("sessions", *arguments, "-o", "json")
    assert (ran.code, ran.out) == (code, "")
    assert ran.problem["code"] == name


def test_a_fork_is_a_new_session_with_the_same_state(line: Line) -> None:
    line.ok("sessions", "create", "s", "--state", '{"a": 1}')
    forked = line.ok("sessions", "fork", "s", "--as", "copy")
    assert (forked["id"], forked["state"]) == ("copy", {"a": 1})


def test_a_session_ends_once_and_ending_it_again_changes_nothing(line: Line) -> None:
    line.ok("sessions", "create", "s")
    first = line.ok("sessions", "end", "s", "--status", "cancelled", "--reason", "not needed")
    again = line.ok("sessions", "end", "s")
    assert first["status"] == again["status"] == "cancelled"
    assert first["version"] == again["version"]


def test_a_signal_to_an_ended_session_is_a_conflict(line: Line) -> None:
    line.ok("sessions", "create", "s")
    line.ok("sessions", "end", "s")
    assert line("sessions", "signal", "s", "go").code == 4


def test_shared_options_stand_before_or_behind_the_command(line: Line, folder: Path) -> None:
    store = f"sqlite:///{folder}/other.sqlite3"
    line.ok("--store", store, "sessions", "create", "there")
    for arguments in (
        ("--store", store, "-o", "id", "sessions", "list"),
        ("sessions", "--store", store, "-o", "id", "list"),
        ("sessions", "list", "--store", store, "-o", "id"),
        ("sessions", "list", f"--store={store}", "--output=id"),
        ("-o", "json", "sessions", "list", "--store", store, "-o", "id"),
    ):
        assert line(*arguments).out == "there\n", arguments
    assert line("sessions", "list", "-o", "id").out == ""


def test_a_store_before_and_a_server_behind_is_a_usage_error(line: Line) -> None:
    ran = line("--store", "memory://", "sessions", "list", "--server", "http://127.0.0.1:1")
    assert ran.code == 2
    assert "--store and --server are both given" in ran.err


def test_a_server_for_a_command_that_is_one_is_refused(line: Line) -> None:
    ran = line("--server", "http://127.0.0.1:1", "worker")
    assert ran.code == 2
    assert "--server means nothing to nexus worker" in ran.err


def test_a_server_that_does_not_answer_is_exit_code_6(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEXUS_STORE")
    ran = line("sessions", "list", "--server", "http://127.0.0.1:1", "-o", "json")
    assert ran.code == 6
    assert ran.problem["code"] == "store_unavailable"


def test_a_store_that_can_not_be_opened_is_exit_code_6(line: Line, folder: Path) -> None:
    (folder / "file").write_text("not a database, and long enough to be seen as none" * 50)
    assert line("sessions", "list", "--store", f"sqlite:///{folder}/file").code == 6
