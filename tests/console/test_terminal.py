"""The console as its users start it: a process in a real terminal, on a store that another process also uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nexus.app import AsyncNexus
from nexus_tui import app as console_module
from tests.console.terminal import ROOT, console_process
from tests.console.world import World


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'sessions.sqlite3'}"


async def test_it_starts_acts_and_leaves_the_terminal_as_it_was(store: str, tmp_path: Path) -> None:
    async with AsyncNexus(store=store) as app:
        service = app.service(app.local_caller("api"))
        made = await service.create_session(session_id="session-123", metadata={"\x1b]0;owned\x07": "\x1b[2J"})
        with console_process(["--store", store], tmp_path) as terminal:
            terminal.until(lambda text: "session-123" in text and "● LIVE" in text)
            terminal.press("e")
            terminal.until(lambda text: "Live longer by" in text)
            terminal.press("\r")
            terminal.until(lambda text: "Extended by 10m: session-123" in text)
            terminal.press("\r")
            terminal.until(lambda text: "timeline" in text)
            terminal.press("2")
            terminal.until(lambda text: "]0;owned" in text)
            terminal.press("q")
            assert terminal.wait() == 0
        assert b"\x1b[?1049l" in terminal.output
        assert b"\x1b]0;" not in terminal.output
        assert b"\x1b]52;" not in terminal.output
        after = await service.get_session("session-123")
    assert made.expires_at is not None
    assert after.expires_at == made.expires_at + 600


async def test_a_state_is_edited_in_the_users_editor_and_the_console_takes_the_terminal_back(
    store: str, tmp_path: Path
) -> None:
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import pathlib, signal, sys\n"
        # At once: Python would take no notice of one that comes after the prompt and before the reading.
        "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "print('EDITING', path.read_text().strip(), flush=True)\n"
        "line = input('what instead? ')\n"
        "path.write_text(line)\n",
        encoding="utf-8",
    )
    async with AsyncNexus(store=store) as app:
        service = app.service(app.local_caller("api"))
        await service.create_session(session_id="session-123", state={"\x9b2J": 1, "n": 1})
        with console_process(
            ["--store", store], tmp_path, environ={"VISUAL": f"{sys.executable} {editor}"}
        ) as terminal:
            terminal.until(lambda text: "session-123" in text and "● LIVE" in text)
            terminal.press("m")
            terminal.until(lambda text: "EDITING" in text and "what instead?" in text)
            assert b"\\u009b2J" in terminal.output
            terminal.press("\x03")  # the editor's, not the console's
            terminal.until(lambda text: "ended with exit code" in text or "ended by signal" in text)
            terminal.press("b")
            terminal.until(lambda _: terminal.output.count(b"what instead?") == 2)
            terminal.press('{"n": 2}\r')
            terminal.until(lambda text: "~ $.n: 1 → 2" in text)
            terminal.press("a")
            terminal.until(lambda text: "State patched: session-123" in text)
            terminal.press("q")
            assert terminal.wait() == 0
        assert "\x9b".encode() not in terminal.output
        assert (await service.get_session("session-123")).state == {"n": 2}


async def test_what_another_process_does_is_shown_at_80_by_24(store: str, tmp_path: Path) -> None:
    async with AsyncNexus(store=store) as app:
        service = app.service(app.local_caller("api"))
        with console_process(["--store", store, "--read-only"], tmp_path, (80, 24)) as terminal:
            terminal.until(lambda text: "no sessions yet" in text and "READ-ONLY" in text)
            await service.create_session(session_id="made-elsewhere")
            terminal.until(lambda text: "made-elsewhere" in text)
            terminal.press("x")
            terminal.until(lambda text: "read-only" in text)
            terminal.press("q")
            assert terminal.wait() == 0
        assert (await service.get_session("made-elsewhere")).live


def test_without_a_terminal_it_says_so_and_ends_with_2(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path[:0] = sys.argv[1:]; from nexus_tui.app import run_console; sys.exit(run_console(None))"
    )
    paths = [str(ROOT / "core"), str(ROOT / "widgets"), str(ROOT)]
    done = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert b"needs a terminal" in done.stderr
    assert done.stdout == b""


def test_an_unknown_theme_is_refused_with_those_that_there_are(world: World, monkeypatch: pytest.MonkeyPatch,
                                                               capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert console_module.run_console(world, theme="nosuch") == 2
    assert "There is no theme 'nosuch': choose one of" in capsys.readouterr().err


def test_nothing_heavy_is_imported_before_the_first_paint() -> None:
    script = (
        "import sys; sys.path[:0] = sys.argv[1:]; import nexus_tui.app; "
        "print([name for name in ('httpx', 'pydantic', 'redis', 'mcp', 'starlette', 'typer') if name in sys.modules])"
    )
    paths = [str(ROOT / "core"), str(ROOT / "widgets"), str(ROOT)]
    done = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
