"""A process that archives and does nothing else; its arguments are the store's URL and prefix, and the database."""

from __future__ import annotations

import asyncio
import sys

from nexus.archive.database import Database
from nexus.archive.keeper import Keeper
from nexus.archive.kept import KeptStore
from nexus.stores.redis import RedisStore

LEASE = 0.2
"""So short that others take over at once, and now and then too early."""


async def main(url: str, prefix: str, database_url: str) -> None:
    live = RedisStore(url, prefix=prefix)
    async with KeptStore(live, Keeper(live, Database(database_url), lease=LEASE)) as store:
        store.keeper.start()
        print("archiving", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
