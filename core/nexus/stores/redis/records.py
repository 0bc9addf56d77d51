"""Reading sessions, what belongs to them, claims and counters, of one shard."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from nexus.model import Checkpoint, JournalEntry
from nexus.stores import codec
from nexus.stores.base import Message, Snapshot
from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys

_CHUNK: Final = 500
_GLOB: Final = re.compile(rb"([\\*?\[\]])")


async def load(client: Client, keys: Keys, session_id: str) -> Snapshot | None:
    """See ``Store.load``."""
    return _snapshot(await client.call("HMGET", keys.record(session_id), "d", "s", "r"))


async def load_many(client: Client, keys: Keys, session_ids: Sequence[str]) -> dict[str, Snapshot]:
    """See ``Store.load_many``."""
    found: dict[str, Snapshot] = {}
    for start in range(0, len(session_ids), _CHUNK):
        names = session_ids[start : start + _CHUNK]
        replies = await client.calls([("HMGET", keys.record(name), "d", "s", "r") for name in names])
        for name, reply in zip(names, replies, strict=True):
            if (snapshot := _snapshot(reply)) is not None:
                found[name] = snapshot
    return found


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


async def counters(client: Client, keys: Keys, prefix: str) -> dict[str, float]:
    """See ``Store.counters``."""
    head = prefix.encode()
    if not prefix.startswith("group:"):
        flat = await client.call("HGETALL", keys.counters)
        pairs = zip(flat[::2], flat[1::2], strict=True)
        return {name.decode(): float(value) for name, value in pairs if name.startswith(head)}
    found: dict[str, float] = {}
    cursor: bytes | int = 0
    pattern = _GLOB.sub(rb"\\\1", head) + b"*"
    while True:
        cursor, flat = await client.call("HSCAN", keys.group_counters, cursor, "MATCH", pattern, "COUNT", 1000)
        found.update((name.decode(), float(value)) for name, value in zip(flat[::2], flat[1::2], strict=True))
        if int(cursor) == 0:
            return found


async def drop_counters(client: Client, keys: Keys, names: Sequence[str]) -> None:
    """See ``Store.drop_counters``."""
    for start in range(0, len(names), _CHUNK):
        chunk = names[start : start + _CHUNK]
        await client.calls([("HDEL", key, *chunk) for key in (keys.counters, keys.group_counters)])
