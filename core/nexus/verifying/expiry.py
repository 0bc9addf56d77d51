"""Whether a session's record shows that it expired before its time.

The events' own times are used, which are those of the clocks of the processes that decided: where clocks jump, a
session still has its whole time-out from each use, by the clock of who used it.
"""

from __future__ import annotations

from collections.abc import Sequence

from nexus.model import Event, Session, Status

_USES = frozenset({
    "session.created", "session.updated", "session.synced", "session.signalled", "run.queued", "run.started",
})  # fmt: skip
_MOVES = frozenset({"session.extended", "session.unextended", "session.resumed", "session.reopened", "run.failed"})
"""After these a deadline is no longer known from uses alone."""
_SLACK = 1e-3


def too_early(session: Session, record: Sequence[Event]) -> list[str]:
    """The expiries that came too early, of a session that is still stored.

    Args:
        session: As it is.
        record: Its events in order.
    """
    broken = []
    born = next((event.ts for event in record if event.type == "session.created"), None)
    used, known = float("-inf"), True
    for event in record:
        # Who takes up what waits in a queue does not use it: it was used when the run was asked for.
        if event.type in _USES and "worker" not in event.data:
            used = max(used, event.ts)
        known = known and event.type not in _MOVES
        if event.type == "session.expired" and event.duration is not None and born is not None:
            ended = born + event.duration
            if event.ts < ended - _SLACK:
                broken.append(f"{session.id}: was marked {ended - event.ts:.3f} s before it expired")
            deadlines = [at for at in (_after(used, session.timeout), _after(born, session.max_age)) if at is not None]
            if known and (not deadlines or ended < min(deadlines) - _SLACK):
                early = f"{min(deadlines) - ended:.3f} s too early" if deadlines else "and nothing could end it"
                broken.append(f"{session.id}: expired, {early}")
    if session.status is Status.EXPIRED and not any(event.type == "session.expired" for event in record):
        broken.append(f"{session.id}: is expired, and no event says so")
    return broken


def _after(at: float, seconds: float | None) -> float | None:
    return None if seconds is None else at + seconds
