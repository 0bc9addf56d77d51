"""The entries of a log: a bounded ring, and those of it that pass a filter."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nexus_widgets.tone import Tone


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One thing that happened, in words."""

    time: str
    """When, formatted."""
    subject: str
    """What it happened to."""
    text: str
    """What happened."""
    channel: str = ""
    """Where it came in."""
    actor: str = ""
    """Who did it."""
    tone: Tone = "plain"
    """Whether it is good or bad; the text has to say so too."""
    channel_tone: Tone = "muted"
    """Category of the channel."""

    def holds(self, needle: str) -> bool:
        """Say whether one of its texts holds another, without regard to case.

        Args:
            needle: What to look for, in lower case.
        """
        return any(needle in part.lower() for part in (self.text, self.subject, self.channel, self.actor))


class _Shown:
    """A list whose front can go away cheaply: a deque is slow to index in the middle."""

    def __init__(self) -> None:
        self._items: list[tuple[int, LogEntry]] = []
        self._first = 0

    def __len__(self) -> int:
        return len(self._items) - self._first

    def __getitem__(self, index: int) -> LogEntry:
        return self._items[self._first + index][1]

    def add(self, number: int, entry: LogEntry) -> None:
        self._items.append((number, entry))

    def drop_before(self, number: int) -> int:
        first = self._first
        while self._first < len(self._items) and self._items[self._first][0] < number:
            self._first += 1
        dropped = self._first - first
        if self._first > len(self._items) // 2:
            del self._items[: self._first]
            self._first = 0
        return dropped


class LogRing:
    """A bounded number of entries, oldest first."""

    def __init__(self, max_entries: int) -> None:
        """Make an empty ring.

        Args:
            max_entries: The most entries held.
        """
        self.entries: deque[LogEntry] = deque(maxlen=max_entries)
        self.shown = _Shown()
        self._next = 0
        self._needle = ""

    def extend(self, entries: Iterable[LogEntry]) -> int:
        """Add entries.

        Args:
            entries: Oldest first.

        Returns:
            How many entries that passed the filter left at the old end.
        """
        for entry in entries:
            self.entries.append(entry)
            if not self._needle or entry.holds(self._needle):
                self.shown.add(self._next, entry)
            self._next += 1
        return self.shown.drop_before(self._next - len(self.entries))

    def set_filter(self, text: str) -> None:
        """Choose the entries that are shown.

        Args:
            text: What they have to hold; empty shows all.
        """
        self._needle = text.lower()
        self.shown = _Shown()
        first = self._next - len(self.entries)
        for number, entry in enumerate(self.entries, first):
            if not self._needle or entry.holds(self._needle):
                self.shown.add(number, entry)

    def clear(self) -> None:
        """Forget all entries."""
        self.entries.clear()
        self.shown = _Shown()
