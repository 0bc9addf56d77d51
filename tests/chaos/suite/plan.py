"""What happens in a round, and when: the same seed makes the same faults at the same times."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

import msgspec

_SPACING: Final = 2.0
"""Seconds from one fault to the next, on average."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One round."""

    store: str
    """``sqlite`` or ``redis``."""
    seed: int
    seconds: float = 30.0
    servers: int = 2
    workers: int = 2
    drivers: int = 2

    @property
    def archived(self) -> bool:
        """Whether a SQL database keeps what Redis has: in each round of an even seed."""
        return self.store == "redis" and self.seed % 2 == 0

    @property
    def place(self) -> str:
        """What the round is played on, in words."""
        return f"{self.store} with an archive" if self.archived else self.store

    def faults(self, kinds: Sequence[str]) -> list[tuple[float, str, random.Random]]:
        """When (seconds from the start of the load), what, and what decides the rest of it; in order of time.

        Every kind comes before any comes again.

        Args:
            kinds: Those that there are.
        """
        chance = random.Random(f"chaos-{self.store}-{self.seed}")
        count = max(2, int(self.seconds / _SPACING))
        chosen: list[str] = []
        while len(chosen) < count:
            chosen += chance.sample(kinds, len(kinds))
        times = sorted(chance.uniform(0.05, 0.85) * self.seconds for _ in range(count))
        return [(at, kind, random.Random(chance.random())) for at, kind in zip(times, chosen, strict=False)]
