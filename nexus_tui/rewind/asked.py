"""A filter as it was meant at an earlier time, put to a service that reads it as of now.

Sessions that nothing has happened to since are what they were, but ages, idling and deadlines have gone on: terms
about them are moved by the time that has passed. What can't be asked so is refused, never answered wrongly.
"""

from __future__ import annotations

from dataclasses import replace

from nexus.errors import InvalidInput
from nexus.model import FINAL, Status
from nexus.query.ast import DurationTerm, PathTerm, Query, StatusTerm, Term


def asked_now(query: Query, passed: float) -> Query:
    """The filter that finds now, among untouched sessions, those that it found then.

    Args:
        query: The filter, as of then.
        passed: Seconds between then and now.

    Raises:
        InvalidInput: It asks for states, which are not kept but at checkpoints, or for durations of all sessions.
    """
    return Query(tuple(_moved(term, query, passed) for term in query.terms))


def _moved(term: Term, query: Query, passed: float) -> Term:
    if isinstance(term, PathTerm) and term.root == "state":
        raise InvalidInput(
            "What stood in states can't be asked of the past: a session's screen shows it at checkpoints", field="q"
        )
    if not isinstance(term, DurationTerm):
        return term
    if term.field == "expires":
        return _expiring(term, passed)
    if term.field != "duration":
        return replace(term, seconds=term.seconds + passed)
    statuses = _statuses(query)
    if statuses <= FINAL:
        return term
    if not statuses & FINAL:
        return replace(term, seconds=term.seconds + passed)
    raise InvalidInput(
        "Durations of ended and of live sessions can't be asked of the past together: add status:final, or status:live",
        field="q",
    )


def _expiring(term: DurationTerm, passed: float) -> Term:
    left = term.seconds - passed
    if left > 0:
        return replace(term, seconds=left)
    # What was to expire before now and was not touched since had expired already.
    if term.op in ("<", "<="):
        return StatusTerm((Status.EXPIRED,), negated=term.negated)
    return replace(term, op=">", seconds=0.0)


def _statuses(query: Query) -> frozenset[Status]:
    found = frozenset(Status)
    for term in query.terms:
        if isinstance(term, StatusTerm):
            found = found - frozenset(term.statuses) if term.negated else found & frozenset(term.statuses)
    return found
