"""Scrubber: where something that is played has come to, over how much happens along it. A click goes elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from nexus_widgets.plot import plot_rows, squeeze
from nexus_widgets.styles import base_style, part_style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events


class Scrubber(Widget):
    """One line: blocks as high as much happens, those that were played in colour, and a mark at the place."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"scrubber--played", "scrubber--coming", "scrubber--mark"}

    DEFAULT_CSS = """
    Scrubber { height: 1; color: $foreground; }
    Scrubber > .scrubber--played { color: $text-primary; }
    Scrubber > .scrubber--coming { color: $text-muted; }
    Scrubber > .scrubber--mark { color: $text-accent; text-style: bold; }
    """

    ALLOW_SELECT = False

    share: reactive[float] = reactive(0.0)
    """Where it has come to, 0 to 1."""

    class Sought(Message):
        """A place was clicked."""

        def __init__(self, scrubber: Scrubber, share: float) -> None:
            """Remember the place, 0 to 1."""
            super().__init__()
            self.scrubber = scrubber
            self.share = share

        @property
        def control(self) -> Scrubber:
            """The scrubber that was clicked."""
            return self.scrubber

    def __init__(
        self,
        amounts: Sequence[float] = (),
        *,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  the name that every Textual widget uses
        classes: str | None = None,
    ) -> None:
        """Make a scrubber.

        Args:
            amounts: How much happens in equal parts of the whole, first to last.
            name: The widget's name.
            id: The widget's id.
            classes: The widget's CSS classes.
        """
        super().__init__(name=name, id=id, classes=classes)
        self._amounts = tuple(amounts)

    def validate_share(self, share: float) -> float:
        """Keep it between 0 and 1."""
        return min(max(share, 0.0), 1.0)

    def set_amounts(self, amounts: Sequence[float]) -> None:
        """Say how much happens along it.

        Args:
            amounts: In equal parts of the whole, first to last.
        """
        self._amounts = tuple(amounts)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw the line."""
        width = self.size.width
        if y or width <= 0:
            return Strip.blank(width, base_style(self))
        drawn = _blocks(self._amounts, width)
        at = min(int(self.share * width), width - 1)
        return Strip(
            [
                Segment(drawn[:at], part_style(self, "scrubber--played")),
                Segment("┃", part_style(self, "scrubber--mark")),
                Segment(drawn[at + 1 :], part_style(self, "scrubber--coming")),
            ],
            width,
        )

    def on_click(self, event: events.Click) -> None:
        """Tell where."""
        event.stop()
        self.post_message(self.Sought(self, event.x / max(self.size.width - 1, 1)))


def _blocks(amounts: Sequence[float], width: int) -> str:
    """Amounts as blocks of this width; where nothing happens there is a dot, so that the line is seen."""
    if not amounts:
        return "·" * width
    wide = [amounts[at * len(amounts) // width] for at in range(width)] if len(amounts) < width else None
    shown = wide if wide is not None else squeeze(amounts, width)
    row = plot_rows(shown, width, 1, kind="blocks")[0]
    return "".join("·" if not amount else char for char, amount in zip(row, shown, strict=True))
