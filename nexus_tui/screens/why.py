"""WhyScreen: why a session stands where it stands, and the commands that would help; up to date while it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from nexus.errors import NexusError
from nexus_tui.beginning import begin
from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.viewmodels.why import Explanation, explain
from nexus_widgets import Toned, cell_width, clean
from nexus_widgets.pace import Pace
from nexus_widgets.wrapping import wrapped

if TYPE_CHECKING:
    from nexus_tui.equivalents import Equivalents
    from nexus_tui.feed import Changed, Feed, Link

_LABEL = 14


class WhyScreen(ModalScreen[None]):
    """A verdict, what it rests on, and what would help."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "leave", "Close", show=False),
        Binding("W", "leave", "Close", show=False, id="dialog.why"),
        Binding("j,down", "scroll(1)", "Down", show=False, id="line.down"),
        Binding("k,up", "scroll(-1)", "Up", show=False, id="line.up"),
        *(Binding(str(number), f"copy({number})", f"Copy {number}", show=False) for number in range(1, 10)),
    ]

    def __init__(self, session_id: str, feed: Feed, equivalents: Equivalents) -> None:
        """Explain a session.

        Args:
            session_id: Which.
            feed: Where it is read.
            equivalents: How commands are written for where the console acts.
        """
        super().__init__(classes="dialog")
        self._session_id = session_id
        self._feed = feed
        self._equivalents = equivalents
        self._explanation: Explanation | None = None

    def compose(self) -> ComposeResult:
        """A frame that scrolls."""
        with Vertical(classes="dialog--frame why--frame") as frame:
            frame.border_title = Text(f"Why  {clean(self._session_id, limit=60)}")
            with VerticalScroll(id="why-scroll"):
                yield ToneLines(id="why-lines")
            yield Static(Text("1 to 9 copies that command · esc closes"), classes="dialog--label")

    def on_mount(self) -> None:
        """Read, and read again when something changes or time goes by."""
        self._pace = Pace(self, self._load_soon, per_second=4)
        self._feed.changed.subscribe(self, self._take_changes)
        self._feed.beaten.subscribe(self, self._take_beat)
        self.query_one("#why-scroll").focus()
        self._draw()
        self._load_soon()

    def on_resize(self) -> None:
        """Break lines for the width there is now."""
        self.call_after_refresh(self._draw)

    def action_leave(self) -> None:
        """Close it."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one("#why-scroll").scroll_relative(y=lines, animate=False)

    def action_copy(self, number: int) -> None:
        """Copy a command."""
        commands = self._commands()
        if number <= len(commands):
            self.app.copy_to_clipboard(commands[number - 1])
            self.notify(clean(f"Copied {commands[number - 1]}", limit=300), markup=False, timeout=3)

    def _take_changes(self, changed: Changed) -> None:
        if changed.everything or self._session_id in changed.sessions:
            self._pace.request()

    def _take_beat(self, _: Link) -> None:
        self._pace.request()

    def _load_soon(self) -> None:
        begin(self, self._load, "why", exclusive=True)

    async def _load(self) -> None:
        try:
            self._explanation = explain(await self._feed.evidence(self._session_id))
        except NexusError as error:
            if self._explanation is None:
                self._explanation = Explanation(self._session_id, Toned(clean(error.message, limit=300), "bad"))
        self._draw()

    def _commands(self) -> list[str]:
        it = self._explanation
        return [self._equivalents.command(*each.command) for each in it.remedies if each.command] if it else []

    def _draw(self) -> None:
        if not self.query("#why-scroll"):
            return  # A new width was told while it was closed.
        it = self._explanation
        if it is None:
            self.query_one("#why-lines", ToneLines).lines = (Line((Toned("looking …", "muted"),)),)
            return
        width = max(self.query_one("#why-scroll").scrollable_content_region.width, 30)
        lines = [Line((Toned(part, it.verdict.tone),)) for part in wrapped(it.verdict.text, width)]
        lines.append(Line())
        for label, value in it.facts:
            first, *rest = wrapped(value.text, width - _LABEL)
            lines.append(Line((Toned(f"{label:<{_LABEL}}", "muted"), Toned(first, value.tone))))
            lines += [Line((Toned(" " * _LABEL), Toned(part, value.tone))) for part in rest]
        lines += self._remedies(it, width)
        self.query_one("#why-lines", ToneLines).lines = tuple(lines)

    def _remedies(self, it: Explanation, width: int) -> list[Line]:
        if not it.remedies:
            return []
        lines = [Line(), Line((Toned("What would help", "cat3"),))]
        commands = iter(self._commands())
        number = 0
        for remedy in it.remedies:
            number += bool(remedy.command)
            head = f"{number}  " if remedy.command else "   "
            lines.append(Line((Toned(head, "info"), Toned(remedy.text))))
            if remedy.command:
                indent = " " * cell_width(head)
                parts = wrapped(clean(next(commands)), width - len(indent))
                lines += [Line((Toned(indent), Toned(part, "muted"))) for part in parts]
        return lines
