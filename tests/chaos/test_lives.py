"""An id that is given again after its session was deleted is a session of its own, for the checks as well."""

from __future__ import annotations

import pytest

from nexus import AsyncNexus
from nexus.model import Status
from nexus.testing import FakeClock
from nexus.testing.builders import NOW, a_session, an_event
from nexus.verifying import Ledger, check, gather
from nexus.verifying.evidence import Follower
from nexus.verifying.expiry import too_early


async def test_who_takes_a_run_from_the_queue_by_a_clock_that_is_ahead_moves_no_deadline() -> None:
    session = a_session(
        "s", status=Status.EXPIRED, timeout=60.0, created_at=NOW, ended_at=NOW + 62, idle_deadline=NOW + 62
    )
    record = [
        an_event("session.created", "s", ts=NOW, version=1),
        an_event("run.queued", "s", ts=NOW + 1, version=2),
        an_event("run.started", "s", ts=NOW + 3600, version=3, data={"worker": "w"}),
        an_event("run.completed", "s", ts=NOW + 2, version=4),
        an_event("session.expired", "s", ts=NOW + 63, version=5, duration=62.0),
    ]
    assert too_early(session, record) == []
    record[2] = an_event("run.started", "s", ts=NOW + 3600, version=3)
    assert too_early(session, record)


@pytest.mark.parametrize("changes", [0, 3])
async def test_a_session_of_a_deleted_ones_id_breaks_no_promise(changes: int) -> None:
    clock = FakeClock()
    async with AsyncNexus(clock=clock, store="memory://", session_retention=60, event_retention=10_000) as app:
        follower = Follower(app.store)
        async with follower.following():
            await app.create_session(session_id="s")
            await app.update_session("s", {"a": 1})
            await app.end_session("s")
            clock.advance(61)
            assert await app.parts.sweeper.delete_old() == 1
            await app.create_session(session_id="s")
            for number in range(changes):
                await app.update_session("s", {"b": number})
        evidence = await gather(app.store, followed=follower)
    verdicts = check(Ledger(complete=False), evidence)
    assert [verdict.broken for verdict in verdicts] == [()] * len(verdicts)
    assert evidence.sessions["s"].version == 1 + changes
