"""HelpScreen: every key of a screen, made from the declarations of commands, and why some do nothing now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from nexus_tui.commands import SECTIONS, Command, Section
from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.viewmodels.words import NOTHING, STATUS_MARKS
from nexus_widgets import Toned, cell_width, clean
from nexus_widgets.wrapping import wrapped

_KEY_WIDTH = 12
_LONGEST_KEYS = 24
_ROOM_FOR_NAMES = 100
_FRAME = 104
"""Cells of the frame where there is room for it."""


class HelpScreen(ModalScreen[None]):
    """Keys by section, and what the glyphs mean."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "leave", "Close", show=False),
        Binding("question_mark", "leave", "Close", show=False, id="dialog.help"),
        Binding("j,down", "scroll(1)", "Down", show=False, id="line.down"),
        Binding("k,up", "scroll(-1)", "Up", show=False, id="line.up"),
    ]

    def __init__(self, commands: Sequence[Command], refusal: Callable[[Command], str]) -> None:
        """Make the help of a screen.

        Args:
            commands: The screen's, with the keys that are in force.
            refusal: Why a command does nothing here and now; nothing for one that works.
        """
        super().__init__(classes="dialog")
        self._commands = tuple(commands)
        # Keys that the user chose may be longer than those declared.
        self._key_width = min(max(_KEY_WIDTH, *(cell_width(each.key) for each in commands)), _LONGEST_KEYS)
        self._refusal = refusal

    def compose(self) -> ComposeResult:
        """Sections beneath each other, in a frame that scrolls."""
        with Vertical(classes="dialog--frame help--frame") as frame:
            frame.border_title = Text("Keys")
            frame.border_subtitle = Text("esc closes")
            with VerticalScroll(id="help-scroll"):
                for section in SECTIONS:
                    commands = [each for each in self._commands if each.section == section]
                    if commands:
                        yield from self._section(section, commands)
                yield Static(Text("Glyphs"), classes="help--section")
                yield self._lines([_glyphs()])

    def on_mount(self) -> None:
        """Let the arrow keys scroll."""
        self.query_one("#help-scroll").focus()

    def action_leave(self) -> None:
        """Close it."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one("#help-scroll").scroll_relative(y=lines, animate=False)

    def _section(self, section: Section, commands: list[Command]) -> ComposeResult:
        """A heading and a line for each command; what stops all of them is said once, in the heading."""
        reasons = [self._refusal(command) for command in commands]
        shared = reasons[0] if len(set(reasons)) == 1 else ""
        yield Static(Text(f"{section}  ({clean(shared)})" if shared else section), classes="help--section")
        lines = [self._of(each, reason, shared) for each, reason in zip(commands, reasons, strict=True)]
        yield self._lines([line for found in lines for line in found])

    def _of(self, command: Command, reason: str, shared: str) -> list[Line]:
        """A command, and why it doesn't work now; its ``:`` name stands at the right where there is room."""
        is_named = not command.native and self.app.size.width >= _ROOM_FOR_NAMES
        named = f":{command.name} {command.argument}".rstrip() if is_named else ""
        keys = Toned(f"{command.key or NOTHING:<{self._key_width}} ", "muted" if reason else "info")
        text = Toned(command.help, "muted" if reason else "plain")
        right = (Toned(f"  {named} ", "muted"),) if named else ()
        why = (Toned(f"✖ {reason}", "warn"),) if reason and reason != shared else ()
        first, *rest = wrapped(command.help, self._room - cell_width(right[0].text if right else ""))
        indent = Toned(" " * (self._key_width + 1))
        lines = [
            Line((keys, Toned(first, text.tone)), right),
            *(Line((indent, Toned(part, text.tone))) for part in rest),
        ]
        if why and not rest and cell_width(f"{first}  {why[0].text}{named}") + 4 <= self._room:
            return [Line((keys, Toned(first, text.tone), Toned("  "), *why), right)]
        return [*lines, Line((indent, *why))] if why else lines

    @property
    def _room(self) -> int:
        """Cells for what a command does: the frame's, without its borders, the scroll bar and the keys."""
        frame = min(_FRAME, self.app.size.width * 96 // 100)
        return max(frame - 8 - self._key_width - 1, 20)

    @staticmethod
    def _lines(lines: list[Line]) -> ToneLines:
        drawn = ToneLines(classes="help--lines")
        drawn.set_reactive(ToneLines.lines, tuple(lines))
        return drawn


def _glyphs() -> Line:
    return Line(tuple(Toned(f"{mark.text}   ", mark.tone) for mark in STATUS_MARKS.values()))
