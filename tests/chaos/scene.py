"""Two apps of this process on one store, as two processes would work on it, and the moments that matter most."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from nexus import AsyncNexus
from nexus.errors import Fenced, NexusError
from nexus.lifecycle import Moment, Rules, runs
from nexus.model import RUNNING
from nexus.model.change import Change, Snapshot
from nexus.stores.base import Store
from nexus.stores.memory import MemoryStore
from nexus.verifying import Ledger, Log, Verdict, check, gather
from nexus.verifying.evidence import Follower
from nexus.verifying.ledger import read
from nexus.verifying.load import SHARED, STEPS, WORKFLOW, Load, make_app, noting
from tests.chaos.planted import Sound

TURNS = 5


async def played(
    folder: Path, monkeypatch: pytest.MonkeyPatch, plant: Callable[[Store], Sound] = Sound, seed: int = 1
) -> dict[str, Verdict]:
    """Put load on a store for a moment, and check all promises.

    Args:
        folder: For the ledger.
        monkeypatch: Lets apps open the store that is here already.
        plant: Lays a bug over the store.
        seed: Decides on the load.
    """
    async with MemoryStore() as inner:
        shared = plant(inner)
        monkeypatch.setattr("nexus.partition.open_store", lambda *_, **__: shared)
        monkeypatch.setattr("nexus.verifying.load.LONGEST_WAIT", 0.3)
        log = Log(folder / "ledger", "scene")
        first, second = make_app("memory://", "", log), make_app("memory://", "", log)
        async with first, second:
            await first.start()
            await second.start()
            follower = Follower(first.store)
            async with follower.following():
                await _act(first, second, log, seed)
            ledger = read(folder / "ledger")
            evidence = await gather(first.store, ledger.sessions(), followed=follower)
        log.close()
    assert isinstance(ledger, Ledger)
    return {verdict.promise: verdict for verdict in check(ledger, evidence)}


async def _act(first: AsyncNexus, second: AsyncNexus, log: Log, seed: int) -> None:
    for session_id in SHARED:
        await first.create_session(session_id=session_id, timeout=0)
    loads = [Load(app.service(app.local_caller("sdk")), name, seed, log) for app, name in ((first, "a"), (second, "b"))]
    await asyncio.gather(*map(_everything, loads), late(first, second, log),
                         haunted(first, second, log))  # fmt: skip
    await asyncio.sleep(0.7)
    await first.parts.sweeper.mark_due()
    async with asyncio.timeout(20):
        while (await first.session_manager.list_sessions("status:in_progress", limit=1)).items:
            await asyncio.sleep(0.02)


async def _everything(load: Load) -> None:
    """Each kind of act a few times, however slow the machine is."""
    for _ in range(TURNS):
        for act in (load.set, load.add, load.set, load.compare, load.life, load.set, load.brief, load.run, load.crowd):
            await act()
            await asyncio.sleep(0)


async def late(first: AsyncNexus, second: AsyncNexus, log: Log) -> None:
    """One ends a session; the other, who knows it as it was, writes to it afterwards."""
    for number in range(3):
        session_id, key = f"own-late-{number}", f"key-late-{number}"
        await first.create_session(session_id=session_id)
        async with noting(log, "set", session_id, key=f"{key}-first") as act:
            log.answered(act, "done", version=(await second.update_session(session_id, {f"{key}-first": 1})).version)
        async with noting(log, "end", session_id) as act:
            log.answered(act, "done", version=(await first.end_session(session_id)).version)
        async with noting(log, "set", session_id, key=key) as act:
            log.answered(act, "done", version=(await second.update_session(session_id, {key: 1})).version)


async def haunted(first: AsyncNexus, second: AsyncNexus, log: Log) -> None:
    """A run is taken over from a process that is frozen, which thaws and commits what it had done."""
    session_id, engine = "haunted", first.parts.engine
    caller = first.local_caller("sdk")
    await first.create_session(session_id=session_id)
    async with noting(log, "run", session_id, steps=STEPS) as act:
        await engine.apply(session_id, _begin, caller)
        log.answered(act, "done")
    lease = runs.lease_of(await engine.load(session_id))
    await second.parts.executor._inherit(session_id, "frozen")  # type: ignore[attr-defined]
    while (seen := (await engine.load(session_id)).session).step < 4:
        await asyncio.sleep(0.005)
    assert seen.status in RUNNING
    with contextlib.suppress(Fenced, NexusError):
        await engine.apply(session_id, partial(_thawed, rules=engine.rules, lease=lease), caller)


def _begin(before: Snapshot, moment: Moment) -> Change:
    inputs = f'{{"count":{STEPS}}}'.encode()
    return runs.start(before, moment, run_id="run_1", workflow=WORKFLOW, inputs_json=inputs, worker="frozen")


def _thawed(before: Snapshot, moment: Moment, *, rules: Rules, lease: runs.Lease) -> Change:
    work = runs.Work(state_json=b'{"sum":1}', base_json=b'{"sum":0}', step=2, loops=(2,))
    return runs.commit(before, moment, rules, lease, work)
