"""From a filter to a condition on the archive's sessions.

Each term becomes a condition that holds for every session which the term matches. Where it holds for no other, it
is exact; where SQL can't say the same (wildcards in the middle of a text, values inside of JSON, letters of any
script whatever their case), it is a sieve, and ``nexus.query.predicate`` decides on what it lets through. The same
conditions mean the same on SQLite and on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Double, and_, func, literal, not_, or_, true

from nexus.archive.queries_functions import folded_has, has, is_ascii, unindexed
from nexus.archive.tables import sessions
from nexus.model import Status
from nexus.query import (
    ChannelTerm,
    DurationTerm,
    Glob,
    GlobTerm,
    NumberTerm,
    PathTerm,
    Query,
    StatusTerm,
    Term,
    WordTerm,
)
from nexus.stores.base import SortField
from nexus.stores.codec import is_text

Clause = ColumnElement[bool]

_COLUMNS: Final = {
    "id": sessions.c.id,
    "workflow": sessions.c.workflow,
    "group": sessions.c.group_id,
    "user": sessions.c.user_id,
    "owner": sessions.c.owner,
    "parent": sessions.c.parent_id,
}
_MOST: Final = 2**63 - 1
_PAST_ALL: Final = "\U0010ffff"
_FEW: Final = 8
"""Letters of an id that every generated id may start with; a longer prefix leads to few."""

_ODD: Final = frozenset("\0\ufffd")
"""Characters that a column may hold the one of for the other."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What holds for every session that a term matches, and for no other if it is ``exact``."""

    clause: Clause
    exact: bool = True


ANY: Final = Condition(true(), exact=False)


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter in SQL; the session is one that was let go, besides.

    Args:
        clause: What holds. No index on status is used for it.
        by_status: The same with its index, for those that are about status alone; ``None`` for others.
        statuses: How many statuses it leaves.
        exact: Whether it holds for no more than was asked.
        reads_state: Whether the predicate needs the state.
    """

    clause: Clause
    by_status: Clause | None
    statuses: int
    exact: bool
    reads_state: bool

    def counting(self) -> Clause:
        """What to count by."""
        return self.clause if self.by_status is None else self.by_status

    def sorting(self, field: SortField) -> Clause:
        """What to read by, or to count a part by, in an order.

        The index on status has one status in order of creation. SQLite would use it for more than that, knowing
        nothing of how many sessions have which.
        """
        if self.by_status is not None and self.statuses == 1 and field is SortField.CREATED:
            return self.by_status
        return self.clause


def compile_filter(query: Query, now: float) -> Filter:
    """Translate a filter.

    Args:
        query: The filter.
        now: Seconds since the epoch, for ages.
    """
    statuses = [status.value for status in Status if all(_allows(term, status) for term in query.terms)]
    conditions = [_condition(term, now) for term in query.terms if not isinstance(term, StatusTerm)]
    gone = sessions.c.gone_at.is_not(None)
    clauses = [gone, *(condition.clause for condition in conditions)]
    some = len(statuses) < len(Status)
    if some:
        clauses.append(unindexed(sessions.c.status).in_(statuses))
    return Filter(
        clause=and_(*clauses),
        by_status=and_(gone, sessions.c.status.in_(statuses)) if some and not conditions else None,
        statuses=len(statuses),
        exact=all(condition.exact for condition in conditions),
        reads_state=any(isinstance(term, PathTerm) and term.root == "state" for term in query.terms),
    )


def stored(text: str) -> str:
    """A text as a column holds it: PostgreSQL has no place for a NUL, and no store for a lone surrogate."""
    return text.replace("\0", "\ufffd") if is_text(text) else "\ufffd"


def _allows(term: Term, status: Status) -> bool:
    return not isinstance(term, StatusTerm) or (status in term.statuses) is not term.negated


def _condition(term: Term, now: float) -> Condition:
    positive: Condition = _BUILDERS[type(term)](term, now)
    if not term.negated:
        return positive
    if not positive.exact:
        # A sieve lets too much through; turned round it would hold back what matches.
        return ANY
    return Condition(not_(func.coalesce(positive.clause, False)))


def _channel(term: ChannelTerm, _now: float) -> Condition:
    # It is a JSON array of texts, where quotes stand around whole elements only.
    needles = [msgspec.json.encode(channel).decode() for channel in term.channels if is_text(channel)]
    return Condition(or_(*(has(sessions.c.channels, needle) for needle in needles), not_(true())))


def _glob(term: GlobTerm, _now: float) -> Condition:
    column = _COLUMNS.get(term.field)
    if column is None or not all(is_text(pattern.text) for pattern in term.patterns):
        return ANY
    literals = [text for pattern in term.patterns if (text := pattern.literal) is not None]
    if len(literals) == len(term.patterns):
        return _literals(column, literals)
    parts = [_pattern(column, pattern) for pattern in term.patterns]
    return Condition(or_(*(part.clause for part in parts)), exact=all(part.exact for part in parts))


def _literals(column: ColumnElement[Any], literals: Sequence[str]) -> Condition:
    odd = any(_ODD & set(text) for text in literals)
    return Condition(column.in_([stored(text) for text in literals]), exact=not odd) if not odd else ANY


def _pattern(column: ColumnElement[Any], pattern: Glob) -> Condition:
    text, prefix = pattern.literal, pattern.prefix
    if text is not None:
        return _literals(column, [text])
    if pattern.is_any:
        return Condition(column.is_not(None))
    if not prefix or _ODD & set(prefix):
        return Condition(column.is_not(None), exact=False)
    pieces = pattern.pieces()
    exact = len(pieces) == 2 and not pieces[1] and len(pieces[0]) == len(prefix)
    if prefix.isascii() and column is sessions.c.id and len(prefix) > _FEW:
        return Condition(and_(column >= prefix, column < prefix + _PAST_ALL), exact=exact)
    return Condition(func.substr(column, 1, len(prefix)) == prefix, exact=exact)


def _duration(term: DurationTerm, now: float) -> Condition:
    # The same subtraction of the same doubles as in the predicate, so the same answer to the last bit.
    moment: ColumnElement[float] = literal(now, Double)
    columns = sessions.c
    length = {
        "age": moment - columns.created_at,
        "idle": moment - columns.last_activity,
        "expires": columns.expires_at - moment,
        "duration": func.coalesce(columns.ended_at, moment) - columns.created_at,
    }[term.field]
    return Condition(length.op(term.op, is_comparison=True)(literal(float(term.seconds), Double)))


def _number(term: NumberTerm, _now: float) -> Condition:
    # A column holds the largest number that it can for all that are larger.
    if not -_MOST < term.value < _MOST:
        return ANY
    column = sessions.c.step if term.field == "step" else sessions.c.version
    return Condition(column.op("<>" if term.op == "!=" else term.op, is_comparison=True)(term.value))


def _word(term: WordTerm, _now: float) -> Condition:
    # Databases fold the case of ASCII alike and of nothing else. Other letters can fold into ASCII ones, so texts
    # that have any are let through for the predicate to decide.
    parts: list[Clause] = []
    for column in (sessions.c.id, sessions.c.workflow, sessions.c.user_id):
        parts.append(not_(is_ascii(column)))
        folded = [text.casefold() for text in term.texts]
        parts.extend(folded_has(column, text) for text in folded if text.isascii() and "\0" not in text)
        if any("\0" in text for text in folded):
            return ANY
    return Condition(or_(*(func.coalesce(part, False) for part in parts)), exact=False)


def _path(term: PathTerm, _now: float) -> Condition:
    document = sessions.c.document if term.root == "meta" else sessions.c.state
    groups = [[msgspec.json.encode(key)] for key in term.path if is_text(key) and not key.isdigit()]
    if term.op == "=" and all(isinstance(value, str) and is_text(value) for value in term.values):
        groups.append([msgspec.json.encode(value) for value in term.values])
    if not groups:
        return ANY
    found = and_(*(or_(*(has(document, needle) for needle in group)) for group in groups))
    # A document may spell any character as an escape; one that has a backslash is not sieved.
    return Condition(or_(found, has(document, b"\\")), exact=False)


_BUILDERS: Final[dict[type[Term], Callable[[Any, float], Condition]]] = {
    ChannelTerm: _channel,
    GlobTerm: _glob,
    DurationTerm: _duration,
    NumberTerm: _number,
    WordTerm: _word,
    PathTerm: _path,
}
