"""Pace: run something at once when it is asked for rarely, and a few times a second when asked for in a storm.

It guarantees that the last request is always followed by a run. It is deliberately not a queue: requests carry
nothing, and the callback looks at the newest state.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message_pump import MessagePump
    from textual.timer import Timer

PER_SECOND: Final = 15.0
"""Runs a second that look alive to an eye and leave the machine alone."""


class Pace:
    """Joins requests into at most `per_second` runs of one callback."""

    def __init__(
        self,
        host: MessagePump,
        callback: Callable[[], object],
        *,
        per_second: float = PER_SECOND,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Prepare a pace; nothing runs yet.

        Args:
            host: The widget whose timers are used; the callback runs in its context.
            callback: What to run.
            per_second: The highest rate of runs.
            clock: Seconds that never go back.
        """
        self._host = host
        self._callback = callback
        self.per_second = per_second
        """The highest rate; another one holds from the next request on."""
        self._clock = clock
        self._last = float("-inf")
        self._timer: Timer | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a run is due that has not happened yet."""
        return self._timer is not None

    def request(self) -> None:
        """Ask for a run: now, or at the end of the running interval."""
        if self._timer is not None:
            return
        wait = self._last + 1 / self.per_second - self._clock()
        if wait <= 0:
            self._run()
        else:
            self._timer = self._host.set_timer(wait, self._run)

    def cancel(self) -> None:
        """Forget a run that is due."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _run(self) -> None:
        self._timer = None
        self._last = self._clock()
        self._callback()
