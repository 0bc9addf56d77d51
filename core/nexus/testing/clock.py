"""A clock that moves only when a test says so."""

from __future__ import annotations


class FakeClock:
    """A ``nexus.sessions.Clock`` for tests.

    Args:
        now: Seconds since the epoch to start at.
    """

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now

    def __call__(self) -> float:
        """The time, for what takes a function such as ``time.time``."""
        return self._now

    def now(self) -> float:
        """The time, in seconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> float:
        """Let time pass; a negative number turns the clock back, as an administrator may.

        Returns:
            The time after it.
        """
        self._now += seconds
        return self._now
