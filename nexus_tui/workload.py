"""How each workflow goes: counts, success and durations, worked out from lists that any service answers.

Counts are exact as of when they were asked, percentiles are those of the sessions at these ranks. They are asked for
one workflow after the other, and no more often than a small share of the time: a big store is never kept busy by
somebody looking.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from nexus.lifecycle.counting import rank
from nexus.model import Session
from nexus.query.format import quote
from nexus_tui.feed import Feed

_SHARE = 10
"""Times longer than asking takes, until it is asked again."""
_LEAST = 5.0


@dataclass(frozen=True, slots=True)
class Workload:
    """One workflow's sessions. Durations are seconds from a session's start to its end."""

    total: int
    live: int
    failed: int
    completed: int
    p50: float | None = None
    p95: float | None = None

    @property
    def finished(self) -> int:
        """Those that ended or failed."""
        return self.total - self.live

    @property
    def success(self) -> float | None:
        """The percentage of finished ones that completed, as in the figures over all; nothing before the first."""
        return 100 * self.completed / self.finished if self.finished > 0 else None


async def workload(feed: Feed, name: str, total: int) -> Workload:
    """Ask for one workflow's figures.

    Args:
        feed: Where.
        name: The workflow.
        total: How many sessions it has, as the figures over all tell for nothing.

    Raises:
        NexusError: The service's answer.
    """
    of_it = f"workflow={quote(name)}"
    live = (await feed.window(f"{of_it} status:live", "-last_activity", 0, 1)).total
    failed = (await feed.window(f"{of_it} status:failed", "-last_activity", 0, 1)).total
    completed = (await feed.window(f"{of_it} status:completed", "-last_activity", 0, 1)).total
    ended = total - live - failed
    ranks = [rank(ended, share) for share in (0.50, 0.95)] if ended > 0 else []
    lengths = [await _length_at(feed, f"{of_it} status:final", each) for each in ranks] or [None, None]
    return Workload(total, live, failed, completed, *lengths)


async def _length_at(feed: Feed, q: str, rank: int) -> float | None:
    found: Sequence[Session] = (await feed.window(q, "duration", rank, 1)).items
    return found[0].duration if found else None


async def workloads(feed: Feed, counts: Callable[[], Mapping[str, int]]) -> AsyncIterator[tuple[str, Workload]]:
    """Ask for the figures of workflows, one after the other, again and again.

    Args:
        feed: Where.
        counts: Which, in order, and how many sessions each has; asked at the start of each round.

    Raises:
        NexusError: The service's answer.
    """
    while True:
        began = time.perf_counter()
        for name, total in counts().items():
            yield name, await workload(feed, name, total)
        await asyncio.sleep(max(_LEAST, (time.perf_counter() - began) * _SHARE))
