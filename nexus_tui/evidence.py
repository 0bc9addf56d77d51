"""Gathering what explains a session: its record, its run, its newest events, and the processes that live."""

from __future__ import annotations

import asyncio

from nexus.service import Service
from nexus_tui.viewmodels.why import Evidence

_EVENTS = 100


async def gather_evidence(service: Service, session_id: str, now: float) -> Evidence:
    """Read what is known of a session; each part as of its own read.

    Args:
        service: Where.
        session_id: Which.
        now: Seconds since the epoch.

    Raises:
        SessionNotFound, StoreUnavailable: As they say.
    """
    session, run, workers, events = await asyncio.gather(
        service.get_session(session_id),
        service.get_run(session_id),
        service.workers(),
        service.list_events(session_id, limit=_EVENTS, newest=True),
    )
    return Evidence(session, run, workers, events.items, now)
