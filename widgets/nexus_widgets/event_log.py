"""EventLog: the newest lines of a stream, bounded, filtered, followed or held.

It guarantees that memory stays bounded whatever comes in, that a reader who scrolled up keeps reading the same
lines while others arrive and old ones leave, and that a storm is painted some fifteen times a second. It is
deliberately not an archive: what fell out of the ring is gone.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from nexus_widgets.cells import fitted
from nexus_widgets.line_view import LineView
from nexus_widgets.log_lines import draw_entry
from nexus_widgets.log_ring import LogEntry, LogRing
from nexus_widgets.pace import PER_SECOND, Pace
from nexus_widgets.styles import base_style
from nexus_widgets.tone import TONE_CLASSES, tone_css

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["EventLog", "LogEntry"]


class EventLog(LineView, can_focus=True):
    """A log of entries that follows the newest one until its reader scrolls up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_lines(1)", "Down", show=False, id="line.down"),
        Binding("up,k", "scroll_lines(-1)", "Up", show=False, id="line.up"),
        Binding("pagedown", "scroll_pages(1)", "Page down", show=False, id="line.page-down"),
        Binding("pageup", "scroll_pages(-1)", "Page up", show=False, id="line.page-up"),
        Binding("home", "oldest", "Oldest", show=False, id="line.first"),
        Binding("end", "newest", "Newest, and follow", show=False, id="line.last"),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "event-log--time",
        "event-log--subject",
        "event-log--meta",
        "event-log--match",
        "event-log--empty",
        *TONE_CLASSES,
    }

    DEFAULT_CSS = """
    EventLog > .event-log--time { color: $text-muted; }
    EventLog > .event-log--subject { color: $text-primary; }
    EventLog > .event-log--meta { color: $text-muted; }
    EventLog > .event-log--match { text-style: bold reverse; }
    EventLog > .event-log--empty { color: $text-disabled; }
    """ + tone_css("EventLog")

    follow: reactive[bool] = reactive(default=True, repaint=False, init=False)
    """Whether the newest line is kept in view."""
    filter_text: reactive[str] = reactive("", repaint=False)
    """Only entries that hold this, in any of their texts, are shown; without regard to case."""
    waiting: reactive[int] = reactive(0, repaint=False)
    """Entries held back since `pause`."""

    class FollowChanged(Message):
        """The log began to follow the newest line, or stopped."""

        def __init__(self, log: EventLog, follow: bool) -> None:
            """Remember the log and whether it follows."""
            self.log = log
            self.follow = follow
            super().__init__()

        @property
        def control(self) -> EventLog:
            """The log that sent it."""
            return self.log

    def __init__(
        self,
        *,
        max_entries: int = 10_000,
        empty: str = "no events yet",
        refreshes_per_second: float = PER_SECOND,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  the name that every Textual widget uses
        classes: str | None = None,
    ) -> None:
        """Make an empty log.

        Args:
            max_entries: The most entries held; the oldest leave first.
            empty: What an empty log says.
            refreshes_per_second: The most paints a second that `append` causes.
            name: The widget's name.
            id: The widget's id.
            classes: The widget's CSS classes.
        """
        super().__init__(name=name, id=id, classes=classes)
        self._ring = LogRing(max_entries)
        self._held: deque[LogEntry] = deque(maxlen=max_entries)
        self._paused = False
        self._empty = empty
        self._pace = Pace(self, self._show, per_second=refreshes_per_second)
        self._left = 0

    @property
    def entry_count(self) -> int:
        """Entries that pass the filter."""
        return len(self._ring.shown)

    @property
    def is_paused(self) -> bool:
        """Whether new entries are held back."""
        return self._paused

    def watch_follow(self, follow: bool) -> None:
        """Go to the newest line, and tell the owner."""
        if follow:
            self._to_end()
        self.post_message(self.FollowChanged(self, follow))

    def watch_filter_text(self, text: str) -> None:
        """Show the entries that pass now."""
        self._ring.set_filter(text)
        self._left = 0
        self._show()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow at the bottom, and stop following above it."""
        super().watch_scroll_y(old_value, new_value)
        self.follow = round(new_value) >= self.max_scroll_y

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        index = self.scroll_offset.y + y
        if index < len(self._ring.shown):
            return draw_entry(self, self._ring.shown[index], self.line_width, self.filter_text)
        if y == 0 and not self._ring.shown:
            style = self.get_component_rich_style("event-log--empty")
            text = "no entry matches" if self._ring.entries else self._empty
            return Strip([Segment(fitted(text, self.line_width), style)], self.line_width)
        return Strip.blank(self.line_width, base_style(self))

    def on_resize(self) -> None:
        """Keep the newest line in view."""
        self._show()

    def action_scroll_lines(self, lines: int) -> None:
        """Scroll by lines."""
        self._scroll_by(lines)

    def action_scroll_pages(self, pages: int) -> None:
        """Scroll by screens."""
        self._scroll_by(pages * self.body_height)

    def action_oldest(self) -> None:
        """Go to the oldest line."""
        self._scroll_by(-len(self._ring.shown))

    def action_newest(self) -> None:
        """Go to the newest line and follow."""
        self.follow = True
        self._to_end()

    def append(self, entries: Iterable[LogEntry]) -> None:
        """Add entries, oldest first; they are painted soon, or held back while paused.

        Args:
            entries: What happened.
        """
        if self._paused:
            arrived = tuple(entries)
            self._held.extend(arrived)
            self.waiting += len(arrived)
            return
        self._left += self._ring.extend(entries)
        self._pace.request()

    def pause(self) -> None:
        """Hold back what arrives; it is counted in `waiting`."""
        self._paused = True

    def resume(self) -> None:
        """Show what was held back and go on."""
        self._paused = False
        self.waiting = 0
        self.append(tuple(self._held))
        self._held.clear()

    def clear(self) -> None:
        """Forget all entries, those held back too."""
        self._ring.clear()
        self._held.clear()
        self.waiting = 0
        self._left = 0
        self._show()

    def _show(self) -> None:
        if not self.is_attached:
            return
        self.resize_lines(len(self._ring.shown))
        if self.follow:
            self._to_end()
        elif self._left:
            # As many lines as left at the top go from the offset, so that the lines that are read stay put.
            self._scroll_by(-self._left)
        self._left = 0
        self.refresh()

    def _to_end(self) -> None:
        self.scroll_now(self.max_scroll_y)

    def _scroll_by(self, lines: int) -> None:
        self.scroll_now(self.scroll_offset.y + lines)
