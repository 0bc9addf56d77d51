"""Player: a time that moves along a tape, at a speed, or stands.

It is the console's clock: ages, expiries and plots are those of the recording. Nothing sleeps here; who follows waits
until something is due.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from nexus.errors import InvalidInput
from nexus_tui.replay.tape import Tape

SLOWEST, FASTEST = 1 / 16, 1024.0


class Player:
    """Plays one tape."""

    def __init__(self, tape: Tape, *, playing: bool = True, stopwatch: Callable[[], float] = time.monotonic) -> None:
        """Stand at the first event.

        Args:
            tape: What is played.
            playing: Whether it begins at once.
            stopwatch: Seconds that only go forward.
        """
        self.tape = tape
        self.speed = 1.0
        self.is_playing = playing
        self.jumps = 0
        """How often time went somewhere else than on."""
        self._stopwatch = stopwatch
        self._from = tape.start
        self._since = stopwatch()
        self._moved = asyncio.Event()
        self.catch_up()

    @property
    def now(self) -> float:
        """The time of the recording, in seconds since the epoch."""
        if not self.is_playing:
            return self._from
        return min(self._from + (self._stopwatch() - self._since) * self.speed, self.tape.end)

    def clock(self) -> float:
        """``now``, as the console's clock."""
        return self.now

    @property
    def share(self) -> float:
        """How much of the recording has been played, 0 to 1."""
        span = self.tape.end - self.tape.start
        return min(max((self.now - self.tape.start) / span, 0.0), 1.0) if span > 0 else 1.0

    @property
    def is_over(self) -> bool:
        """Whether the end was reached."""
        return self.now >= self.tape.end

    def catch_up(self) -> None:
        """Bring the tape to now, and stand still at its end."""
        now = self.now
        if self.is_playing and now >= self.tape.end:
            self._stand(now, playing=False)
        self.tape.move(self.tape.index_at(now))

    # What a person does

    def toggle(self) -> None:
        """Play or stand; at the end, play from the start."""
        if not self.is_playing and self.is_over:
            self.seek(self.tape.start)
        self._stand(self.now, playing=not self.is_playing)

    def change_speed(self, factor: float) -> None:
        """Play faster or slower.

        Args:
            factor: By how much.
        """
        now = self.now
        self.speed = min(max(self.speed * factor, SLOWEST), FASTEST)
        self._stand(now, playing=self.is_playing)

    def seek(self, ts: float) -> None:
        """Go to a time.

        Args:
            ts: Seconds since the epoch; beyond the ends it is the end.
        """
        self._stand(min(max(ts, self.tape.start), self.tape.end), playing=self.is_playing)
        self.jumps += 1
        self.catch_up()

    def step(self, direction: int) -> bool:
        """Stand at the next event, or at the one before.

        Args:
            direction: 1 or -1.

        Returns:
            Whether there was one.
        """
        self._stand(self.now, playing=False)
        to = self.tape.event_after(self.now) if direction > 0 else self.tape.event_before(self.now)
        if to is None:
            return False
        self.seek(to)
        return True

    def time_of(self, text: str) -> float:
        """The time that a text means: ``61%`` of the recording, ``03:04:05`` on its first day or the next, ISO 8601.

        Raises:
            InvalidInput: It means none.
        """
        from datetime import UTC, datetime, timedelta
        from datetime import time as clock_time

        text = text.strip()
        mistake = InvalidInput("That is no time: write 03:04:05, 2027-01-15T08:00:00Z or 61%", field="time")
        start = datetime.fromtimestamp(self.tape.start, UTC)
        try:
            if text.endswith("%"):
                return self._time_at(float(text[:-1]) / 100, mistake)
            if len(text) <= 12 and ":" in text:
                at = datetime.combine(start.date(), clock_time.fromisoformat(text.removesuffix("Z")), UTC)
                return (at if at.timestamp() >= self.tape.start - 1 else at + timedelta(days=1)).timestamp()
            at = datetime.fromisoformat(text)
            return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            raise mistake from None

    def _time_at(self, share: float, mistake: InvalidInput) -> float:
        if not 0 <= share <= 1:  # nor is NaN
            raise mistake
        return self.tape.start + share * (self.tape.end - self.tape.start)

    # What follows

    def events_per_second(self, seconds: int) -> list[float | None]:
        """Events in each of the last seconds before now, oldest first; nothing from before the recording.

        Args:
            seconds: How many.
        """
        now = self.now
        counts: list[float | None] = [0.0] * seconds
        for ts in self.tape.event_times(now - seconds, now):
            at = min(int(ts - (now - seconds)), seconds - 1)
            counts[at] = (counts[at] or 0.0) + 1
        before = max(int(seconds - (now - self.tape.start)) - 1, 0)
        return [None] * min(before, seconds) + counts[min(before, seconds) :]

    async def moved(self) -> None:
        """Wait until a frame is due, or somebody moved the time."""
        self._moved.clear()
        tape = self.tape
        due: float | None = None
        if self.is_playing:
            coming = tape.frames[tape.at].ts if tape.at < len(tape.frames) else tape.end
            due = max((coming - self.now) / self.speed, 0.0)
        try:
            # Frames that come close together are taken together: nobody sees them apart.
            await asyncio.wait_for(self._moved.wait(), None if due is None else max(due, 0.02))
        except TimeoutError:
            return

    def _stand(self, now: float, *, playing: bool) -> None:
        self._from, self._since, self.is_playing = now, self._stopwatch(), playing
        self._moved.set()
