"""The brake: whoever guesses tokens waits longer for each answer; whoever has a right one never waits."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

_FREE: Final = 5
"""Wrong tokens from one address that cost nothing: a person mistypes."""
_FIRST: Final = 0.1
_LONGEST: Final = 2.0
_FORGOTTEN: Final = 60.0
_MOST: Final = 10_000
"""Addresses that are remembered; the oldest are forgotten first."""


class Brake:
    """Delays answers to wrong tokens, by the address that they come from; for one event loop."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def delay(self, peer: str, now: float) -> float:
        """Count a failure.

        Args:
            peer: Where it came from.
            now: Seconds on a clock that only goes forward.

        Returns:
            Seconds that the answer to it should wait.
        """
        count, last = self._failures.pop(peer, (0, now))
        count = 1 if now - last > _FORGOTTEN else count + 1
        self._failures[peer] = count, now
        if len(self._failures) > _MOST:
            self._failures.popitem(last=False)
        over = count - _FREE
        return 0.0 if over <= 0 else min(_LONGEST, _FIRST * 2.0 ** min(over - 1, 10))

    async def failed(self, peer: str) -> None:
        """Wait as long as this failure costs."""
        await asyncio.sleep(self.delay(peer, asyncio.get_running_loop().time()))
