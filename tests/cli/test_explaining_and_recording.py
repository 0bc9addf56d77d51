"""``nexus sessions why``, ``nexus events record`` and ``nexus console --dump``, as lines and as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from nexus_tui.replay.player import Player
from nexus_tui.replay.reading import read_tape
from nexus_tui.replay.service import ReplayService
from tests.cli.support import Line
from tests.running import command, environment


def test_why_says_what_a_session_waits_for_and_what_helps(line: Line) -> None:
    line("run", "ask", "--session", "asked", "--question", "why?", "--background")
    told = line("sessions", "why", "asked")
    assert told.code == 0
    assert "asked" in told.out
    shown = line("sessions", "why", "asked", "-o", "json").json
    assert shown["id"] == "asked"
    assert shown["verdict"]
    assert all(remedy["command"].startswith("nexus ") for remedy in shown["remedies"] if remedy["command"])


def test_why_of_a_failure_gives_the_command_that_goes_on_from_its_checkpoint(line: Line) -> None:
    line("run", "fail", "--session", "broken")
    shown = line("sessions", "why", "broken", "-o", "json").json
    assert "it broke" in shown["verdict"]
    commands = [remedy["command"] or "" for remedy in shown["remedies"]]
    assert any("sessions resume broken --checkpoint checkpoint-" in each for each in commands)


def test_why_of_nothing_is_not_found(line: Line) -> None:
    assert line("sessions", "why", "nosuch").code == 3


def test_dump_prints_what_sessions_list_prints(line: Line) -> None:
    for number in range(5):
        line("sessions", "create", f"s{number}")
    line("run", "fail", "--session", "broken")
    for options in ((), ("-q", "status:failed"), ("--sort", "id", "--limit", "2")):
        dumped = line("console", "--dump", "json", *options)
        assert dumped.code == 0
        assert dumped.out == line("sessions", "list", "-o", "json", *options).out


def test_dump_of_several_contexts_says_where_each_is(line: Line, folder: Path) -> None:
    assert line("console", "--all-contexts", "--dump", "json").code == 2
    for name in ("prod", "staging"):
        line("contexts", "add", name, "--store", f"sqlite:///{folder / name}.sqlite3")
        line("sessions", "create", "same", "--context", name)
    line("sessions", "create", "more", "--context", "staging")
    both = line("console", "--context", "prod,staging", "--dump", "json", "--sort", "id")
    assert both.code == 0
    assert [(each["context"], each["id"]) for each in both.json["items"]] == [
        ("staging", "more"), ("prod", "same"), ("staging", "same"),
    ]  # fmt: skip
    assert both.json["total"] == 3
    assert line("console", "--all-contexts", "--dump", "json", "--sort", "id").out == both.out
    alone = line("sessions", "list", "--context", "prod", "-o", "json").json["items"][0]
    assert [each for each in both.json["items"] if each["context"] == "prod"] == [{"context": "prod", **alone}]
    assert line("console", "--all-contexts", "--context", "prod", "--dump", "json").code == 2


def test_dump_refuses_what_it_can_not_do(line: Line) -> None:
    assert line("console", "--dump", "xml").code == 2
    assert line("console", "--dump", "json", "-q", "statsu:failed").code == 2
    assert line("console", "-q", "status:failed").code == 2


def test_a_recording_is_written_until_it_is_interrupted_and_can_be_played(folder: Path) -> None:
    store, file = f"sqlite:///{folder / 'store.sqlite3'}", folder / "x.jsonl"
    env = environment(store)
    subprocess.run(command("sessions", "create", "before"), env=env, cwd=folder, check=True, capture_output=True)
    process = subprocess.Popen(command("events", "record", str(file)), env=env, cwd=folder, stderr=subprocess.PIPE)
    try:
        wait_for(file, b'"before"', process)
        subprocess.run(command("run", "count", "--session", "counted", "--to", "3"), env=env, cwd=folder, check=True,
                       capture_output=True)  # fmt: skip
        wait_for(file, b'"run.completed"', process)
        wait_for(file, b'"last_checkpoint":"checkpoint-', process)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert b"recorded" in said
    assert file.stat().st_mode & 0o077 == 0
    again = subprocess.run(
        command("events", "record", str(file)), env=env, cwd=folder, capture_output=True, check=False
    )
    assert again.returncode == 2
    player = Player(read_tape(file), playing=False)
    assert set(player.tape.world.subjects) >= {"before"}
    player.seek(player.tape.end)
    assert player.tape.world.subjects["counted"].session.state["seen"] == [0, 1, 2]
    assert ReplayService(player).caller.scope == "read"
    dumped = subprocess.run(command("console", "--replay", str(file), "--dump", "json", "--sort", "id"),
                            env=env, cwd=folder, capture_output=True, check=True)  # fmt: skip
    assert [item["id"] for item in json.loads(dumped.stdout)["items"]] == ["before", "counted"]


def wait_for(file: Path, text: bytes, process: subprocess.Popen[bytes]) -> None:
    """Return once a text stands in the file."""
    end = time.monotonic() + 60
    while not (file.exists() and text in file.read_bytes()):
        assert process.poll() is None
        assert time.monotonic() < end, file.read_bytes()[-500:] if file.exists() else "no file"
        time.sleep(0.05)


def test_a_recording_that_is_no_recording_is_refused_before_a_terminal_is_touched(folder: Path) -> None:
    master, slave = os.openpty()
    (folder / "x").write_text("hello")
    done = subprocess.run([sys.executable, "-m", "nexus_tui", "console", "--replay", "x"], cwd=folder, stdin=slave,
                          stdout=slave, stderr=subprocess.PIPE, env=environment("memory://"), check=False)  # fmt: skip
    os.close(slave)
    os.close(master)
    assert done.returncode == 2
    assert b"line 1 of the recording" in done.stderr
