"""Open streams: a seat for each, so many in all and so many for one actor, in one process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from nexus.errors import LimitExceeded


class Seats:
    """The seats of one process.

    Args:
        total: Streams open at once; 0 for any number.
        each: Of one actor; 0 for any number.
    """

    def __init__(self, total: int, each: int) -> None:
        self._total = total
        self._each = each
        self._taken: Counter[str] = Counter()

    def take(self, actor: str) -> Callable[[], None]:
        """Take a seat.

        Returns:
            What gives it back; calling it again does nothing.

        Raises:
            LimitExceeded: There is none, or the actor has as many as one may have.
        """
        mine = self._taken[actor]
        if self._each and mine >= self._each:
            raise _full(f"{actor} has {mine:,} streams open", self._each, "max_streams_per_actor")
        if self._total and self._taken.total() >= self._total:
            raise _full(f"{self._total:,} streams are open here", self._total, "max_streams")
        self._taken[actor] += 1
        held = True

        def leave() -> None:
            nonlocal held
            if held:
                held = False
                self._taken[actor] -= 1
                if not self._taken[actor]:
                    del self._taken[actor]

        return leave


def _full(what: str, limit: int, setting: str) -> LimitExceeded:
    return LimitExceeded(
        f"{what}, and {setting} allows no more: close one first", limit=limit, setting=setting, retry_after=5
    )
