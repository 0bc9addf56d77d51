"""How many sessions expire soon: asked of the service no more often than it can bear.

The count is exact as of when it was asked. What it costs depends on the store and its size, so the time between two
questions grows with what the last one took: with a million sessions in a file it is asked about once in five minutes,
and the rest of the console stays as quick as with ten. Where nothing expires within the farthest horizon, nothing does
within a nearer one, and no more is asked.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nexus.model import Session, Window

WITHIN = (("5m", 300.0), ("1h", 3600.0), ("1d", 86400.0))
"""The horizons: as the filter language writes them, and in seconds."""
_LEAST = 5.0
_SHARE = 300
"""Times longer than it takes: a third of a per cent of the time is spent on asking."""

Ask = Callable[[str], Awaitable[Window[Session]]]


def within(text: str) -> str:
    """The filter for what expires within a time, and hasn't yet: what is final keeps the time when it would have."""
    return f"status:live,failed expires<{text}"


@dataclass(frozen=True, slots=True)
class Expiring:
    """How many expire within each horizon, the nearest first, and when that was counted (seconds since the epoch)."""

    counts: tuple[tuple[str, int], ...]
    at: float


class Horizon:
    """Keeps the newest answer."""

    def __init__(self, clock: Callable[[], float], stopwatch: Callable[[], float] = time.perf_counter) -> None:
        self.expiring: Expiring | None = None
        self._clock = clock
        self._stopwatch = stopwatch
        self._next = float("-inf")

    @property
    def is_due(self) -> bool:
        """Whether it is time to ask again."""
        return self._stopwatch() >= self._next

    def forget(self) -> None:
        """Ask again at once: time went elsewhere."""
        self.expiring, self._next = None, float("-inf")

    async def look(self, ask: Ask) -> None:
        """Ask, and take note of how long that took.

        Args:
            ask: Gives a window of no rows for a filter.

        Raises:
            NexusError: The service's answer; what was known stays.
        """
        began, self._next = self._stopwatch(), float("inf")
        try:
            found: list[tuple[str, int]] = []
            for text, _ in reversed(WITHIN):
                farther = found[0][1] if found else None
                near = 0 if farther == 0 else (await ask(within(text))).total
                # Sessions come and go between two answers, but what expires soon expires later on too.
                found.insert(0, (text, near if farther is None else min(near, farther)))
            self.expiring = Expiring(tuple(found), self._clock())
        finally:
            ended = self._stopwatch()
            self._next = ended + max(_LEAST, (ended - began) * _SHARE)
