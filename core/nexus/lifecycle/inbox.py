"""Transitions by what is left in a session's inbox: signals, and runs that are wanted while another is live."""

from __future__ import annotations

from msgspec.structs import replace

from nexus.lifecycle import table
from nexus.lifecycle.building import advance, change, touched
from nexus.lifecycle.moment import Moment
from nexus.lifecycle.outcomes import claimed
from nexus.model import RUNNING, Session, Status
from nexus.model.change import UNOWNED, Change, Message, Snapshot


def _numbered(message: Message, session: Session) -> Message:
    """The message under an id that sorts by arrival, whatever the clocks of those who leave messages say."""
    return replace(message, id=f"msg_{session.version:020d}")


def signal(before: Snapshot, moment: Moment, message: Message) -> Change:
    """Leave a signal in the inbox; a run that waits for it may be taken on from now.

    Raises:
        SessionExpired, InvalidTransition: The session is over.
    """
    session, run = before.session, before.run
    table.usable(session, moment, "signalled")
    after = advance(session, **touched(session, moment))
    if run is not None and run.wait is not None and run.worker is None and run.wait.signal == message.name:
        run = replace(run, worker=UNOWNED)
    event = moment.event("session.signalled", after, name=message.name)
    return change(before, after, run, moment, event, put=(_numbered(message, session),))


def wake_overdue(before: Snapshot, moment: Moment) -> Change | None:
    """Let a run whose wait is past its deadline be taken on; ``None`` if there is no such wait."""
    session, run = before.session, before.run
    overdue = (
        session.status is Status.SUSPENDED and run is not None and run.worker is None and run.wait is not None
        and run.wait.deadline is not None and run.wait.deadline <= moment.now
    )  # fmt: skip
    if not overdue or run is None or run.wait is None:
        return None
    after = advance(session)
    event = moment.event("run.woken", after, run_id=run.id, signal=run.wait.signal, reason="deadline")
    return change(before, after, replace(run, worker=UNOWNED), moment, event)


def enqueue(
    before: Snapshot, moment: Moment, message: Message, *, run_id: str, idempotency_key: str | None = None
) -> Change:
    """Leave a wanted run in the inbox of a busy session; whoever finishes the live one starts it.

    Raises:
        SessionExpired, InvalidTransition: The session is over.
    """
    session = before.session
    table.usable(session, moment, Status.IN_PROGRESS.value)
    after = advance(session, **touched(session, moment))
    event = moment.event("run.queued", after, workflow=message.name, run_id=run_id)
    run = replace(before.run, followed=True) if before.run is not None else None
    claims = claimed(session, run_id, idempotency_key)
    return change(before, after, run, moment, event, put=(_numbered(message, session),), claims=claims)


def settle(before: Snapshot, moment: Moment) -> Change | None:
    """Note that nobody waits in the inbox any more; ``None`` if that is known, or a run is live."""
    session, run = before.session, before.run
    if run is None or session.status in RUNNING or not (run.followed or run.worker == UNOWNED):
        return None
    after = advance(session)
    event = moment.event("run.settled", after, run_id=run.id)
    return change(before, after, replace(run, followed=False, worker=None), moment, event)
