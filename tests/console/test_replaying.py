"""A recording in the console: played, held, moved through, and never changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus_tui.replay.player import Player
from nexus_tui.replay.reading import read_tape
from nexus_tui.replay.target import ReplayTarget
from tests.console.driving import NARROW, WIDE, Driven, RememberingConsole
from tests.console.test_replay import Stopwatch, told


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_recording_is_moved_through_by_keys(tmp_path: Path, size: tuple[int, int]) -> None:
    path, watch = tmp_path / "x.jsonl", Stopwatch()
    await told(path)
    player = Player(read_tape(path), playing=False, stopwatch=watch)
    target = ReplayTarget(path, player)
    console = RememberingConsole(target, read_only=True, clock=player.clock, beat=0, player=player)
    async with console.run_test(size=size) as pilot:
        driven = Driven(console, pilot)
        await driven.until(lambda: console.feed.link.state == "live")
        await driven.beat()
        assert "◉ REPLAY" in driven.text
        assert "‖ \u00d71" in driven.text
        await driven.until(lambda: driven.table.total == 1)
        # What moves a recording is what its footer is for.
        assert " p pause  ⏎ open  ← back  → on" in driven.text.splitlines()[-1]
        await driven.press("at")
        await driven.write("100%")
        await driven.press("enter")
        await driven.beat()
        await driven.until(lambda: driven.table.total == 4)
        assert "■ \u00d71" in driven.text
        await driven.press("e")
        assert "read-only" in driven.told
        for _ in range(3):
            await driven.press("left")
        assert player.share == pytest.approx(0.97, abs=0.005)
        await driven.press("shift+left")
        await driven.press("shift+right", "shift+right")
        await driven.press("plus", "plus")
        assert player.speed == 4
        await driven.press("minus")
        assert player.speed == 2
        await driven.press("p")
        assert player.is_playing
        watch.at += 1000
        await driven.until(lambda: not player.is_playing)
        await driven.until(lambda: driven.table.total == 4)
        await driven.press("at")
        await driven.write("never")
        await driven.press("enter")
        await driven.until(lambda: "That is no time" in driven.told)
        driven.main.do_seek("0%")
        await driven.beat()
        await driven.until(lambda: driven.table.total == 1)
