"""Says in plain English what a filter asks for, so that a console can repeat it before it acts on it."""

from __future__ import annotations

from nexus.query.ast import (
    ChannelTerm,
    DurationTerm,
    GlobTerm,
    NumberTerm,
    PathTerm,
    Query,
    Scalar,
    StatusTerm,
    Term,
    WordTerm,
)
from nexus.query.durations import write_duration
from nexus.query.format import write_glob, write_key
from nexus.query.globs import Glob
from nexus.query.mistakes import clip, show
from nexus.query.scalars import write_scalar

_ORDER = {"=": "", "!=": "other than ", "<": "under ", "<=": "at most ", ">": "over ", ">=": "at least "}

_LENGTHS = {"age": "age", "idle": "idle time", "duration": "duration"}


def describe(query: Query) -> str:
    """One line of plain English, safe to print; long values are cut.

    Returns:
        Such as ``sessions whose status is failed or active and whose age is over 10m``; for a
        query without terms ``all sessions``.
    """
    if not query.terms:
        return "all sessions"
    return "sessions " + " and ".join(_term(term) for term in query.terms)


def _term(term: Term) -> str:
    match term:
        case GlobTerm():
            return _glob(term)
        case DurationTerm():
            return _duration(term)
        case NumberTerm():
            return f"whose {term.field} is {_not(term)}{_ORDER[term.op]}{term.value}"
        case PathTerm():
            return _path(term)
        case _:
            return _listed(term)


def _listed(term: StatusTerm | ChannelTerm | WordTerm) -> str:
    match term:
        case StatusTerm():
            return f"whose status is {_not(term)}{_either([status.value for status in term.statuses])}"
        case ChannelTerm():
            return f"that were {'never ' if term.negated else ''}used from {_either(list(term.channels))}"
        case WordTerm():
            what = _either([show(text) for text in term.texts])
            return f"{'without' if term.negated else 'with'} {what} in the id, workflow or user"


def _glob(term: GlobTerm) -> str:
    if any(pattern.is_any for pattern in term.patterns):
        return f"that have {'no' if term.negated else 'some'} {term.field}"
    return f"whose {term.field} is {_not(term)}{_either([_pattern(pattern) for pattern in term.patterns])}"


def _duration(term: DurationTerm) -> str:
    told = f"{_ORDER[term.op]}{write_duration(term.seconds)}"
    if term.field != "expires":
        return f"whose {_LENGTHS[term.field]} is {_not(term)}{told}"
    return f"that {'do not ' if term.negated else ''}expire in {told}"


def _path(term: PathTerm) -> str:
    name = clip(".".join([term.root, *map(write_key, term.path)]))
    if any(isinstance(value, Glob) and value.is_any for value in term.values):
        return f"that have {'no' if term.negated else 'some'} {name}"
    what = _either([_value(value) for value in term.values])
    return f"whose {name} is {_not(term)}{_ORDER[term.op]}{what}"


def _value(value: Scalar | Glob) -> str:
    if isinstance(value, Glob):
        return _pattern(value)
    return show(value) if isinstance(value, str) else write_scalar(value)


def _pattern(pattern: Glob) -> str:
    return f"like {clip(write_glob(pattern))}" if pattern.literal is None else show(pattern.literal)


def _not(term: Term) -> str:
    return "not " if term.negated else ""


def _either(values: list[str]) -> str:
    return f"{', '.join(values[:-1])} or {values[-1]}" if len(values) > 1 else values[0]
