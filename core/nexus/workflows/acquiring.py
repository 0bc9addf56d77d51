"""The ways in which a run becomes this process's: begun, taken from the queue, taken over, next from the inbox.

Each is one commit that gives the run to a worker; losing the race for it is no error.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nexus.errors import InvalidTransition, SessionBusy, SessionExpired, SessionNotFound
from nexus.lifecycle import Moment, inbox, runs
from nexus.model import RUNNING, Caller
from nexus.model.change import UNOWNED, Change, Snapshot
from nexus.sessions.engine import Engine
from nexus.workflows.decision import Decision
from nexus.workflows.wanted import KIND, Wanted, wanted_of

_OVER = (SessionExpired, InvalidTransition, SessionBusy, SessionNotFound)
Knows = Callable[[str], bool]


async def begin(engine: Engine, session_id: str, wanted: Wanted, worker: str) -> Snapshot:
    """Start a run in an idle session.

    Raises:
        SessionBusy: A run is live.
        SessionExpired, InvalidTransition, SessionNotFound: The session can't be used.
        ClaimTaken: The idempotency key has been used.
    """
    return await engine.apply(session_id, partial(runs.start, worker=worker, **wanted.start()), wanted.caller)


async def begin_or_queue(engine: Engine, session_id: str, wanted: Wanted, worker: str) -> Snapshot:
    """Start a run, or leave it in the inbox of a busy session; the snapshot's run tells which."""
    message = wanted.message(engine.clock.now())

    def decide(before: Snapshot, moment: Moment) -> Change:
        if before.session.status in RUNNING:
            return inbox.enqueue(before, moment, message, run_id=wanted.run_id, idempotency_key=wanted.key)
        return runs.start(before, moment, worker=worker, **wanted.start())

    return await engine.apply(session_id, decide, wanted.caller)


async def take(
    engine: Engine, session_id: str, caller: Caller, worker: str, knows: Knows, *, dead: str | None = None
) -> Snapshot | None:
    """Take a run that waits, or that a dead worker held.

    Args:
        engine: Where.
        session_id: The run's session.
        caller: On whose behalf; the system's.
        worker: Who takes it; with ``UNOWNED`` a dead worker's run waits to be taken from then on.
        knows: Whether a workflow can be executed.
        dead: The dead worker's id.

    Returns:
        The session as acquired; ``None`` if there was nothing to take, somebody else was quicker, or it failed for
        good because too many processes have died with it.
    """

    def decide(before: Snapshot, moment: Moment) -> Change | None:
        if before.run is None or not knows(before.run.workflow):
            return None
        return runs.take(before, moment, engine.rules, worker, dead=dead)

    decision = Decision(decide)
    try:
        after = await engine.apply(session_id, decision, caller)
    except _OVER:
        return None
    return after if decision.made(after) and held_by(after, worker) else None


async def next_in_line(engine: Engine, session_id: str, caller: Caller, worker: str, knows: Knows) -> Snapshot | None:
    """Start the run that has waited longest in the inbox of an idle session.

    Returns:
        The session with a run for ``worker`` to execute; ``None`` if there is none. One that this process does not
        know is started all the same, and waits for a process that does.
    """
    while True:
        try:
            seen = (await engine.load(session_id)).session
        except SessionNotFound:
            return None
        waiting = [message for message in await engine.store.inbox(session_id) if message.kind == KIND]
        if waiting:
            wanted = wanted_of(waiting[0])
            owner = worker if knows(wanted.workflow) else UNOWNED
            start = partial(
                runs.start, take=(waiting[0].id,), followed=len(waiting) > 1, worker=owner, **wanted.start()
            )
            decision, by = Decision(start, version=seen.version), wanted.caller
        else:
            decision, by = Decision(inbox.settle, version=seen.version), caller
        try:
            after = await engine.apply(session_id, decision, by)
        except _OVER:
            return None
        if decision.made(after):
            return after if held_by(after, worker) else None
        if after.session.status in RUNNING or after.run is None or after.run.worker != UNOWNED:
            return None


def held_by(snapshot: Snapshot, worker: str) -> bool:
    """Whether the session's run is this worker's to execute."""
    return snapshot.run is not None and snapshot.session.status in RUNNING and snapshot.run.worker == worker
