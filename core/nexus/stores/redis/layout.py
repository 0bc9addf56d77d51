"""Which layout a store has: written down once, when it is made, and never changed.

``1`` is one shard, and ``2/N`` are N shards. The one place where that stands, whatever the layout, is the ``meta`` key
of the store as one shard; each shard has it in its own ``meta`` too.
"""

from __future__ import annotations

from typing import Final

from nexus.errors import StoreUnavailable
from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import LAYOUT, Keys

_MOST_SHARDS: Final = 1 << 10


async def claim_layout(client: Client, keys: Keys, wanted: str) -> str:
    """Give a store that is new the layout that is wanted.

    Returns:
        The layout that it has: of all who try at once, one decides.
    """
    _, found = await client.calls([("HSETNX", keys.meta, "layout", wanted), ("HGET", keys.meta, "layout")])
    layout: str = found.decode(errors="replace")
    return layout


async def read_layout(client: Client, keys: Keys) -> str | None:
    """The layout of a store; ``None`` of one that is new."""
    found = await client.call("HGET", keys.meta, "layout")
    return None if found is None else found.decode(errors="replace")


def shards_in(layout: str) -> int | None:
    """How many shards a layout has; ``None`` for one that this version doesn't know."""
    if layout == LAYOUT:
        return 1
    version, slash, count = layout.partition("/")
    if version == "2" and slash and count.isascii() and count.isdigit() and 2 <= int(count[:6]) <= _MOST_SHARDS:
        return int(count)
    return None


def refuse_layout(found: str, wanted: str, shown: str) -> StoreUnavailable:
    """What to raise for a store of another layout.

    Args:
        found: The layout that it has.
        wanted: The one that was asked for.
        shown: The store's URL without its password.
    """
    shards, asked = shards_in(found), shards_in(wanted)
    if shards is None:
        why = f"the layout {found[:20]}, which this version of Nexus doesn't read: use the version that wrote it"
    elif shards == 1:
        why = f"one shard, and {asked} were asked for: leave shards out of its URL"
    else:
        why = f"{shards} shards, and {asked} was asked for: write ?shards={shards} at the end of its URL"
    return StoreUnavailable(f"the store {shown} has {why}, or another session_prefix", store=shown, reason="layout")
