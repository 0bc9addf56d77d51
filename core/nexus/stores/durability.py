"""How much an acknowledged commit survives: five levels, each of which includes those before it.

- ``none``: sessions may go with the process, or be thrown away by the server when its memory is full.
- ``process``: the end of every Nexus process, kill -9 too.
- ``second``: a crash of the server as well, and a loss of power but for about the last second.
- ``power``: a loss of power as well: what is acknowledged is on disk.
- ``failover``: the loss of the server's machine as well, for checkpoints, and for sessions that are created or end.

A store says its level in ``Health.facts["level"]``; ``unknown``, which is below all of them, where its server hides its
settings.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from nexus.errors import StoreUnavailable
from nexus.stores.base import Health, Store

LEVELS: Final = ("none", "process", "second", "power", "failover")
UNKNOWN: Final = "unknown"


def lowest(levels: Iterable[str]) -> str:
    """The level of what is as durable as its weakest part."""
    return min(levels, key=_rank, default=UNKNOWN)


def is_at_least(found: str, wanted: str) -> bool:
    """Whether a level that was found includes the one that is wanted."""
    return _rank(found) >= _rank(wanted)


def shortfall(health: Health, wanted: str) -> str | None:
    """In words, what a healthy store lacks; ``None`` if it is durable enough."""
    found = health.facts.get("level", UNKNOWN)
    if is_at_least(found, wanted):
        return None
    said = health.facts.get("durability", "")
    return f"durability {wanted} is required, and the store {health.url} has {found}" + (f": {said}" if said else "")


async def require_durability(store: Store, wanted: str) -> None:
    """Check that an open store is durable enough.

    Args:
        store: It.
        wanted: One of ``LEVELS``.

    Raises:
        StoreUnavailable: It isn't, or doesn't answer.
    """
    health = await store.health()
    if not health.ok:
        raise StoreUnavailable(health.detail, store=health.url)
    lacks = shortfall(health, wanted)
    if lacks is not None:
        raise StoreUnavailable(lacks, store=health.url, reason="durability", required=wanted)


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else -1
