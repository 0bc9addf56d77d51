"""AboutPane: a session's record and its last run, labelled."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.viewmodels.session_facts import Fact
from nexus_widgets import Toned
from nexus_widgets.wrapping import wrapped

_LABEL = 12


class AboutPane(VerticalScroll):
    """Facts beneath each other; long ones go on in the next line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False, id="line.down"),
        Binding("k", "scroll_up", "Up", show=False, id="line.up"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._facts: list[Fact] = []

    def compose(self) -> ComposeResult:
        """All lines."""
        yield ToneLines()

    def on_resize(self) -> None:
        """Break long facts for the width there is now."""
        self.show(self._facts)

    def show(self, facts: list[Fact]) -> None:
        """Draw the facts.

        Args:
            facts: Labels and values.
        """
        self._facts = facts
        room = max(self.scrollable_content_region.width - _LABEL - 1, 20)
        lines: list[Line] = []
        for label, value in facts:
            first, *rest = wrapped(value.text, room)
            lines.append(Line((Toned(f"{label:<{_LABEL}}", "muted"), Toned(first, value.tone))))
            lines += [Line((Toned(" " * _LABEL), Toned(each, value.tone))) for each in rest]
        self.query_one(ToneLines).lines = tuple(lines)
