"""One process of a check: puts load on the store for a while, and executes runs until its stdin is closed.

``python -m nexus.verifying.client NAME SEED SECONDS LEDGER``, with the store's URL, which may hold a password, in
``NEXUS_VERIFY_STORE`` and the prefix of its keys in ``NEXUS_VERIFY_PREFIX``.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from nexus.verifying.ledger import Log
from nexus.verifying.load import Load, make_app

STORE, PREFIX = "NEXUS_VERIFY_STORE", "NEXUS_VERIFY_PREFIX"


async def main(name: str, seed: int, seconds: float, ledger: Path) -> None:
    """Work, and serve until nobody needs it any more."""
    log = Log(ledger, name)
    app = make_app(os.environ[STORE], os.environ[PREFIX], log)
    async with app:
        await app.start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await Load(app.service(app.local_caller("sdk")), name, seed, log).work(seconds)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])))
