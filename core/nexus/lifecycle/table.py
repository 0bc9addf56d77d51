"""The one table of allowed transitions, and the refusals that name both states."""

from __future__ import annotations

from typing import Never

from nexus.errors import InvalidTransition, SessionBusy, SessionExpired
from nexus.lifecycle.moment import Moment
from nexus.model import FINAL, RUNNING, Session, Status

S = Status

ALLOWED: dict[Status, frozenset[Status]] = {
    S.ACTIVE: frozenset({S.ACTIVE, S.IN_PROGRESS, S.COMPLETED, S.CANCELLED, S.EXPIRED}),
    S.IN_PROGRESS: frozenset({S.IN_PROGRESS, S.ACTIVE, S.SUSPENDED, S.FAILED, S.COMPLETED, S.CANCELLED, S.EXPIRED}),
    S.SUSPENDED: frozenset({S.SUSPENDED, S.IN_PROGRESS, S.FAILED, S.COMPLETED, S.CANCELLED, S.EXPIRED}),
    S.FAILED: frozenset({S.FAILED, S.IN_PROGRESS, S.COMPLETED, S.CANCELLED, S.EXPIRED}),
    S.COMPLETED: frozenset(),
    S.CANCELLED: frozenset({S.IN_PROGRESS, S.ACTIVE}),
    S.EXPIRED: frozenset({S.IN_PROGRESS, S.ACTIVE}),
}
"""From each state, the states that a change may lead to. Only a resume leaves a final one."""


def refuse(session: Session, wanted: str, hint: str = "") -> Never:
    """Raise the refusal of going from where the session is to ``wanted``.

    Raises:
        InvalidTransition: Always; names both states.
    """
    raise InvalidTransition(
        f"session {session.id} is {session.status.value}, which can't become {wanted}{hint and f': {hint}'}",
        session_id=session.id,
        **{"from": session.status.value, "to": wanted},
    )


def expired(session: Session) -> Never:
    """Raise that the session can't be used any more.

    Raises:
        SessionExpired: Always.
    """
    raise SessionExpired(f"session {session.id} has expired: resume it to go on", session_id=session.id)


def usable(session: Session, moment: Moment, wanted: str = "used") -> None:
    """Refuse a session that is over.

    Raises:
        SessionExpired: It is past ``expires_at``, marked or not.
        InvalidTransition: It was completed or cancelled.
    """
    if session.status is Status.EXPIRED or session.is_due(moment.now):
        expired(session)
    if session.status in FINAL:
        refuse(session, wanted)


def idle(session: Session, moment: Moment) -> None:
    """Refuse a session in which no run can start now.

    Raises:
        SessionBusy: A run is live; the caller may wait for its turn.
        SessionExpired, InvalidTransition: It is over.
    """
    usable(session, moment, Status.IN_PROGRESS.value)
    if session.status in RUNNING:
        raise SessionBusy(
            f"session {session.id} is {session.status.value} with run {session.run_id}: wait for it, or end it",
            session_id=session.id, run_id=session.run_id,
        )  # fmt: skip
