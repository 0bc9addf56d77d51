"""Choice: one of a few words on one line, changed with the arrow keys, space, or a click."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.reactive import reactive

from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_widgets import Toned, cell_width


class Choice(ToneLines, can_focus=True):
    """Shows all words, the chosen one with a filled dot."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,down,space", "move(1)", "Next", show=False),
        Binding("left,up", "move(-1)", "Previous", show=False),
    ]

    index: reactive[int] = reactive(0)
    """Which word is chosen."""

    def __init__(self, words: Sequence[str], *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._words = tuple(words)

    @property
    def value(self) -> str:
        """The chosen word."""
        return self._words[self.index]

    def on_mount(self) -> None:
        """Draw the words."""
        self.watch_index()

    def watch_index(self) -> None:
        """Draw the words."""
        self.lines = (Line(tuple(self._part(index) for index in range(len(self._words)))),)

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked."""
        x = 0
        for index in range(len(self._words)):
            x += cell_width(self._part(index).text)
            if event.x < x:
                self.index = index
                return

    def action_move(self, step: int) -> None:
        """Choose the next word, or the one before; it goes round."""
        self.index = (self.index + step) % len(self._words)

    def _part(self, index: int) -> Toned:
        chosen = index == self.index
        return Toned(f"{'◉' if chosen else '○'} {self._words[index]}   ", "info" if chosen else "muted")
