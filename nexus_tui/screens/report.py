"""ReportDialog: what came of a change to several sessions, when not all went well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from nexus_tui.steering import Outcome
from nexus_widgets import clean


class ReportDialog(ModalScreen[None]):
    """Names each session that was left as it was, and why."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "leave", "Close", show=False)]

    def __init__(self, heading: str, outcomes: Sequence[Outcome]) -> None:
        """Make a report.

        Args:
            heading: What was done to how many.
            outcomes: Those that failed.
        """
        super().__init__(classes="dialog")
        self._heading = heading
        self._outcomes = tuple(outcomes)

    def compose(self) -> ComposeResult:
        """A frame with a line for each."""
        with Vertical(classes="dialog--frame -final") as frame:
            frame.border_title = Text("Not all went well")
            yield Static(Text(clean(self._heading)), classes="dialog--told")
            with VerticalScroll(classes="dialog--list"):
                for outcome in self._outcomes:
                    reason = outcome.error.message if outcome.error else ""
                    line = Text(f"✖ {clean(outcome.session_id, limit=128)}", "bold")
                    yield Static(line.append(f"  {clean(reason, limit=400)}", "not bold"))
            yield Static(Text("They stay marked. esc closes this."), classes="dialog--label")

    def on_mount(self) -> None:
        """Let the arrow keys scroll."""
        self.query_one(VerticalScroll).focus()

    def action_leave(self) -> None:
        """Close it."""
        self.dismiss(None)
