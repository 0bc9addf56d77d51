"""Workers and their leases, by the server's clock: the one clock that all machines share."""

from __future__ import annotations

from nexus.model import Worker
from nexus.model.change import UNOWNED
from nexus.stores import codec
from nexus.stores.redis import entries
from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys
from nexus.stores.redis.scripts import BEAT


async def beat(client: Client, keys: Keys, worker: Worker, lease: float) -> None:
    """See ``Store.beat``."""
    await client.run(BEAT, [keys.workers], [worker.id, codec.encode_worker(worker), repr(float(lease))])


async def list_workers(client: Client, keys: Keys) -> list[Worker]:
    """See ``Store.workers``."""
    (seconds, micros), flat = await client.calls([("TIME",), ("HGETALL", keys.workers)])
    now = int(seconds) + int(micros) / 1e6
    found = []
    for _, value in sorted(zip(flat[::2], flat[1::2], strict=True)):
        until, seen_at, document = value.split(b" ", 2)
        found.append(codec.decode_worker(document, alive=now < float(until), seen_at=float(seen_at)))
    return found


async def forget(client: Client, keys: Keys, worker_id: str) -> None:
    """See ``Store.forget_worker``."""
    await client.call("HDEL", keys.workers, worker_id)


async def runs_of(client: Client, keys: Keys, worker_id: str, limit: int) -> list[str]:
    """See ``Store.runs_of``."""
    found = await client.call("ZRANGEBYLEX", keys.index["worker"], *entries.under(worker_id), "LIMIT", 0, max(limit, 0))
    return [entry.rpartition(b"\0")[2].decode() for entry in found]


async def holders(client: Client, keys: Keys) -> set[str]:
    """See ``Store.holders``; from the first entry of one worker to that of the next."""
    found: set[str] = set()
    behind = entries.under(UNOWNED)[1]
    while first := await client.call("ZRANGEBYLEX", keys.index["worker"], behind, "+", "LIMIT", 0, 1):
        worker_id = first[0].partition(b"\0")[0].decode()
        found.add(worker_id)
        behind = entries.under(worker_id)[1]
    return found
