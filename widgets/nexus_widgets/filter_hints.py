"""What hangs beneath a filter bar: completions to choose from, or a mistake pointed at."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from nexus_widgets.cells import fitted
from nexus_widgets.styles import base_style
from nexus_widgets.text import cell_width, clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

MAX_SHOWN = 8
_MAX_WIDTH = 100
_POINTER = "^"
_GUTTER = 2


@dataclass(frozen=True, slots=True)
class Completion:
    """A way to go on with a text."""

    insert: str
    """What is put in."""
    detail: str = ""
    """What it means, shown beside it."""
    start: int | None = None
    """Where the part begins that is replaced, up to the cursor, in characters; None is the start of the word."""


class FilterHints(Widget):
    """A list over the rest of the screen, or one line that points upwards."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "filter-hints--insert",
        "filter-hints--detail",
        "filter-hints--chosen",
        "filter-hints--error",
    }

    DEFAULT_CSS = """
    FilterHints {
        overlay: screen;
        constrain: none inflect;
        width: auto;
        height: auto;
        display: none;
        background: $panel;
        color: $foreground;
    }
    FilterHints > .filter-hints--insert { color: $foreground; }
    FilterHints > .filter-hints--detail { color: $text-muted; }
    FilterHints > .filter-hints--chosen {
        color: $block-cursor-foreground;
        background: $block-cursor-background;
        text-style: $block-cursor-text-style;
    }
    FilterHints > .filter-hints--error { color: $text-error; text-style: bold; }
    """

    ALLOW_SELECT = False

    class Picked(Message):
        """A completion was clicked."""

        def __init__(self, index: int) -> None:
            """Remember which."""
            self.index = index
            super().__init__()

    def __init__(self) -> None:
        """Make hints that aren't shown."""
        super().__init__()
        self._completions: tuple[Completion, ...] = ()
        self._error: tuple[str, ...] = ()
        self.chosen = -1

    @property
    def completions(self) -> tuple[Completion, ...]:
        """What can be chosen from."""
        return self._completions

    @property
    def choice(self) -> Completion | None:
        """The completion that is chosen, if one is."""
        return self._completions[self.chosen] if self.chosen >= 0 else None

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width = self.size.width
        if self._error:
            style = self.get_component_rich_style("filter-hints--error")
            return Strip([Segment(fitted(self._error[y] if y < len(self._error) else "", width), style)], width)
        index = self._first + y
        if index >= len(self._completions):
            return Strip.blank(width, base_style(self))
        return self._completion(index, width)

    def on_click(self, event: events.Click) -> None:
        """Choose what is clicked."""
        event.stop()
        index = self._first + event.y
        if not self._error and index < len(self._completions):
            self.post_message(self.Picked(index))

    def offer(self, completions: Sequence[Completion], cell: int = 0) -> None:
        """Show completions; none hides the list.

        Args:
            completions: Best first.
            cell: Where the part begins that they replace, in cells from the left edge of the bar.
        """
        self._completions = tuple(completions)
        self._error = ()
        self.chosen = -1
        widths = [cell_width(clean(each.insert)) for each in self._completions]
        details = [cell_width(clean(each.detail)) for each in self._completions]
        self.styles.offset = (max(cell - _GUTTER, 0), 0)
        self._fit(_GUTTER + max(widths, default=0) + 2 + max(details, default=0) + 1, min(len(widths), MAX_SHOWN))

    def point_at(self, message: str, cell: int, width: int) -> None:
        """Show a mistake.

        Args:
            message: What is wrong.
            cell: Where, in cells from the left edge of the hints.
            width: Cells there are.
        """
        self._completions = ()
        self.chosen = -1
        self.styles.offset = (0, 0)
        self._error = pointed(clean(message), cell, width)
        self._fit(max(cell_width(line) for line in self._error) + 1, len(self._error), max(width, _MAX_WIDTH))

    def choose(self, step: int) -> None:
        """Move the choice; before the first one nothing is chosen.

        Args:
            step: How far; it goes round.
        """
        self.chosen = (self.chosen + 1 + step) % (len(self._completions) + 1) - 1
        self.refresh()

    @property
    def _first(self) -> int:
        return max(self.chosen - MAX_SHOWN + 1, 0)

    def _completion(self, index: int, width: int) -> Strip:
        each = self._completions[index]
        is_chosen = index == self.chosen
        chosen = self.get_component_rich_style("filter-hints--chosen")
        insert = chosen if is_chosen else self.get_component_rich_style("filter-hints--insert")
        detail = chosen if is_chosen else self.get_component_rich_style("filter-hints--detail")
        column = max(cell_width(clean(other.insert)) for other in self._completions) + 2
        segments = [
            Segment(("> " if is_chosen else "  ") + fitted(each.insert, column), insert),
            Segment(fitted(each.detail, max(width - column - _GUTTER, 0)), detail),
        ]
        return Strip(segments).adjust_cell_length(width, insert)

    def _fit(self, width: int, height: int, most: int = _MAX_WIDTH) -> None:
        self.styles.width = max(min(width, most), 1)
        self.styles.height = max(height, 1)
        self.display = bool(self._completions or self._error)
        self.refresh()


def pointed(message: str, cell: int, width: int) -> tuple[str, ...]:
    """Write a message with a pointer at a cell: beside it where there is room, otherwise beneath it.

    Args:
        message: Inert text.
        cell: Where the pointer goes.
        width: Cells there are.
    """
    cell = min(cell, max(width - 1, 0))
    size = cell_width(message)
    if cell + 2 + size <= width:
        return (f"{' ' * cell}{_POINTER} {message}",)
    if size + 1 <= cell:
        return (f"{' ' * (cell - size - 1)}{message} {_POINTER}",)
    return (" " * cell + _POINTER, *wrap(message, max(width - 1, 1)))
