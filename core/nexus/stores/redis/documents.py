"""Documents of the system, by kind: a hash for each."""

from __future__ import annotations

import secrets

from nexus.stores.base import Conflict
from nexus.stores.chain import digest
from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys
from nexus.stores.redis.scripts import DOCUMENT


async def documents(client: Client, keys: Keys, kind: str) -> dict[str, bytes]:
    """See ``Store.documents``."""
    flat = await client.call("HGETALL", keys.part("doc", kind))
    return {name.decode(): body for name, body in sorted(zip(flat[::2], flat[1::2], strict=True))}


async def put_document(
    client: Client, keys: Keys, kind: str, name: str, body: bytes | None, expected: bytes | None, entry: bytes = b""
) -> None:
    """See ``Store.put_document``. One that is as it should be already is no conflict: an answer may have got lost."""
    arguments = (name, *_maybe(body), *_maybe(expected), kind, secrets.token_hex(8), entry, digest(entry))
    if not await client.run(DOCUMENT, [keys.part("doc", kind), keys.meta, keys.root + b"o", keys.audit], arguments):
        raise Conflict(name)


def _maybe(body: bytes | None) -> tuple[str, bytes]:
    return ("0", b"") if body is None else ("1", body)
