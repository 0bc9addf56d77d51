"""The screens and panels for finding, explaining and playing look as they did when a person last looked at them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from nexus_tui.app import NexusConsole
from nexus_tui.replay.player import Player
from nexus_tui.replay.reading import read_tape
from nexus_tui.replay.target import ReplayTarget
from tests.console.test_goldens import SIZES, THEMED, Compare, Stage, compare, connected, rest
from tests.console.world import NOW
from tests.snapshot_extension import SNAPSHOTS

VIEWS: dict[str, tuple[str, ...]] = {
    "why": ("W",),
    "why_failed": ("exclamation_mark", "home", "W"),
    "faults": ("exclamation_mark",),
    "views": ("colon", *"filter status:failed", "enter", "colon", *"view save broken", "enter", "v"),
    "command_log": ("colon", *"extend 15m", "enter", "tilde"),
    "events": ("L",),
    "events_filtered": ("L", "slash", *"type:run.failed", "enter"),
    "workflows": ("o",),
    "all_groups": ("O",),
    "all_groups_filtered": ("O", "slash", *"failed", "greater_than_sign", *"0", "enter", "w"),
    "all_groups_end": ("O", "x", "enter"),
    "help_of_the_groups": ("O", "question_mark"),
    "audit": ("A",),
    "audit_refused": ("A", "exclamation_mark"),
    "audit_verified": ("A", "v"),
    "audit_record": ("A", "j", "j", "enter"),
    "help_of_the_audit": ("A", "question_mark"),
    "help_of_a_session": ("enter", "question_mark"),
    "recalled": ("colon", *"sort age", "enter", "colon", "up"),
    "children": ("enter", "7", "right"),
    "checkpoints": ("enter", "5"),
}
SEEN_IN_THEMES = ("why", "workflows", "events", "all_groups", "audit")
REPLAYS = {"replay": "50%", "replay_over": "100%"}

pytestmark = pytest.mark.usefixtures("steady_cursor")


def keys_of(name: str) -> tuple[str, ...]:
    return tuple({" ": "space", ":": "colon", ".": "full_stop", "-": "minus"}.get(key, key) for key in VIEWS[name])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", VIEWS)
def test_view(snap_compare: Compare, name: str, size: str) -> None:
    compare(snap_compare, Stage(), size, keys_of(name))


@pytest.mark.parametrize("theme", THEMED)
@pytest.mark.parametrize("name", SEEN_IN_THEMES)
def test_theme(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, name: str, theme: str) -> None:
    if theme == "no-color":
        monkeypatch.setenv("NO_COLOR", "1")
    compare(snap_compare, Stage(), "140x40", keys_of(name), theme=None if theme == "no-color" else theme)


def a_recording(path: Path) -> ReplayTarget:
    """A minute in which six sessions run, of which one fails."""
    told: list[tuple[str, float, dict[str, Any]]] = [
        ("session.created", 0, {}),
        ("run.started", 1, {"workflow": "index-files", "run_id": "run-1"}),
    ]
    told += [("run.step", 3 + 4 * number, {"step": number}) for number in range(1, 8)]
    told += [("run.completed", 36, {}), ("session.ended", 37, {"status": "completed"})]
    events = []
    for number in range(6):
        for kind, at, data in told:
            more = {"error": "OSError: disk is full"} if number == 4 and kind == "run.completed" else data
            name = "run.failed" if more is not data else kind
            if not (number == 4 and kind == "session.ended"):
                events.append((NOW + at + number * 4, name, f"job-{number}", more))
    events.sort()
    lines = [
        {"seq": seq, "type": kind, "ts": _iso(ts), "session_id": session_id, "group_id": "night", "channel": "api",
         "actor": "alice", "version": None, "duration": None, "data": data}
        for seq, (ts, kind, session_id, data) in enumerate(events, 1)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return ReplayTarget(path, Player(read_tape(path), playing=False))


def _iso(ts: float) -> str:
    from nexus.model import iso

    return str(iso(ts))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", REPLAYS)
def test_replay(snap_compare: Compare, tmp_path: Path, name: str, size: str) -> None:
    target = a_recording(tmp_path / "night.jsonl")
    player = target.player
    console = NexusConsole(target, read_only=True, clock=player.clock, beat=0, player=player)

    async def reach(pilot: Pilot[int]) -> None:
        await connected(pilot)
        console.main.do_seek(REPLAYS[name])
        await rest(pilot)
        await console.feed.beat_once()
        await rest(pilot)

    assert snap_compare(console, terminal_size=SIZES[size], run_before=reach)


def test_every_golden_belongs_to_a_test() -> None:
    expected = {f"test_view[{name}-{size}].svg" for name in VIEWS for size in SIZES}
    expected |= {f"test_theme[{name}-{theme}].svg" for name in SEEN_IN_THEMES for theme in THEMED}
    expected |= {f"test_replay[{name}-{size}].svg" for name in REPLAYS for size in SIZES}
    assert {path.name for path in (SNAPSHOTS / "console" / "test_goldens_of_views").iterdir()} == expected
