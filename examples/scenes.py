"""Pieces of work as they come to a server: each goes from start to end through several channels."""

from __future__ import annotations

import asyncio
import random
import sysconfig
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .doors import Doors
from .nexus_app import ORDERS

PEOPLE = ("ana", "ben", "chen", "dora", "emil")
REQUESTS = (("a new screen", 420.0), ("a trip to Lisbon", 1350.0), ("a year of hosting", 2400.0), ("books", 86.5))


@dataclass(frozen=True, slots=True)
class Stage:
    """What a scene needs.

    Args:
        doors: The channels.
        folder: Where it may write; removed at the end.
        chance: Its choices; seeded, so that a run can be repeated.
        pace: Seconds that people take to think.
    """

    doors: Doors
    folder: Path
    chance: random.Random
    pace: float

    def id(self, kind: str) -> str:
        """A new id that a reader recognises."""
        return f"{kind}-{self.chance.randrange(16**6):06x}"

    async def think(self, times: float = 1.0) -> None:
        """Wait as a person would."""
        await asyncio.sleep(self.pace * times * self.chance.uniform(0.5, 1.5))


Scene = Callable[[Stage], Awaitable[None]]


async def journey(stage: Stage) -> None:
    """One session from API to CLI to MCP: the idea of Nexus in three steps."""
    session_id = stage.id("journey")
    doors = list(stage.doors.all)
    stage.chance.shuffle(doors)
    for step, door in enumerate(doors, 1):
        await door.run("multi-step-process", session_id, {"step": step, "data": f"from {door.name}"})
        await stage.think()
    await stage.doors.api.call("POST", f"/sessions/{session_id}/end")


async def process(stage: Stage) -> None:
    """Started by one channel, continued and completed by others; the state travels in the session."""
    session_id, user = stage.id("process"), stage.chance.choice(PEOPLE)
    await stage.doors.api.run("process", session_id, {"action": "start", "user_id": user})
    await stage.think()
    await stage.doors.cli.run("process", session_id, {"action": "continue"})
    await stage.think()
    await stage.doors.mcp.run("process", session_id, {"action": "complete"})
    if stage.chance.random() < 0.8:
        await stage.doors.cli.call("sessions", "end", session_id)


async def batch(stage: Stage) -> None:
    """A group of children under one parent, each indexing a part of Python's own library in the background."""
    api = stage.doors.api
    group, parent = stage.id("batch"), stage.id("library")
    library = Path(sysconfig.get_path("stdlib"))
    folders = [folder for folder in ("json", "email", "asyncio", "http", "logging") if (library / folder).is_dir()]
    await api.call("POST", "/groups", {"group_id": group, "metadata": {"library": library.name}})
    await api.call("POST", "/sessions", {"session_id": parent, "group": group, "metadata": {"for": "index-files"}})
    await stage.doors.mcp.run("multi-step-process", parent, {"step": 1, "data": "plan"})
    for folder in stage.chance.sample(folders, k=min(3, len(folders))):
        child = f"{parent}-{folder}"
        await api.call("POST", "/sessions", {"session_id": child, "parent_session": parent})
        inputs: dict[str, Any] = {"root": str(library / folder), "pattern": "*.py", "pause": stage.pace / 10}
        await api.call(
            "POST", "/workflows/index-files/execute", {"inputs": inputs, "session_id": child, "background": True}
        )
        await stage.think(0.5)
    await api.call("GET", f"/groups/{group}/wait?timeout=50")
    await stage.think()
    await api.call("POST", f"/groups/{group}/end")


async def orders(stage: Stage) -> None:
    """An import that fails on a bad row; somebody mends the file, and a resume goes on from that row."""
    session_id = stage.id("orders")
    file = stage.folder / f"{session_id}.csv"
    file.write_bytes(ORDERS.read_bytes())
    door = stage.chance.choice(stage.doors.all)
    result = await door.run("import-orders", session_id, {"path": str(file), "pause": stage.pace / 20})
    if result["status"] != "failed":
        return
    await stage.think(3)
    if stage.chance.random() < 0.2:
        return  # nobody has time today: it stays failed, for an operator to find
    mend(file)
    await stage.doors.cli.call("sessions", "resume", session_id)
    await stage.think()
    await stage.doors.api.call("POST", f"/sessions/{session_id}/end", {"reason": "imported"})
    file.unlink()


def mend(file: Path) -> None:
    """Put a number where the bad row has a word."""
    file.write_text(file.read_text(encoding="utf-8").replace(",three,", ",3,"), encoding="utf-8")


async def approval(stage: Stage) -> None:
    """A request that waits for people, who answer later and elsewhere."""
    session_id = stage.id("approval")
    request, amount = stage.chance.choice(REQUESTS)
    result = await stage.doors.mcp.run("approval", session_id, {"request": request, "amount": amount})
    while result["status"] == "suspended":
        await stage.think(4)
        session = await stage.doors.api.call("GET", f"/sessions/{session_id}")
        who = session["state"].get("waiting_for")
        if session["status"] != "suspended" or not who:
            return
        answer = {"by": stage.chance.choice(PEOPLE), "approved": stage.chance.random() < 0.8}
        await stage.doors.api.call("POST", f"/sessions/{session_id}/signal", {"name": who, "payload": answer})
        await stage.think()
        result = await stage.doors.api.call("GET", f"/sessions/{session_id}")
    await stage.doors.api.call("POST", f"/sessions/{session_id}/end")


async def second_look(stage: Stage) -> None:
    """A failed import, forked from an early checkpoint to look at it without touching the original."""
    session_id = stage.id("orders")
    result = await stage.doors.api.run("import-orders", session_id, {})
    if result["last_checkpoint"] is None:
        return
    await stage.think(2)
    copy = f"{session_id}-copy"
    await stage.doors.api.call(
        "POST", f"/sessions/{session_id}/fork", {"checkpoint_id": "checkpoint-10", "session_id": copy}
    )
    await stage.doors.api.call("POST", f"/sessions/{copy}/extend", {"seconds": 600})
    await stage.think(2)
    await stage.doors.cli.call("sessions", "end", copy, "--status", "cancelled", "--reason", "looked at it")


SCENES: tuple[Scene, ...] = (journey, process, batch, orders, approval, second_look)
"""All scenes; the driver begins with each of them once."""
