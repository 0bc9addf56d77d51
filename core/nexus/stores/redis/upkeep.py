"""Events of sessions that are gone, deleted when they are old."""

from __future__ import annotations

from typing import Final

from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys
from nexus.stores.redis.scripts import TRIM
from nexus.stores.redis.wire import Word

_LOOK: Final = 1000
_OWNERS: Final = 100


async def trim_events(client: Client, keys: Keys, before: float, limit: int) -> int:
    """See ``Store.trim_events``."""
    deleted = 0
    seen: set[bytes] = set()
    while deleted < limit:
        gone = await client.call("ZRANGEBYSCORE", keys.gone, "-inf", f"({before!r}", "LIMIT", len(seen), _OWNERS)
        fresh = [owner for owner in gone if owner not in seen]
        if not fresh:
            return deleted
        for owner in fresh:
            if deleted >= limit:
                break
            deleted += await _trim_one(client, keys, owner.decode(), before, limit - deleted)
            score = await client.call("ZSCORE", keys.gone, owner)
            if score is not None and float(score) < before:
                seen.add(owner)
    return deleted


async def _trim_one(client: Client, keys: Keys, owner: str, before: float, limit: int) -> int:
    """Delete up to ``limit`` old events of one session; note when its next one gets old."""
    doomed: list[tuple[bytes, bytes, str]] = []
    oldest: float | None = None
    start = 0
    whole = True
    while True:
        page = await client.call("ZRANGE", keys.part("es", owner), start, start + _LOOK - 1)
        for entry in page:
            seq, at, group = entry.decode().split(":", 2)
            if float(at) < before and len(doomed) < limit:
                doomed.append((entry, seq.encode(), group))
            else:
                oldest = float(at) if oldest is None else min(oldest, float(at))
        start += len(page)
        if len(page) < _LOOK:
            break
        if len(doomed) >= limit:
            whole = False
            break
    names: list[bytes] = [keys.record(owner), keys.part("es", owner), keys.gone, keys.stream]
    places: dict[str, int] = {"": 0}
    arguments: list[Word] = [owner, start if whole else -1, "" if oldest is None else repr(oldest)]
    for entry, seq, group in doomed:
        if group not in places:
            names.append(keys.part("eg", group))
            places[group] = len(names)
        arguments += [entry, seq, places[group]]
    deleted: int = await client.run(TRIM, names, arguments)
    return deleted
