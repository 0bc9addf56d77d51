"""ReplayBar: where a recording has come to, whether it plays and how fast, over how much happens along it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget

from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.replay.player import Player
from nexus_tui.viewmodels.words import clock_time, moment
from nexus_widgets import Scrubber, Toned

_PARTS = 400
"""Parts of the recording for which events are counted: more than a terminal is wide."""


class ReplayBar(Widget):
    """One line, only there while a recording is played."""

    def __init__(self, player: Player, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._player = player

    def compose(self) -> ComposeResult:
        """Words, the line, and its end."""
        with Horizontal():
            yield ToneLines(id="replay-where")
            yield Scrubber(amounts(self._player), id="replay-line")
            yield ToneLines(id="replay-end")

    def on_mount(self) -> None:
        """Move with the time, a few times a second."""
        self.set_interval(0.2, self.draw)
        self.draw()

    def draw(self) -> None:
        """Say where it is."""
        player = self._player
        player.catch_up()
        state = "▶" if player.is_playing else "■" if player.is_over else "‖"
        words = (
            Toned(f" {state} \u00d7{speed_of(player)} ", "good" if player.is_playing else "warn"),
            Toned(f"{moment(player.now)} "),
        )
        self._line("where", words)
        end = Toned(f" {player.share * 100:3.0f} %  ends {clock_time(player.tape.end)}Z ", "muted")
        self._line("end", (end,))
        self.query_one("#replay-line", Scrubber).share = player.share

    def _line(self, name: str, words: tuple[Toned, ...]) -> None:
        line = (Line(words),)
        pane = self.query_one(f"#replay-{name}", ToneLines)
        if pane.lines != line:
            pane.lines = line


def amounts(player: Player) -> list[float]:
    """How many events there are in equal parts of a recording.

    Args:
        player: What plays it.
    """
    tape = player.tape
    span = max(tape.end - tape.start, 1e-6)
    counts = [0.0] * _PARTS
    for ts in tape.event_times(tape.start - 1, tape.end + 1):
        counts[min(max(int((ts - tape.start) / span * _PARTS), 0), _PARTS - 1)] += 1
    return counts


def speed_of(player: Player) -> str:
    """The speed in words: ``1``, ``64``, ``1/4``."""
    return f"{player.speed:g}" if player.speed >= 1 else f"1/{1 / player.speed:g}"
