"""From a filter to SQL.

Each term becomes a condition that holds for every session which the term matches. Where the
condition also holds for no other, it is exact; where SQL can't say the same (wildcards in
the middle of a text, values inside of JSON, letters of any script whatever their case), it is only a sieve,
and ``nexus.query.predicate`` decides on what it lets through. A filter is exact if all its terms are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

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
from nexus.stores.codec import is_text
from nexus.stores.due import due_by

_COLUMNS: Final = {
    "id": "s.id",
    "workflow": "s.workflow",
    "group": "s.group_id",
    "user": "s.user_id",
    "owner": "s.owner",
    "parent": "s.parent_id",
}
_MOST: Final = 2**63 - 1
_PAST_ALL: Final = "\U0010ffff"
_INDEXED_OWNER: Final = "substr(s.owner, 1, 6) <> 'local:'"
STATE: Final = "coalesce(s.state, (SELECT l.body FROM large AS l WHERE l.session = s.key AND l.kind = 1))"
"""A session's state, wherever it is kept."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a row ``s`` of sessions.

    ``exact`` says that it holds for no more than was asked. ``narrow`` says that an index leads to
    its few rows, so that no sort order's index should be walked instead.
    """

    sql: str
    values: tuple[Any, ...] = ()
    exact: bool = True
    narrow: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter in SQL.

    ``statuses`` are those that its terms on status leave, in the order of ``Status``; ``rest`` are
    the conditions of all other terms, joined by *and*, or empty. ``due_by`` is a time (seconds since the
    epoch) by which whatever passes is due, where its terms say one.
    """

    statuses: tuple[Status, ...]
    rest: str
    values: tuple[Any, ...]
    exact: bool
    narrow: bool
    reads_state: bool
    due_by: float | None = None


def compile_filter(query: Query, now: float) -> Filter:
    """Translate a filter.

    Args:
        query: The filter.
        now: Seconds since the epoch, for ages.
    """
    statuses = tuple(status for status in Status if all(_allows(term, status) for term in query.terms))
    conditions = [_condition(term, now) for term in query.terms if not isinstance(term, StatusTerm)]
    return Filter(
        statuses=statuses,
        rest=" AND ".join(condition.sql for condition in conditions),
        values=tuple(value for condition in conditions for value in condition.values),
        exact=all(condition.exact for condition in conditions),
        narrow=any(condition.narrow for condition in conditions),
        reads_state=any(isinstance(term, PathTerm) and term.root == "state" for term in query.terms),
        due_by=due_by(query, statuses, now),
    )


def _allows(term: Term, status: Status) -> bool:
    return not isinstance(term, StatusTerm) or (status in term.statuses) is not term.negated


def _condition(term: Term, now: float) -> Condition:
    positive: Condition = _BUILDERS[type(term)](term, now)
    if not term.negated:
        return positive
    if not positive.exact:
        # A sieve lets too much through; turned round it would hold back what matches.
        return Condition("1", exact=False)
    return Condition(f"NOT coalesce({positive.sql}, 0)", positive.values)


def _channel(term: ChannelTerm, _now: float) -> Condition:
    # channels is a JSON array of texts, where quotes stand around whole elements only.
    needles = [msgspec.json.encode(channel).decode() for channel in term.channels if is_text(channel)]
    return _either("instr(s.channels, ?) > 0" for _ in needles).with_values(needles)


def _glob(term: GlobTerm, _now: float) -> Condition:
    column = _COLUMNS.get(term.field)
    if column is None or not all(is_text(pattern.text) for pattern in term.patterns):
        return Condition("1", exact=False)
    literals = [text for pattern in term.patterns if (text := pattern.literal) is not None]
    if len(literals) == len(term.patterns):
        return _literals(column, literals)
    parts = [_pattern(column, pattern) for pattern in term.patterns]
    return _join(parts)


def _literals(column: str, literals: list[str]) -> Condition:
    sql = f"{column} IN ({', '.join('?' * len(literals))})"
    narrow = column in ("s.id", "s.group_id", "s.parent_id")
    if column == "s.owner" and not any(text.startswith("local:") for text in literals):
        # Says what the partial index says, so that it is used; it changes nothing.
        sql, narrow = f"({sql} AND {_INDEXED_OWNER})", True
    return Condition(sql, tuple(literals), narrow=narrow)


def _pattern(column: str, pattern: Glob) -> Condition:
    literal, prefix = pattern.literal, pattern.prefix
    if literal is not None:
        return Condition(f"{column} = ?", (literal,))
    if pattern.is_any:
        return Condition(f"{column} IS NOT NULL")
    if not prefix:
        return Condition(f"{column} IS NOT NULL", exact=False)
    pieces = pattern.pieces()
    # SQLite's text functions stop at a NUL, so a prefix with one is only sieved.
    exact = len(pieces) == 2 and not pieces[1] and len(pieces[0]) == len(prefix) and "\0" not in prefix
    if column == "s.id" and exact and prefix.isascii():
        return Condition(f"({column} >= ? AND {column} < ?)", (prefix, prefix + _PAST_ALL), narrow=len(prefix) > 8)
    return Condition(f"substr({column}, 1, ?) = ?", (len(prefix), prefix), exact=exact)


def _duration(term: DurationTerm, now: float) -> Condition:
    # The same subtraction of the same doubles as in the predicate, so the same answer to the last bit.
    expression, values = {
        "age": ("? - s.created_at", (now,)),
        "idle": ("? - s.last_activity", (now,)),
        "expires": ("s.expires_at - ?", (now,)),
        "duration": ("coalesce(s.ended_at, ?) - s.created_at", (now,)),
    }[term.field]
    return Condition(f"({expression} {term.op} ?)", (*values, float(term.seconds)))


def _number(term: NumberTerm, _now: float) -> Condition:
    if not -_MOST <= term.value <= _MOST:
        return Condition("1", exact=False)
    column = "s.step" if term.field == "step" else "s.version"
    return Condition(f"({column} {term.op} ?)", (term.value,))


def _word(term: WordTerm, _now: float) -> Condition:
    # SQLite folds the case of ASCII only. Other letters can fold into ASCII ones, so texts that
    # have any (they are longer in bytes than in characters) are let through for the predicate to decide.
    columns = ("s.id", "s.workflow", "s.user_id")
    parts = [f"length({column}) <> length(CAST({column} AS BLOB))" for column in columns]
    values: list[str] = []
    for text in term.texts:
        folded = text.casefold()
        if folded.isascii():
            parts.extend(f"instr(lower({column}), ?) > 0" for column in columns)
            values.extend([folded] * len(columns))
    return Condition(f"({' OR '.join(f'coalesce({part}, 0)' for part in parts)})", tuple(values), exact=False)


def _path(term: PathTerm, _now: float) -> Condition:
    document = "s.document" if term.root == "meta" else STATE
    needles = [msgspec.json.encode(key) for key in term.path if is_text(key) and not key.isdigit()]
    groups: list[list[bytes]] = [[needle] for needle in needles]
    if term.op == "=" and all(isinstance(value, str) and is_text(value) for value in term.values):
        groups.append([msgspec.json.encode(value) for value in term.values])
    parts, values = [], []
    for group in groups:
        parts.append(f"({' OR '.join(['instr(d, ?) > 0'] * len(group))})")
        values.extend(group)
    if not parts:
        return Condition("1", exact=False)
    # A document may spell any character as an escape; one that has a backslash is not sieved.
    sieve = f"(instr(d, x'5c') > 0 OR ({' AND '.join(parts)}))"
    return Condition(f"(SELECT {sieve} FROM (SELECT {document} AS d))", tuple(values), exact=False)  # noqa: S608


@dataclass(frozen=True, slots=True)
class _Joined:
    sql: str

    def with_values(self, values: Iterable[Any]) -> Condition:
        return Condition(self.sql, tuple(values))


def _either(parts: Iterable[str]) -> _Joined:
    return _Joined(f"({' OR '.join(parts) or '0'})")


def _join(parts: list[Condition]) -> Condition:
    return Condition(
        f"({' OR '.join(part.sql for part in parts)})",
        tuple(value for part in parts for value in part.values),
        exact=all(part.exact for part in parts),
        narrow=all(part.narrow for part in parts),
    )


_BUILDERS: Final[dict[type[Term], Callable[[Any, float], Condition]]] = {
    ChannelTerm: _channel,
    GlobTerm: _glob,
    DurationTerm: _duration,
    NumberTerm: _number,
    WordTerm: _word,
    PathTerm: _path,
}
