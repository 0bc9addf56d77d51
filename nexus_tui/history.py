"""The recent course of the figures, one value a second, for the plots."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from nexus.model import Statistics

KEPT = 600
"""Seconds that are kept: ten minutes, more than any plot is wide."""


class History:
    """Events a second, 95th percentile and success rate, each a bounded series, oldest first.

    A figure that is not known at some second is a gap (``None``), never a made-up zero.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self.events: deque[float | None] = deque(maxlen=kept)
        self.p95: deque[float | None] = deque(maxlen=kept)
        self.success: deque[float | None] = deque(maxlen=kept)
        self._counting = 0

    def count(self, events: int) -> None:
        """Add events to the second that is running.

        Args:
            events: How many came.
        """
        self._counting += events

    def clear(self) -> None:
        """Forget all of it: time went elsewhere."""
        for series in (self.events, self.p95, self.success):
            series.clear()
        self._counting = 0

    def put_events(self, events: Sequence[float | None]) -> None:
        """Take events a second from who knows them, instead of what was counted.

        Args:
            events: One value a second, oldest first.
        """
        self.events.clear()
        self.events.extend(events)

    def close_second(self, statistics: Statistics | None, *, live: bool) -> None:
        """End the running second and begin another.

        Args:
            statistics: The figures at its end, if known.
            live: Whether the connection stood: without one nothing is known of the second.
        """
        known = statistics is not None and statistics.finished > 0 and live
        self.events.append(float(self._counting) if live else None)
        self.p95.append(statistics.p95_duration if statistics is not None and known else None)
        self.success.append(statistics.success_rate if statistics is not None and known else None)
        self._counting = 0

    def events_per_second(self, over: int = 3) -> float:
        """The mean of the last few seconds.

        Args:
            over: How many seconds.
        """
        last = [value for value in list(self.events)[-over:] if value is not None]
        return sum(last) / len(last) if last else 0.0
