"""One client in a process of its own: says when it is ready, works when told to, and prints what it did.

Arguments: the store's URL, the number of the client, the seed, how many operations at most. It begins with the first
line on its standard input, and stops when that is closed.
"""

from __future__ import annotations

import asyncio
import sys

import msgspec

import nexus.app
from nexus import AsyncNexus
from tests.linearizability.histories import Client
from tests.linearizability.impatience import open_at_last, open_impatiently


async def main(url: str, number: int, seed: int, most: int) -> None:
    """See the module's docstring."""
    # As ``monkeypatch`` does for clients in the test's own process.
    setattr(nexus.app, "open_store", open_impatiently)  # noqa: B010
    loop = asyncio.get_running_loop()
    app = AsyncNexus(store=url)
    await open_at_last(app)
    async with app:
        client = Client(app, number, seed)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await loop.run_in_executor(None, sys.stdin.readline)
        closed = loop.run_in_executor(None, sys.stdin.read)
        while client.able and len(client.done) < most and not closed.done():
            await client.act()
        sys.stdout.write(msgspec.json.encode(client.done).decode() + "\n")
        sys.stdout.flush()
        await closed


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
