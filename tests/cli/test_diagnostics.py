"""Errors: one line, one exit code, and stdout stays clean."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from nexus import errors
from nexus.errors import InvalidInput, NexusError
from nexus_tui.cli.diagnostics import Diagnostics, ExitCode, exit_code, take_logs
from tests.running import command, environment

EXPECTED = {
    "SessionNotFound": 3, "SessionExpired": 3, "WorkflowNotFound": 3, "CheckpointNotFound": 3, "GroupNotFound": 3,
    "TokenNotFound": 3,
    "NamespaceNotFound": 3,
    "NamespaceExists": 4,
    "NamespaceNotEmpty": 4, "TokenExists": 4,
    "SessionExists": 4, "SessionBusy": 4, "VersionConflict": 4, "InvalidTransition": 4, "Fenced": 4, "WaitTimeout": 4,
    "LimitExceeded": 4, "RateLimited": 4,
    "InvalidInput": 2, "PayloadTooLarge": 2, "QueryError": 2,
    "AuthenticationRequired": 5, "PermissionDenied": 5,
    "StoreUnavailable": 6,
    "NexusError": 1, "SyncCallInEventLoop": 1,
}  # fmt: skip


def leaves() -> list[type[NexusError]]:
    return [getattr(errors, name) for name in errors.__all__ if name != "error_from_code"]


@pytest.mark.parametrize("kind", leaves(), ids=lambda kind: kind.__name__)
def test_every_error_has_its_exit_code(kind: type[NexusError]) -> None:
    assert exit_code(kind("message")) == EXPECTED[kind.__name__]


def test_an_error_is_one_clean_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    code = Diagnostics().error(InvalidInput("bad \x1b[31m value\nsecond", field="x"))
    captured = capsys.readouterr()
    assert code is ExitCode.USAGE
    assert captured.out == ""
    assert captured.err == "error: bad ␛[31m value␊second [invalid_input]\n"


def test_with_json_it_is_a_problem_object(capsys: pytest.CaptureFixture[str]) -> None:
    Diagnostics(as_json=True).error(InvalidInput("bad", field="x", value="v"))
    shown = json.loads(capsys.readouterr().err)
    assert shown == {
        "type": "about:blank", "title": "Invalid input", "status": 422, "code": "invalid_input", "detail": "bad",
        "field": "x", "value": "v",
    }  # fmt: skip


def test_details_can_not_shadow_the_problem_itself() -> None:
    assert InvalidInput("bad", title="other", status=1).problem()["status"] == 422


def test_notes_are_left_out_where_stderr_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    Diagnostics(as_json=True).note("by the way")
    Diagnostics().note("by the way")
    assert capsys.readouterr().err == "by the way\n"


@pytest.mark.parametrize("debug", [False, True])
def test_a_traceback_is_shown_only_with_debug(debug: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert Diagnostics(debug=debug).unexpected(raised(KeyError("inside"))) is ExitCode.FAILED
    assert ("Traceback" in capsys.readouterr().err) is debug


def raised(error: Exception) -> Exception:
    """An error that has been raised, with its traceback."""
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def test_a_mistake_in_a_filter_is_pointed_at(capsys: pytest.CaptureFixture[str]) -> None:
    Diagnostics().error(InvalidInput("no such status", field="q", q="status:nope", column=8, length=4))
    assert capsys.readouterr().err.splitlines()[1:] == ["status:nope", "       ^^^^"]


def test_logs_reach_the_terminal_without_control_codes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "lastResort", logging.lastResort)
    take_logs()
    taker = logging.lastResort
    assert taker is not None
    taker.handle(logging.LogRecord("nexus", logging.WARNING, "", 1, "bad \x1b[31m %s", ("value",), None))
    assert capsys.readouterr().err == "bad ␛[31m value\n"


FULL = Path("/dev/full")
SAYING = """
import logging
from nexus_tui.cli.diagnostics import Diagnostics, take_logs
take_logs()
logging.getLogger("nexus").warning("said")
logging.getLogger("nexus").warning("%d is no number", "this")
Diagnostics().note("said")
Diagnostics().status("said")
print("went on")
"""


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_a_log_on_a_full_disk_stops_nobody_who_logs() -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", SAYING],
            check=False,
            env=environment("memory://"),
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
        )
    assert done.stdout == "went on\n"


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_a_full_disk_under_stderr_changes_no_exit_code(tmp_path: Path) -> None:
    words = command("sessions", "show", "none", "--store", f"sqlite:///{tmp_path}/nexus.sqlite3")
    with FULL.open("w") as full:
        done = subprocess.run(words, check=False, env=environment("memory://"), stdout=subprocess.PIPE, stderr=full)
    assert done.returncode == ExitCode.MISSING


def test_a_stderr_that_is_closed_stops_nobody_who_logs() -> None:
    shell = ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", SAYING]
    done = subprocess.run(shell, check=False, env=environment("memory://"), stdout=subprocess.PIPE, text=True)
    assert done.stdout == "went on\n"
