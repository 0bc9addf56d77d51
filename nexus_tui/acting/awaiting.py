"""Which signal runs wait for, so that nobody has to know its name."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nexus_tui.acting.targets import Targets

if TYPE_CHECKING:
    from nexus_tui.feed import Feed

_LOOKED_AT: Final = 20
"""Sessions that are asked: enough to know what a crowd waits for."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """The signal that most of those looked at wait for: how many, of how many."""

    signal: str
    count: int
    of: int


async def awaited_by(feed: Feed, targets: Targets) -> Awaited | None:
    """What runs wait for, if any of the first ones waits.

    Args:
        feed: The gateway.
        targets: Whose runs.

    Raises:
        NexusError: The service's answer.
    """
    ids: tuple[str, ...] = targets.ids[:_LOOKED_AT]
    if targets.q is not None:
        found = await feed.window(f"{targets.q} status:suspended".strip(), "-last_activity", 0, _LOOKED_AT)
        ids = tuple(session.id for session in found.items if session.id not in targets.without)
    waits = await asyncio.gather(*map(feed.waits_for, ids))
    signals = Counter(signal for signal in waits if signal is not None)
    if not signals:
        return None
    signal, count = signals.most_common(1)[0]
    return Awaited(signal, count, len(ids))
