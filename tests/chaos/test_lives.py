"""An id that is given again after its session was deleted is a session of its own, for the checks as well."""

from __future__ import annotations

import pytest

from nexus import AsyncNexus
from nexus.testing import FakeClock
from nexus.verifying import Ledger, check, gather
from nexus.verifying.evidence import Follower


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
