"""Banner: says that something about the whole screen is not as it should be, in as few lines as that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Literal

from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from nexus_widgets.cells import fitted
from nexus_widgets.text import cell_width, clean, duration
from nexus_widgets.wrapping import wrapped

if TYPE_CHECKING:
    from textual.geometry import Size

Level = Literal["info", "warning", "error"]

_MOST: Final = 3
"""Lines that a message may take: what would help stands at its end."""
_GLYPHS: Final[dict[Level, str]] = {"info": "i", "warning": "!", "error": "✖"}


class Banner(Widget):
    """A message with a level, and the age of what is shown beneath it. Without a message it takes no room."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"banner--info", "banner--warning", "banner--error"}

    DEFAULT_CSS = """
    Banner { height: auto; display: none; }
    Banner > .banner--info { background: $primary-muted; color: $text-primary; text-style: bold; }
    Banner > .banner--warning { background: $warning-muted; color: $text-warning; text-style: bold; }
    Banner > .banner--error { background: $error-muted; color: $text-error; text-style: bold; }
    """

    message: reactive[str] = reactive("", layout=True)
    """What is said; empty hides the banner."""
    level: reactive[Level] = reactive[Level]("info")
    """How bad it is."""
    age: reactive[float | None] = reactive[float | None](None)
    """Age of the data that is shown, in seconds; None leaves it out."""

    def watch_message(self, message: str) -> None:
        """Take room only when there is something to say."""
        self.display = bool(message)

    def watch_age(self, old: float | None, new: float | None) -> None:
        """Leave more room to the message, or less; ages change each second, and mostly the lines stay as many."""
        width = self.size.width
        if width and len(self._lines(width, old)) != len(self._lines(width, new)):
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002  Textual's own
        """As many lines as the message takes."""
        return len(self._lines(width, self.age))

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width = self.size.width
        style = self.get_component_rich_style(f"banner--{self.level}")
        lines = self._lines(width, self.age)
        if y >= len(lines):
            return Strip.blank(width, style)
        # The age is what the reader decides on, so a long message gives way to it.
        age = "" if y else _told(self.age)
        room = max(width - cell_width(age), 0)
        lead = "   " if y else f" {_GLYPHS[self.level]} "
        return Strip([Segment(fitted(lead + lines[y], room) + fitted(age, width - room), style)], width)

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

    def _lines(self, width: int, age: float | None) -> list[str]:
        room = max(width - cell_width(_told(age)) - 4, 10)
        lines = wrapped(clean(self.message), room)
        return [*lines[: _MOST - 1], " ".join(lines[_MOST - 1 :])] if len(lines) > _MOST else lines


def _told(age: float | None) -> str:
    return f" data is {duration(age)} old " if age is not None else ""
