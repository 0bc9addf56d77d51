"""The promises that can be read off a store as it is, while others work on it: nothing is changed."""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec.structs import replace

from nexus.audit import verify
from nexus.model import Event, Session
from nexus.query import parse
from nexus.stores.base import Store
from nexus.verifying import promises
from nexus.verifying.evidence import Evidence, all_sessions, break_in_words, counters_of, events_of
from nexus.verifying.ledger import Ledger
from nexus.verifying.verdict import Verdict

MOST: Final = 10_000
"""Sessions that are looked at, if nothing else is said."""
_TRIES: Final = 5
_PAUSE: Final = 0.2


async def verify_existing(store: Store, most: int = MOST) -> list[Verdict]:
    """Check what a store holds.

    Args:
        store: Open.
        most: How many sessions to look at, in order of their ids.

    Returns:
        Verdicts on versions, endings, expiries, counters and the audit. Sessions that change at each look are left
        out, and so are those whose oldest events are no longer kept.
    """
    sessions: dict[str, Session] = {}
    events: dict[str, tuple[Event, ...]] = {}
    async for each in all_sessions(store):
        if len(sessions) >= most:
            break
        found = await _at_rest(store, each)
        if found is not None:
            sessions[each.id], events[each.id] = found
    told = {key: session for key, session in sessions.items() if _whole(events[key])}
    evidence = Evidence(sessions=told, events={key: events[key] for key in told}, counters={})
    nobody = Ledger(complete=False)
    return [
        *(check(nobody, evidence) for check in (promises.versions, promises.final, promises.expiry)),
        await _counters(store, most),
        await _chain(store),
    ]


async def _at_rest(store: Store, session: Session) -> tuple[Session, tuple[Event, ...]] | None:
    """The session with its events, both of one version."""
    for _ in range(_TRIES):
        events = await events_of(store, session.id)
        after = await store.load(session.id)
        if after is None:
            return None
        if after.session.version == session.version:
            return after.session, events
        session = after.session
    return None


def _whole(events: tuple[Event, ...]) -> bool:
    """Whether all events of a session are kept, and no version was left out on purpose, as for a restored one."""
    restored = any(event.type == "session.restored" for event in events)
    return bool(events) and events[0].version == 1 and not restored


async def _chain(store: Store) -> Verdict:
    """The audit's chains; sessions from before there was an audit have no records, so those are not asked for."""
    verdict, empty = await verify(store), promises.audit(Ledger(), Evidence(sessions={}, events={}, counters={}))
    broken = break_in_words(verdict)
    told = (broken,) if broken else ()
    return replace(
        empty, says="the audit's chain is as it was written", checked=verdict.records, broken=told, skipped=""
    )


async def _counters(store: Store, most: int) -> Verdict:
    """The counters against a recount, as of a moment at which nothing changed."""
    empty = promises.counters(Ledger(), Evidence(sessions={}, events={}, counters={}))
    if await store.count(parse(""), 0.0) > most:
        return replace(empty, skipped=f"there are more than {most:,} sessions")
    for _ in range(_TRIES):
        before = await store.read_events(None, 1)
        counters = await counters_of(store)
        sessions = {each.id: each async for each in all_sessions(store)}
        if not (await store.read_events(before.cursor, 1)).events:
            return promises.counters(Ledger(), Evidence(sessions=sessions, events={}, counters=counters))
        await asyncio.sleep(_PAUSE)
    return replace(empty, skipped="the store changed at every look")
