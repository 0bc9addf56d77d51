"""ChangesDialog: what was or would be changed, line by line, and what may be done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from nexus_tui.screens.plan import rows_that_fit
from nexus_widgets import DiffView, clean


@dataclass(frozen=True, slots=True)
class Way:
    """Something that may be done: a key, and what it is called."""

    name: str
    key: str
    label: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two values to compare, by name."""

    before_name: str
    before: Mapping[str, Any]
    after_name: str
    after: Mapping[str, Any]


class ChangesDialog(ModalScreen[str | None]):
    """Gives the name of the way that was chosen, or nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave", show=False)]

    def __init__(
        self,
        heading: str,
        told: Sequence[str],
        ways: Sequence[Way],
        pair: Pair | None = None,
        *,
        is_trouble: bool = False,
    ) -> None:
        """Make a dialog.

        Args:
            heading: What it is about.
            told: Lines above the differences.
            ways: What may be done; the first by Enter too.
            pair: What is compared, if anything is.
            is_trouble: Whether something went wrong.
        """
        super().__init__(classes="dialog")
        self._heading = heading
        self._told = tuple(told)
        self._ways = tuple(ways)
        self._pair = pair
        self._is_trouble = is_trouble

    def compose(self) -> ComposeResult:
        """A frame with lines, differences, and a button for each way."""
        with Vertical(
            classes="dialog--frame plan--frame -final" if self._is_trouble else "dialog--frame plan--frame"
        ) as frame:
            frame.border_title = Text(clean(self._heading, limit=120))
            for line in self._told:
                yield Static(Text(clean(line, limit=600)), classes="dialog--told")
            if self._pair is not None:
                yield DiffView(id="changes-diff")
            with Horizontal(classes="dialog--buttons"):
                for at, way in enumerate(self._ways):
                    yield Button(Text(f"{'⏎' if at == 0 else way.key} {way.label}"), id=f"way-{way.name}",
                                 variant="default" if at else "primary", compact=True)  # fmt: skip
                yield Button(Text("esc Leave"), id="leave", compact=True)

    def on_mount(self) -> None:
        """Let the arrow keys go through the differences."""
        if self._pair is None:
            self.query_one(f"#way-{self._ways[0].name}").focus()
            return
        view = self.query_one("#changes-diff", DiffView)
        view.set_values(
            dict(self._pair.before), dict(self._pair.after),
            before_name=self._pair.before_name, after_name=self._pair.after_name,
        )  # fmt: skip
        self.on_resize()
        view.focus()

    def on_resize(self) -> None:
        """Leave room for what is told above the differences."""
        if self._pair is not None:
            view = self.query_one("#changes-diff", DiffView)
            view.styles.height = min(len(view.changes) + 1, rows_that_fit(self.app.size.height, 13))

    def on_key(self, event: events.Key) -> None:
        """Take the way of a key."""
        if event.key == "enter" and not isinstance(self.focused, Button):
            event.stop()
            self.dismiss(self._ways[0].name)
        for way in self._ways:
            if event.key == way.key:
                event.stop()
                self.dismiss(way.name)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the way of a button."""
        event.stop()
        name = (event.button.id or "").removeprefix("way-")
        self.dismiss(None if name == "leave" else name)

    def action_leave(self) -> None:
        """Leave it."""
        self.dismiss(None)
