"""The audit's chain of one shard: a stream that the scripts append to, each in the commit of what it tells of."""

from __future__ import annotations

from typing import Any

from nexus.model.audit import AuditHead, StoredAudit
from nexus.stores.archiving import AuditReach
from nexus.stores.chain import digest
from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys
from nexus.stores.redis.scripts import AUDIT, CARRY, SHED


def chain_name(keys: Keys) -> str:
    """``""`` for a store that is one shard, ``s07`` for a shard of several."""
    return "" if keys.shard.count == 1 else f"s{keys.shard.number:02d}"


async def append(client: Client, keys: Keys, document: bytes) -> None:
    """See ``Store.append_audit``."""
    await client.run(AUDIT, [keys.meta, keys.audit], [document, digest(document)])


async def trim(client: Client, keys: Keys, upto: AuditHead, anchor: bytes, *, archived: bool = False) -> int:
    """See ``Store.trim_audit``; ``archived`` says that the archive has what is trimmed."""
    arguments = (anchor, digest(anchor), upto.count, upto.hash, upto.count + 1, "1" if archived else "0")
    deleted: int = await client.run(SHED, [keys.meta, keys.audit], arguments)
    return deleted


async def reach(client: Client, keys: Keys) -> AuditReach:
    """See ``Outbox.audit_reach``."""
    trimmed, kept = await client.call("HMGET", keys.meta, "audit_trimmed", "audit_kept")
    return AuditReach(trimmed=int(trimmed or 0), kept=int(kept or 0))


async def go_on(client: Client, keys: Keys, last: AuditHead, trimmed: int) -> None:
    """See ``Outbox.go_on_audit``."""
    while True:
        rows = await client.call("XRANGE", keys.audit, "-", "+")
        documents = [row.document for row in map(_stored, rows)]
        pairs = [word for document in documents for word in (document, digest(document))]
        arguments = (last.count, last.hash, trimmed, len(rows), *pairs)
        if await client.run(CARRY, [keys.meta, keys.audit], arguments):
            return


async def head(client: Client, keys: Keys) -> AuditHead:
    """Where the chain ends."""
    count, found = await client.call("HMGET", keys.meta, "audit_seq", "audit_hash")
    return AuditHead(chain=chain_name(keys), count=int(count or 0), hash=(found or b"").decode())


async def read(
    client: Client, keys: Keys, after: int, before: int | None, limit: int, *, newest: bool
) -> list[StoredAudit]:
    """See ``Store.read_audit``."""
    first, last = f"({max(after, 0)}-0", "+" if before is None else f"({max(before, 0)}-0"
    if limit <= 0:
        return []
    if newest:
        rows = await client.call("XREVRANGE", keys.audit, last, first, "COUNT", limit)
    else:
        rows = await client.call("XRANGE", keys.audit, first, last, "COUNT", limit)
    return list(map(_stored, rows))


def _stored(row: Any) -> StoredAudit:
    # Whoever wrote into the stream may have left other fields.
    fields = dict(zip(row[1][::2], row[1][1::2], strict=False))
    number = int(row[0].partition(b"-")[0])
    return StoredAudit(number, fields.get(b"d", b""), fields.get(b"h", b"").decode(errors="replace"))
