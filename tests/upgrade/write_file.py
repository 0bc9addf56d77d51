"""Writes a store with something of everything in it, and beside it, as JSON, what it holds.

The files of older formats in ``files/`` were written by this with the code of their time, checked out elsewhere:
``PYTHONPATH=OLD/core:. python tests/upgrade/write_file.py FILE [archive]``; format 1 of SQLite with commit ee3630a,
format 2 and revision 0001 of the archive with e7c41e5. A process that runs a workflow is killed on the way, so that a
run is left to be taken over.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from nexus import AsyncNexus


def made(file: str, redis: str | None = None) -> AsyncNexus:
    """An app on the file, with the workflows that its runs are of.

    Args:
        file: The store; with ``redis`` the archive beside that.
        redis: The URL of a Redis.
    """
    places: dict[str, Any] = {"store": f"sqlite:///{file}"}
    if redis is not None:
        places = {"store": redis, "session_persistence": True, "database_url": f"sqlite:///{file}"}
    app = AsyncNexus(recovery_interval=1.0, session_timeout=0, session_retention=0, **places)

    @app.workflow("count")
    async def count(run: Any, to: int) -> int:
        """Count, and die on the way where that is wanted."""
        async for number in run.steps(range(to)):
            run.state["count"] = number + 1
            if number == 3 and os.environ.get("DIE"):
                os.kill(os.getpid(), signal.SIGKILL)
        return to

    @app.workflow("asks")
    async def asks(run: Any) -> Any:
        """Wait for an answer."""
        return await run.wait_for("answer")

    return app


async def write(file: str, redis: str | None) -> None:
    """Everything that a file can hold."""
    async with made(file, redis) as app:
        manager = app.session_manager
        await app.create_session(session_id="plain", metadata={"who": "acme", "n": 2**70}, state={"list": [], "x": 1.5})
        for number in range(5):
            await app.update_session("plain", {f"key{number}": "ä" * number})
        await app.create_session(session_id="large", state={"text": "0123456789" * 300})
        await manager.create_group("batch", metadata={"of": "three"})
        for number in range(3):
            await app.create_session(session_id=f"member-{number}", group="batch", user_id="u7", timeout=0)
        await app.end_session("member-0", status="completed", reason="done")
        await app.end_session("member-1", status="cancelled")
        await app.create_session(session_id="child", parent_session="plain")
        await app.execute_workflow("count", "ran", {"to": 4}, idempotency_key="once")
        await app.fork_session("ran", "checkpoint-2", new_session_id="forked")
        await app.resume_from_checkpoint("ran", "checkpoint-1")
        for _ in range(2):
            await app.execute_workflow("asks", "waits", {}, background=True)
        while (await app.get_session("waits")).status.value != "suspended":
            await asyncio.sleep(0.01)


async def die(file: str, redis: str | None) -> None:
    """Begin a run, and be killed in it."""
    async with made(file, redis) as app:
        await app.execute_workflow("count", "orphaned", {"to": 6})


async def archive(file: str, redis: str) -> None:
    """Have all of it archived; the process that was killed is the archiver until its lease is over."""
    async with made(file, redis).derive(embedded_worker=False) as app:
        await app.start()
        # A store that is slow to answer tells nothing of its archive.
        while (await app.store.health()).facts.get("archive_pending") != "0":
            await asyncio.sleep(0.5)


async def told(file: str, redis: str | None = None) -> dict[str, Any]:
    """All that the file holds, as its users see it."""
    async with made(file, redis).derive(embedded_worker=False) as app:
        manager = app.session_manager
        found: dict[str, Any] = {"sessions": {}, "events": {}, "checkpoints": {}}
        for session in (await manager.list_sessions("", limit=100)).items:
            found["sessions"][session.id] = session.to_dict()
            events = (await manager.list_events(session.id)).items
            found["events"][session.id] = [[event.seq, event.type, event.version] for event in events]
            kept = (await manager.list_checkpoints(session.id)).items
            found["checkpoints"][session.id] = [checkpoint.id for checkpoint in kept]
        found["group"] = (await manager.get_group("batch")).to_dict()
        counters = await app.parts.engine.store.counters()
        found["counters"] = {name: value for name, value in counters.items() if not name.startswith("minute:")}
        return found


def main(file: str, redis: str | None) -> None:
    """See the module's docstring."""
    if os.environ.get("DIE"):
        asyncio.run(die(file, redis))
    asyncio.run(write(file, redis))
    words = [sys.executable, __file__, file, *([redis] if redis else [])]
    killed = subprocess.run(words, env={**os.environ, "DIE": "1"}, check=False).returncode
    if killed != -signal.SIGKILL:
        raise SystemExit(f"the process that was to be killed ended with {killed}")
    if redis is not None:
        asyncio.run(archive(file, redis))
    shown = asyncio.run(told(file, redis))
    Path(file).with_suffix(".json").write_text(json.dumps(shown, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[2:] == ["archive"]:
        from tests.core.stores.redis.servers import single

        with tempfile.TemporaryDirectory() as folder, single(Path(folder)) as server:
            main(sys.argv[1], server.url)
    else:
        main(sys.argv[1], sys.argv[2] if sys.argv[2:] else None)
