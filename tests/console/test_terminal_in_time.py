"""Time in a real terminal: a recording that a process made is played, and a live store is shown as it was."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from nexus.app import AsyncNexus
from tests.cli.support import APP
from tests.cli.test_explaining_and_recording import wait_for
from tests.console.terminal import console_process
from tests.console.world import StandingClock
from tests.running import command, environment


def _recorded(folder: Path) -> Path:
    """A recording of one failed run, by the command that users have, of a store that another process uses."""
    (folder / "nexus_app.py").write_text(APP)
    file, env = folder / "night.jsonl", environment(f"sqlite:///{folder / 'sessions.db'}")
    subprocess.run(command("sessions", "create", "before"), env=env, cwd=folder, check=True, capture_output=True)
    recorder = subprocess.Popen(command("events", "record", str(file)), env=env, cwd=folder, stderr=subprocess.DEVNULL)
    try:
        wait_for(file, b'"before"', recorder)
        run = command("run", "fail", "--session", "broken")
        assert subprocess.run(run, env=env, cwd=folder, check=False, capture_output=True).returncode == 1
        wait_for(file, b'"status":"failed"', recorder)
        recorder.send_signal(signal.SIGINT)
        recorder.wait(60)
    finally:
        recorder.kill()
    return file


def test_a_recording_is_played_moved_through_and_left_in_a_real_terminal(tmp_path: Path) -> None:
    file = _recorded(tmp_path)
    with console_process(["--replay", str(file)], tmp_path, (80, 24)) as terminal:
        terminal.until(lambda text: "◉ REPLAY" in text and "before" in text)
        terminal.press("@")
        terminal.until(lambda text: "61%" in text)
        terminal.press("100%\r")
        terminal.until(lambda text: "■ \u00d71" in text and "✖ failed" in text and "broken" in text)
        terminal.press("e")
        terminal.until(lambda text: "read-only" in text)
        terminal.press("@")
        terminal.until(lambda text: "61%" in text)
        terminal.press("0%\r")
        terminal.until(lambda text: "broken" not in text and "before" in text)
        terminal.press("q")
        assert terminal.wait() == 0
    assert b"\x1b[?1049l" in terminal.output


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_a_live_store_is_shown_as_it_was_and_live_again(tmp_path: Path, size: tuple[int, int]) -> None:
    store, clock = f"sqlite:///{tmp_path / 'sessions.db'}", StandingClock(time.time() - 3000)
    async with AsyncNexus(store=store, clock=clock) as app:
        service = app.service(app.local_caller("api"))
        await service.create_session(session_id="first", timeout=36000)
        clock.at += 2000
        await service.end_session("first", status="cancelled")
        await service.create_session(session_id="second", timeout=36000)
    with console_process(["--store", store], tmp_path, size) as terminal:
        terminal.until(lambda text: "● LIVE" in text and "second" in text and "cancelled" in text)
        terminal.press("@")
        terminal.until(lambda text: "10m (ago)" in text)
        terminal.press("30m\r")
        terminal.until(lambda text: "◀ PAST" in text and "30m" in text and "second" not in text and "○ active" in text)
        terminal.press("x")
        terminal.until(lambda text: "0 returns to live" in text)
        terminal.press("0")
        terminal.until(lambda text: "● LIVE" in text and "second" in text and "◀ PAST" not in text)
        terminal.press("q")
        assert terminal.wait() == 0
