"""The parts of a filter bar: an input that takes only inert text and underlines what is wrong, and texts beside it.

They are widgets of their own, not Textual's `Label` and `Horizontal`, so that an app's rules for those don't
reach into the bar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.highlighter import Highlighter
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input

from nexus_widgets.text import cell_width, clean

if TYPE_CHECKING:
    from textual.app import RenderResult


class FilterRow(Widget):
    """The one line of a bar."""

    DEFAULT_CSS = """
    FilterRow { layout: horizontal; height: 1; width: 1fr; }
    """


class FilterText(Widget):
    """A short text, as wide as it is long."""

    DEFAULT_CSS = """
    FilterText { width: auto; height: 1; padding: 0 1; }
    """

    text: reactive[str] = reactive("", layout=True)
    """What is shown."""

    def render(self) -> RenderResult:
        """Draw the text, as text."""
        return Text(clean(self.text), end="", no_wrap=True)


class FilterInput(Input):
    """A one-line input without a frame."""

    DEFAULT_CSS = """
    FilterInput, FilterInput:focus {
        border: none;
        height: 1;
        padding: 0;
        width: 1fr;
        background: transparent;
    }
    """

    def __init__(self, placeholder: str) -> None:
        """Make an empty input.

        Args:
            placeholder: What it says when it is empty.
        """
        self._wrong = WrongPart()
        super().__init__(placeholder=placeholder, highlighter=self._wrong, select_on_focus=False, compact=True)

    def validate_value(self, value: str) -> str:
        """Keep pasted controls out: they would reach the terminal with the next paint."""
        return clean(value)

    def mark_wrong(self, column: int | None) -> None:
        """Underline the word at a column.

        Args:
            column: Characters from the start; None underlines nothing.
        """
        self._wrong.column = column
        self.refresh()

    def cell_of(self, column: int) -> int:
        """Return where a column is, in cells from the left edge of the input as it is scrolled now.

        Args:
            column: Characters from the start.
        """
        return max(cell_width(self.value[:column]) - self.scroll_offset.x, 0)


class WrongPart(Highlighter):
    """Underlines one word of a text."""

    column: int | None = None

    def highlight(self, text: Text) -> None:
        """Underline from the column to the end of its word.

        Args:
            text: What is in the input.
        """
        if self.column is not None and text.plain:
            start = min(self.column, len(text.plain) - 1)
            blank = text.plain.find(" ", start + 1)
            text.stylize("bold underline", start, blank if blank > 0 else len(text.plain))
