"""Command lines as shells see them: exit codes, clean streams, pipes that close, and signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import APP, environment, process, started


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "nexus_app.py").write_text(APP)
    return tmp_path


def store(place: Path) -> str:
    return f"sqlite:///{place}/store.sqlite3"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("run", "count", "--to", "1"), 0),
        (("run", "fail"), 1),
        (("run", "count"), 2),
        (("run", "nothing"), 3),
        (("sessions", "show", "nobody"), 3),
        (("sessions", "list", "--server", "http://127.0.0.1:1"), 6),
        (("nonsense",), 2),
        ((), 2),
    ],
)
def test_the_exit_code_says_how_it_went(place: Path, arguments: tuple[str, ...], code: int) -> None:
    where = () if "--server" in arguments else ("--store", store(place))
    ran = process(*where, *arguments, cwd=place)
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err
    if code > 1:
        assert ran.out == ""
        assert ran.err


def test_results_are_on_stdout_and_all_else_is_on_stderr(place: Path) -> None:
    ran = process("--store", store(place), "run", "ask", "--question", "why", "-o", "json", cwd=place)
    assert json.loads(ran.out)["status"] == "suspended"
    assert ran.err == ""
    ran = process("--store", store(place), "run", "ask", "--question", "why", cwd=place)
    assert "lets it go on" in ran.err
    assert "lets it go on" not in ran.out


def test_what_an_app_and_its_workflows_print_goes_to_stderr(place: Path) -> None:
    (place / "nexus_app.py").write_text(
        "import subprocess, sys\nfrom nexus import AsyncNexus\nprint('loading')\napp = AsyncNexus()\n"
        "@app.workflow('talk')\ndef talk():\n    print('hello')\n"
        "    subprocess.run([sys.executable, '-c', \"print('child')\"], check=True)\n    return 1\n"
    )
    ran = process("--store", store(place), "run", "talk", "-o", "json", cwd=place)
    assert ran.json["outputs"] == 1
    assert {"loading", "hello", "child"} <= set(ran.err.split())
    assert process("--store", store(place), "sessions", "list", "-o", "json", cwd=place).json["total"] == 1


def test_the_same_store_is_used_by_one_process_after_another(place: Path) -> None:
    for _ in range(2):
        assert process("--store", store(place), "run", "count", "--to", "2", "--session", "s", cwd=place).code == 0
    shown = json.loads(process("--store", store(place), "-o", "json", "sessions", "show", "s", cwd=place).out)
    assert shown["state"] == {"seen": [0, 1, 0, 1]}


def test_the_default_store_is_in_the_users_data_folder(place: Path) -> None:
    assert process("sessions", "create", "mine", cwd=place).code == 0
    assert list((place / "data").rglob("*.sqlite3"))
    assert process("sessions", "list", "-o", "id", cwd=place).out == "mine\n"


def test_the_store_of_the_app_is_used_where_none_is_given(place: Path) -> None:
    (place / "nexus_app.py").write_text(APP.replace("AsyncNexus()", "AsyncNexus(store='sqlite:///mine.sqlite3')"))
    process("sessions", "create", "s", cwd=place)
    assert (place / "mine.sqlite3").exists()


def test_a_reader_that_goes_away_is_met_with_silence(place: Path) -> None:
    with started("sessions", "create", "--store", store(place), cwd=place) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.wait(30) == 141
        assert running.stderr.read() == ""


def test_a_stderr_that_goes_away_changes_no_exit_code(place: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "nexus_tui", "sessions", "show", "nobody", "--store", store(place)],
        cwd=place, stdout=subprocess.PIPE, stderr=writer, env=environment(place), timeout=60, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stdout) == (3, b"")


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_an_interrupt_ends_following_with_130_and_no_traceback(place: Path) -> None:
    process("--store", store(place), "sessions", "create", "s", cwd=place)
    with started("events", "--follow", "-o", "jsonl", "--store", store(place), cwd=place) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert json.loads(running.stdout.readline())["type"] == "session.created"
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
        assert running.stderr.read() == ""


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_an_interrupted_run_keeps_its_steps_and_is_gone_on_with(place: Path) -> None:
    (place / "nexus_app.py").write_text(
        "import time\nfrom nexus import AsyncNexus\napp = AsyncNexus()\n"
        "@app.workflow('slow')\ndef slow(run):\n    for number in run.steps(range(40)):\n        time.sleep(0.05)\n"
        "        run.state['seen'] = [*run.state.get('seen', []), number]\n"
    )
    with started("run", "slow", "--session", "s", "--store", store(place), cwd=place) as running:
        with started("events", "--follow", "-o", "jsonl", "--store", store(place), cwd=place) as events:
            assert events.stdout is not None
            for line in events.stdout:
                if json.loads(line)["type"] == "checkpoint.saved":
                    break
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
        assert running.stderr is not None
        assert "nexus sessions resume s" in running.stderr.read()
    ran = process("--store", store(place), "-o", "json", "sessions", "resume", "s", cwd=place)
    assert ran.code == 0, ran.err
    shown = json.loads(ran.out)
    assert (shown["status"], shown["state"]["seen"]) == ("active", list(range(40)))


def test_followed_events_come_from_other_processes(place: Path) -> None:
    process("--store", store(place), "sessions", "create", "first", cwd=place)
    with started("events", "--follow", "-o", "jsonl", "--store", store(place), cwd=place) as running:
        assert running.stdout is not None
        assert json.loads(running.stdout.readline())["session_id"] == "first"
        process("--store", store(place), "sessions", "create", "second", cwd=place)
        assert json.loads(running.stdout.readline())["session_id"] == "second"


def test_a_watched_list_writes_each_row_that_changed(place: Path) -> None:
    process("--store", store(place), "sessions", "create", "a", cwd=place)
    with started("sessions", "list", "--watch", "-o", "jsonl", "--store", store(place), cwd=place) as running:
        assert running.stdout is not None
        assert json.loads(running.stdout.readline())["id"] == "a"
        process("--store", store(place), "sessions", "create", "b", cwd=place)
        assert json.loads(running.stdout.readline())["id"] == "b"
        process("--store", store(place), "sessions", "end", "a", cwd=place)
        ended = json.loads(running.stdout.readline())
        assert (ended["id"], ended["status"]) == ("a", "completed")


def test_watching_a_session_returns_when_another_process_ends_it(place: Path) -> None:
    process("--store", store(place), "sessions", "create", "a", cwd=place)
    with started("sessions", "watch", "a", "-o", "jsonl", "--store", store(place), cwd=place) as running:
        assert running.stdout is not None
        assert json.loads(running.stdout.readline())["type"] == "session.created"
        process("--store", store(place), "sessions", "end", "a", cwd=place)
        assert json.loads(running.stdout.readline())["type"] == "session.ended"
        assert running.wait(30) == 0


def test_a_worker_takes_background_runs_and_stops_in_order(place: Path) -> None:
    process("--store", store(place), "run", "count", "--session", "s", "--to", "3", "--background", cwd=place)
    with started("worker", "--store", store(place), cwd=place) as running:
        assert running.stderr is not None
        assert "executing ask, count, echo, fail" in running.stderr.readline()
        assert process("--store", store(place), "sessions", "watch", "s", "-q", cwd=place).code == 2
        wait_until_done(place, "s")
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
        assert "stopping" in running.stderr.read()


def wait_until_done(place: Path, session_id: str) -> None:
    """Wait for the end of the run, by a group's own waiting: it needs no clock."""
    with started(
        "events", "--follow", "-o", "jsonl", "--session", session_id, "--store", store(place), cwd=place
    ) as ran:
        assert ran.stdout is not None
        for line in ran.stdout:
            if json.loads(line)["type"] == "run.completed":
                return
    raise AssertionError("the run did not end")


def test_the_module_and_the_second_entry_point_are_the_same_program(place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from nexus_tui.cli.main import console_main; sys.exit(console_main())"],
        cwd=place, env=environment(place), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "the console needs a terminal" in done.stderr


def test_the_version_is_told_also_where_nothing_is_installed(place: Path) -> None:
    ran = process("--version", cwd=place)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("nexus ")
