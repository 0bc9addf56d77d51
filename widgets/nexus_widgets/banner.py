"""Banner: one line that says that something about the whole screen is not as it should be."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from nexus_widgets.cells import fitted
from nexus_widgets.text import cell_width, clean, duration

Level = Literal["info", "warning", "error"]

_GLYPHS: Final[dict[Level, str]] = {"info": "i", "warning": "!", "error": "✖"}


class Banner(Widget):
    """A message with a level, and the age of what is shown beneath it. Without a message it takes no room."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"banner--info", "banner--warning", "banner--error"}

    DEFAULT_CSS = """
    Banner { height: 1; display: none; }
    Banner > .banner--info { background: $primary-muted; color: $text-primary; text-style: bold; }
    Banner > .banner--warning { background: $warning-muted; color: $text-warning; text-style: bold; }
    Banner > .banner--error { background: $error-muted; color: $text-error; text-style: bold; }
    """

    message: reactive[str] = reactive("")
    """What is said; empty hides the banner."""
    level: reactive[Level] = reactive[Level]("info")
    """How bad it is."""
    age: reactive[float | None] = reactive[float | None](None)
    """Age of the data that is shown, in seconds; None leaves it out."""

    def watch_message(self, message: str) -> None:
        """Take room only when there is something to say."""
        self.display = bool(message)

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width = self.size.width
        style = self.get_component_rich_style(f"banner--{self.level}")
        if y:
            return Strip.blank(width, style)
        age = f" data is {duration(self.age)} old " if self.age is not None else ""
        # The age is what the reader decides on, so a long message gives way to it.
        room = max(width - cell_width(age), 0)
        text = f" {_GLYPHS[self.level]} {clean(self.message)} "
        return Strip([Segment(fitted(text, room) + fitted(age, width - room), style)], width)

    def say(self, message: str, level: Level = "info", age: float | None = None) -> None:
        """Show a message.

        Args:
            message: What to say.
            level: How bad it is.
            age: Age of the data that is shown, in seconds; None leaves it out.
        """
        self.message = message
        self.level = level
        self.age = age

    def hide(self) -> None:
        """Take the message away."""
        self.message = ""
        self.age = None
