"""LogScreen: what was done here, each as the command line and the HTTP request that would do the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from nexus_tui.equivalents import Action, ActionLog
from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.viewmodels.held_rows import HeldRows
from nexus_tui.viewmodels.words import clock_time, plural
from nexus_widgets import Column, Row, Tone, Toned, VirtualTable, clean
from nexus_widgets.wrapping import wrapped

_COLUMNS = (
    Column("time", "TIME", 8, sortable=False, priority=3),
    Column("what", "WHAT", 24, min_width=12, flex=1, sortable=False, priority=4),
    Column("came", "CAME OF IT", 12, sortable=False, priority=2),
)
_SHOWN = 3
"""Lines of one kind that are shown of an action on many sessions; all are copied."""


class LogScreen(ModalScreen[None]):
    """The actions above, newest first; below, what is like the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", show=False),
        Binding("tilde", "leave", "Close", show=False, id="dialog.log"),
        Binding("y", "copy(0)", "Copy the command line", show=False),
        Binding("Y", "copy(1)", "Copy the request", show=False),
    ]

    def __init__(self, log: ActionLog) -> None:
        """Show what was done.

        Args:
            log: The actions.
        """
        super().__init__(classes="dialog")
        self._actions: Sequence[Action] = tuple(reversed(log.actions))
        rows = HeldRows()
        rows.rows = tuple(Row(str(at), _cells(action)) for at, action in enumerate(self._actions))
        self._table = VirtualTable(_COLUMNS, rows, empty="nothing was done yet", id="log-table")

    def compose(self) -> ComposeResult:
        """A frame with the actions, and what is like one of them."""
        with Vertical(classes="dialog--frame log--frame") as frame:
            frame.border_title = Text("Command log")
            yield self._table
            with VerticalScroll(id="log-like"):
                yield ToneLines(id="log-lines")
            yield Static(Text("y copies the command line · Y the request · esc closes"), classes="dialog--label")

    def on_mount(self) -> None:
        """Start at the newest."""
        self._table.focus()
        self.call_after_refresh(self._draw)

    def on_resize(self) -> None:
        """Break lines for the width there is now."""
        self.call_after_refresh(self._draw)

    def on_virtual_table_row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        """Show what is like the action that was gone to."""
        event.stop()
        self._draw()

    def action_leave(self) -> None:
        """Close it."""
        self.dismiss(None)

    def action_copy(self, kind: int) -> None:
        """Copy command lines (0) or requests (1), all of them."""
        action = self._chosen()
        if action is None:
            return
        lines = action.like.requests if kind else action.like.commands
        self.app.copy_to_clipboard("\n".join(lines))
        noun = "request" if kind else "command line"
        self.notify(f"Copied {plural(len(lines), noun)}", markup=False, timeout=2)

    def _chosen(self) -> Action | None:
        at = self._table.cursor_index
        return self._actions[at] if at < len(self._actions) else None

    def _draw(self) -> None:
        action = self._chosen()
        if action is None:
            return
        scroll = self.query_one("#log-like")
        width = max(scroll.scrollable_content_region.width, 20)
        lines: list[Line] = []
        for title, found in (("command line", action.like.commands), ("HTTP request", action.like.requests)):
            lines.append(Line((Toned(title, "cat3"),)))
            for each in found[:_SHOWN]:
                lines += [Line((Toned(f"  {part}"),)) for part in wrapped(clean(each), width - 2)]
            if len(found) > _SHOWN:
                lines.append(Line((Toned(f"  and {len(found) - _SHOWN:,} more like it", "muted"),)))
        self.query_one("#log-lines", ToneLines).lines = tuple(lines)


def _cells(action: Action) -> tuple[str, Toned, Toned]:
    if not action.of:
        return clock_time(action.at), Toned(clean(action.what, limit=200)), Toned("looked", "muted")
    tone: Tone = "good" if action.done == action.of else "bad"
    glyph = "✓" if action.done == action.of else "✖"
    return clock_time(action.at), Toned(clean(action.what, limit=200)), Toned(
        f"{glyph} {action.done:,} of {action.of:,}", tone
    )  # fmt: skip
