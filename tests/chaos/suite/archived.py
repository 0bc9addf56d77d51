"""The archive beside Redis: brought up to date by hand, and compared with what was committed."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable

from nexus.archive.archiver import Archiver
from nexus.archive.database import Database
from nexus.archive.restoring import Restorer
from nexus.errors import NexusError
from nexus.model import Event
from nexus.stores.redis import RedisStore
from nexus.verifying.evidence import Evidence
from nexus.verifying.following import some
from nexus.verifying.verdict import Verdict
from tests.core.archive.churn import archived, contents, differences

_PATIENCE = 60.0
_WHO = "chaos"
_SHOWN = 300
"""Characters of a difference that are told."""


async def archive_all(url: str, prefix: str, database_url: str) -> None:
    """Return once all commits of a store that nobody changes are archived.

    Args:
        url: The store's, with nothing in between.
        prefix: What its keys begin with.
        database_url: The archive's.
    """
    database = Database(database_url)
    try:
        async with asyncio.timeout(_PATIENCE), RedisStore(url, prefix=prefix) as store:
            outbox = store.outboxes[0]
            archiver = Archiver(outbox, database, Restorer(database, _WHO, _WHO, time.time), _WHO, time.time)
            while True:
                # Whoever led before may have left the lease behind.
                worked = await _turn(archiver)
                if not worked and (await outbox.marks()).copied == "done" and not (await outbox.lag()).entries:
                    break
                await asyncio.sleep(0 if worked else 0.1)
    finally:
        await database.close()


async def _turn(archiver: Archiver) -> bool:
    try:
        return await archiver.turn()
    except NexusError:
        # The database was locked.
        return False


async def kept(url: str, prefix: str, database_url: str, evidence: Evidence) -> Verdict:
    """Whether the archive has all that was committed, now and in the past.

    Args:
        url: See ``archive_all``.
        prefix: See ``archive_all``.
        database_url: See ``archive_all``.
        evidence: What there is, and the events as they were followed.
    """
    database = Database(database_url)
    try:
        async with RedisStore(url, prefix=prefix) as store:
            live, past = await contents(store), await archived(database)
    finally:
        await database.close()
    apart = {"events": None, "counters": None}
    broken = [text[:_SHOWN] for text in differences(live | apart, past | apart)]
    broken += _unequal(live["counters"], past["counters"])
    known: dict[int, Event] = past["events"]
    broken += _unlike("followed", evidence.followed or (), known)
    broken += _unlike("kept", live["events"].values(), known)
    return Verdict(
        promise="archived", says="the archive has all that was committed, and its history is complete",
        checked=len(past) + len(known), unit="archived records", broken=tuple(broken),
    )  # fmt: skip


def _unequal(live: dict[str, float], past: dict[str, float]) -> list[str]:
    """Counters that differ; those of minutes, which are dropped by anybody's clock, are no part of a promise."""
    names = {name for name in {*live, *past} if not name.startswith("minute:")}
    return [
        f"counter {name}: {live.get(name, 0):g}, and {past.get(name, 0):g} in the archive" for name in sorted(names)
        if not math.isclose(live.get(name, 0), past.get(name, 0), rel_tol=1e-6, abs_tol=1e-3)
    ]  # fmt: skip


def _unlike(how: str, events: Iterable[Event], known: dict[int, Event]) -> list[str]:
    missing = [event.seq for event in events if known.get(event.seq) != event]
    return [f"events {some(missing)} were {how}, and the archive does not have them so"] if missing else []
