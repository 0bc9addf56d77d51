"""Requests a second: a bucket of tokens for each actor, which fills by itself.

Each process has its own buckets: with N servers on one store an actor has N times the rate. A bucket in the store would
cost every request a commit; who must be exact over servers limits in front of them.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from nexus.errors import RateLimited

_MOST: Final = 10_000
"""Actors that are remembered; who has been quiet longest is forgotten first, and has a full bucket then."""


class Allowance(msgspec.Struct, frozen=True):
    """What an actor has left: whole requests now, and seconds until the bucket is full again."""

    rate: float
    burst: int
    left: int
    full_in: float

    def headers(self) -> list[tuple[str, str]]:
        """The ``RateLimit`` headers of an answer (IETF httpapi)."""
        window = max(1, math.ceil(self.burst / self.rate))
        return [
            ("RateLimit-Policy", f'"actor";q={self.burst};w={window}'),
            ("RateLimit", f'"actor";r={self.left};t={math.ceil(self.full_in)}'),
        ]


class Pace:
    """The buckets of one process.

    Args:
        rate: Requests a second that a bucket gains.
        burst: Requests that a full one holds.
        clock: Seconds that only go forward.
    """

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, actor: str) -> Allowance:
        """Take one request out of the actor's bucket.

        Returns:
            What is left.

        Raises:
            RateLimited: The bucket is empty; ``retry_after`` says in how many seconds it isn't.
        """
        now = self._clock()
        tokens, at = self._buckets.pop(actor, (float(self._burst), now))
        tokens = min(float(self._burst), tokens + (now - at) * self._rate)
        taken = tokens >= 1
        self._buckets[actor] = tokens - taken, now
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        if not taken:
            wait = max(1, math.ceil((1 - tokens) / self._rate))
            raise RateLimited(
                f"{actor} asks more than {self._rate:g} times a second: wait {wait} s (max_requests_per_second)",
                limit=self._rate, setting="max_requests_per_second", retry_after=wait,
            )  # fmt: skip
        left = tokens - 1
        return Allowance(self._rate, self._burst, int(left), (self._burst - left) / self._rate)
