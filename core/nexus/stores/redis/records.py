"""Reading sessions, what belongs to them, claims and counters."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Final

from nexus.model import Checkpoint, JournalEntry
from nexus.stores import codec
from nexus.stores.base import Message, Snapshot
from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys
from nexus.stores.redis.links import Link, ask
from nexus.stores.redis.placing import shard_of

_CHUNK: Final = 500
_GLOB: Final = re.compile(rb"([\\*?\[\]])")


async def load(client: Client, keys: Keys, session_id: str) -> Snapshot | None:
    """See ``Store.load``."""
    return _snapshot(await client.call("HMGET", keys.record(session_id), "d", "s", "r"))


async def load_many(links: Sequence[Link], session_ids: Sequence[str]) -> dict[str, Snapshot]:
    """See ``Store.load_many``; of all shards."""
    found: dict[str, Snapshot] = {}
    for start in range(0, len(session_ids), _CHUNK):
        names = session_ids[start : start + _CHUNK]
        replies = await documents_of(links, names, ("d", "s", "r"))
        for name, reply in zip(names, replies, strict=True):
            if (snapshot := _snapshot(reply)) is not None:
                found[name] = snapshot
    return found


async def documents_of(links: Sequence[Link], session_ids: Sequence[str], fields: Sequence[str]) -> list[Any]:
    """Fields of each session's record, in whichever shard it is."""
    if not session_ids:
        return []
    places = [shard_of(name, len(links)) for name in session_ids]
    pairs = zip(places, session_ids, strict=True)
    return await ask(links, [(place, ("HMGET", links[place].keys.record(name), *fields)) for place, name in pairs])


def _snapshot(reply: list[Any]) -> Snapshot | None:
    document, state, run = reply
    return None if document is None else Snapshot(codec.decode_session(document, state), codec.decode_run(run))


async def list_checkpoints(client: Client, keys: Keys, session_id: str, after: int, limit: int) -> list[Checkpoint]:
    """See ``Store.list_checkpoints``."""
    key = keys.part("c", session_id)
    numbers = sorted(number for name in await client.call("HKEYS", key) if (number := int(name)) > after)
    chosen = numbers[: max(limit, 0)]
    if not chosen:
        return []
    found = await client.call("HMGET", key, *chosen)
    # The first byte says whether it is pinned, for the script that drops them.
    return [codec.decode_checkpoint(document[1:], None) for document in found if document is not None]


async def load_checkpoint(client: Client, keys: Keys, session_id: str, number: int) -> Checkpoint | None:
    """See ``Store.load_checkpoint``."""
    document, state = await client.calls(
        [("HGET", keys.part("c", session_id), number), ("HGET", keys.part("cs", session_id), number)]
    )
    return None if document is None else codec.decode_checkpoint(document[1:], state)


async def load_journal(client: Client, keys: Keys, session_id: str, run_id: str) -> list[JournalEntry]:
    """See ``Store.load_journal``."""
    flat = await client.call("HGETALL", keys.part("j", session_id))
    head = run_id.encode() + b"\0"
    found = []
    for field, value in zip(flat[::2], flat[1::2], strict=True):
        if field.startswith(head):
            order, _, document = value.partition(b":")
            found.append((int(order), document))
    return [codec.decode_journal(document) for _, document in sorted(found)]


async def inbox(client: Client, keys: Keys, session_id: str) -> list[Message]:
    """See ``Store.inbox``."""
    flat = await client.call("HGETALL", keys.part("i", session_id))
    return [codec.decode_message(document) for _, document in sorted(zip(flat[::2], flat[1::2], strict=True))]


async def claim(client: Client, keys: Keys, key: str) -> str | None:
    """See ``Store.claim``."""
    value = await client.call("HGET", keys.claims, key)
    return None if value is None else value.decode()


async def counters(links: Sequence[Link], prefix: str) -> dict[str, float]:
    """See ``Store.counters``: the sums over all shards, each as of its own moment."""
    head = prefix.encode()
    summed: dict[bytes, float] = {}
    if prefix.startswith("group:"):
        found = await asyncio.gather(*(_group_counters(link, head) for link in links))
    else:
        found = await ask(links, [(number, ("HGETALL", link.keys.counters)) for number, link in enumerate(links)])
    for flat in found:
        for name, value in zip(flat[::2], flat[1::2], strict=True):
            summed[name] = summed.get(name, 0.0) + float(value)
    return {name.decode(): value for name, value in summed.items() if name.startswith(head)}


async def _group_counters(link: Link, head: bytes) -> list[bytes]:
    found: list[bytes] = []
    cursor: bytes | int = 0
    pattern = _GLOB.sub(rb"\\\1", head) + b"*"
    key = link.keys.group_counters
    while True:
        cursor, flat = await link.client.call("HSCAN", key, cursor, "MATCH", pattern, "COUNT", 1000)
        found.extend(flat)
        if int(cursor) == 0:
            return found


async def drop_counters(client: Client, keys: Keys, names: Sequence[str]) -> None:
    """See ``Store.drop_counters``."""
    for start in range(0, len(names), _CHUNK):
        chunk = names[start : start + _CHUNK]
        await client.calls([("HDEL", key, *chunk) for key in (keys.counters, keys.group_counters)])
