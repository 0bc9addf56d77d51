"""HelpScreen: every key of a screen, made from the declarations of commands."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from nexus_tui.commands import SECTIONS, Command, Place, Section, commands_of
from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.viewmodels.words import STATUS_MARKS
from nexus_widgets import Toned

_KEY_WIDTH = 12
_ROOM_FOR_NAMES = 100


class HelpScreen(ModalScreen[None]):
    """Keys by section, and what the glyphs mean."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "leave", "Close", show=False),
        Binding("j", "scroll(1)", "Down", show=False),
        Binding("k", "scroll(-1)", "Up", show=False),
    ]

    def __init__(self, place: Place, *, read_only: bool) -> None:
        """Make the help of a screen.

        Args:
            place: The screen.
            read_only: Whether changes are refused, which is said then.
        """
        super().__init__(classes="dialog")
        self._place = place
        self._read_only = read_only

    def compose(self) -> ComposeResult:
        """Sections beneath each other, in a frame that scrolls."""
        with Vertical(classes="dialog--frame help--frame") as frame:
            frame.border_title = Text("Keys")
            frame.border_subtitle = Text("esc closes")
            with VerticalScroll(id="help-scroll"):
                for section in SECTIONS:
                    yield Static(Text(self._title(section)), classes="help--section")
                    yield self._lines(
                        [self._line(each) for each in commands_of(self._place) if each.section == section]
                    )
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

    def _title(self, section: Section) -> str:
        return f"{section} (refused: this console is read-only)" if section == "Steer" and self._read_only else section

    def _line(self, command: Command) -> Line:
        """A command; its ``:`` name stands at the right where there is room."""
        is_named = not command.native and self.app.size.width >= _ROOM_FOR_NAMES
        named = f":{command.name} {command.argument}".rstrip() if is_named else ""
        keys = Toned(f"{command.key:<{_KEY_WIDTH}} ", "info")
        return Line((keys, Toned(command.help)), (Toned(f"  {named} ", "muted"),) if named else ())

    @staticmethod
    def _lines(lines: list[Line]) -> ToneLines:
        drawn = ToneLines(classes="help--lines")
        drawn.set_reactive(ToneLines.lines, tuple(lines))
        return drawn


def _glyphs() -> Line:
    return Line(tuple(Toned(f"{mark.text}   ", mark.tone) for mark in STATUS_MARKS.values()))
