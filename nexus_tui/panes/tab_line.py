"""TabLine: the names of all panes with their keys, those that are shown in colour. A click shows one."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from textual import events
from textual.message import Message

from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_widgets import Toned, cell_width


class TabLine(ToneLines):
    """One line of names, numbered from 1."""

    class Chosen(Message):
        """A name was clicked."""

        def __init__(self, name: str) -> None:
            self.name = name
            super().__init__()

    def __init__(self, names: Sequence[str], *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._names = tuple(names)

    def show(self, shown: Collection[str], counts: dict[str, int]) -> None:
        """Draw the names.

        Args:
            shown: Those whose panes are in view.
            counts: How much is in a pane, where that can be said.
        """
        parts = [Toned(" ")]
        for number, name in enumerate(self._names, 1):
            is_shown = name in shown
            many = f" {counts[name]}" if counts.get(name) else ""
            parts.append(Toned(f"{number} ", "info" if is_shown else "muted"))
            parts.append(Toned(f"{name}{many}", "cat1" if is_shown else "muted"))
            parts.append(Toned("  " if counts else " "))
        self.lines = (Line(tuple(parts)),)

    def on_click(self, event: events.Click) -> None:
        """Tell what was clicked."""
        x = 1
        parts = self.lines[0].left[1:] if self.lines else ()
        for index, name in enumerate(self._names):
            x += sum(cell_width(part.text) for part in parts[index * 3 : index * 3 + 3])
            if event.x < x:
                self.post_message(self.Chosen(name))
                return
