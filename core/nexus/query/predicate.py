"""Answers whether a session passes a filter. `compile_predicate` once, then call what it gives for each session.

The functions hold no state and never raise for a well-formed session, whatever its metadata and
state hold. They look at the cheap fields first and decode the state last.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nexus.query.ast import (
    ATTRIBUTES,
    ChannelTerm,
    DurationTerm,
    GlobTerm,
    NumberTerm,
    PathTerm,
    Query,
    StatusTerm,
    Term,
    WordTerm,
)
from nexus.query.scalars import COMPARE, compile_test

if TYPE_CHECKING:
    from nexus.model import Session
    from nexus.query.globs import Matcher

Predicate = Callable[["Session", float], bool]

_MISSING = object()
_COST: dict[type[Term], int] = {
    StatusTerm: 0,
    NumberTerm: 1,
    DurationTerm: 2,
    ChannelTerm: 3,
    GlobTerm: 4,
    WordTerm: 5,
    PathTerm: 6,
}


def matches(query: Query, session: Session, now: float) -> bool:
    """Whether one session passes; for many sessions use `compile_predicate`.

    Args:
        query: What `parse` gave.
        session: The session to look at.
        now: The time that ages are measured to, in seconds since the epoch.
    """
    return compile_predicate(query)(session, now)


def compile_predicate(query: Query) -> Predicate:
    """A function of a session and of now (seconds since the epoch) that says whether it passes ``query``."""
    tests = [_compile(term) for term in sorted(query.terms, key=_cost)]
    if not tests:
        return lambda _session, _now: True
    if len(tests) == 1:
        return tests[0]

    def every(session: Session, now: float) -> bool:
        for test in tests:  # noqa: SIM110  (a generator costs twice the time of this loop)
            if not test(session, now):
                return False
        return True

    return every


def _cost(term: Term) -> int:
    return _COST[type(term)] + (isinstance(term, PathTerm) and term.root == "state")


def _compile(term: Term) -> Predicate:
    test = _BUILDERS[type(term)](term)
    return (lambda session, now: not test(session, now)) if term.negated else test


def _status(term: StatusTerm) -> Predicate:
    statuses = frozenset(term.statuses)
    return lambda session, _: session.status in statuses


def _channel(term: ChannelTerm) -> Predicate:
    channels = frozenset(term.channels)
    return lambda session, _: not channels.isdisjoint(session.channels)


def _glob(term: GlobTerm) -> Predicate:
    attribute = operator.attrgetter(ATTRIBUTES[term.field])
    literals = frozenset(text for pattern in term.patterns if (text := pattern.literal) is not None)
    if len(literals) == len(term.patterns) and term.field != "error":
        return lambda session, _: attribute(session) in literals
    matcher = _any_of([pattern.compile(ignore_case=term.field == "error") for pattern in term.patterns])
    return lambda session, _: (text := attribute(session)) is not None and matcher(text)


def _any_of(matchers: list[Matcher]) -> Matcher:
    return matchers[0] if len(matchers) == 1 else lambda text: any(matcher(text) for matcher in matchers)


def _duration(term: DurationTerm) -> Predicate:
    compare, seconds = COMPARE[term.op], term.seconds
    match term.field:
        case "age":
            return lambda session, now: compare(now - session.created_at, seconds)
        case "idle":
            return lambda session, now: compare(now - session.last_activity, seconds)
        case "expires":
            return lambda session, now: session.expires_at is not None and compare(session.expires_at - now, seconds)
        case "duration":
            return lambda session, now: compare(
                (now if session.ended_at is None else session.ended_at) - session.created_at, seconds
            )


def _number(term: NumberTerm) -> Predicate:
    compare, value = COMPARE[term.op], term.value
    if term.field == "step":
        return lambda session, _: compare(session.step, value)
    return lambda session, _: compare(session.version, value)


def _path(term: PathTerm) -> Predicate:
    path, test = term.path, compile_test(term)
    if term.root == "meta":
        return lambda session, _: (found := _look_up(session.metadata, path)) is not _MISSING and test(found)
    return lambda session, _: (found := _look_up(session.state, path)) is not _MISSING and test(found)


def _look_up(document: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if isinstance(document, dict):
            document = document.get(key, _MISSING)
        elif isinstance(document, list | tuple):
            document = _item(document, key)
        else:
            return _MISSING
    return document


def _item(items: list[Any] | tuple[Any, ...], key: str) -> Any:
    # Over nine digits no list is that long, and int() of endless ones is refused by Python.
    if not (key.isascii() and key.isdigit() and len(key) < 10) or int(key) >= len(items):
        return _MISSING
    return items[int(key)]


def _word(term: WordTerm) -> Predicate:
    texts = tuple(text.casefold() for text in term.texts)

    def test(session: Session, _now: float) -> bool:
        for field in (session.id, session.workflow, session.user_id):
            if field is not None:
                folded = field.casefold()
                for text in texts:
                    if text in folded:
                        return True
        return False

    return test


_BUILDERS: dict[type[Term], Callable[[Any], Predicate]] = {
    StatusTerm: _status,
    ChannelTerm: _channel,
    GlobTerm: _glob,
    DurationTerm: _duration,
    NumberTerm: _number,
    PathTerm: _path,
    WordTerm: _word,
}
