"""The meaning of a filter, written the slow and obvious way, to compare the real one with."""

from __future__ import annotations

import json
import math
from typing import Any

from nexus.model import Session
from nexus.query.ast import (
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
from nexus.query.globs import Glob


def passes(query: Query, session: Session, now: float) -> bool:
    """Whether every term holds."""
    return all(_holds(term, session, now) != term.negated for term in query.terms)


def _holds(term: Term, session: Session, now: float) -> bool:
    fields = session.to_dict()
    if isinstance(term, StatusTerm):
        return any(session.status == status for status in term.statuses)
    if isinstance(term, ChannelTerm):
        return any(channel in session.channels for channel in term.channels)
    if isinstance(term, GlobTerm):
        name = {"group": "group_id", "user": "user_id", "parent": "parent_id", "run": "run_id"}.get(term.field)
        text = fields[name or {"checkpoint": "last_checkpoint"}.get(term.field, term.field)]
        return text is not None and any(_like(pattern, text, term.field == "error") for pattern in term.patterns)
    if isinstance(term, DurationTerm):
        length = _length(term.field, session, now)
        return length is not None and _compares(length, term.op, term.seconds)
    if isinstance(term, NumberTerm):
        return _compares(fields[term.field], term.op, term.value)
    return _word_holds(term, session) if isinstance(term, WordTerm) else _path_holds(term, session)


def _word_holds(term: WordTerm, session: Session) -> bool:
    places = [session.id, session.workflow or "", session.user_id or ""]
    return any(text.casefold() in place.casefold() for text in term.texts for place in places)


def _length(field: str, session: Session, now: float) -> float | None:
    if field == "age":
        return now - session.created_at
    if field == "idle":
        return now - session.last_activity
    if field == "expires":
        return None if session.expires_at is None else session.expires_at - now
    return (now if session.ended_at is None else session.ended_at) - session.created_at


def _compares(left: Any, op: str, right: Any) -> bool:
    if op in {"=", "!="}:
        return bool(left == right) == (op == "=")
    before, same = bool(left < right), bool(left == right)
    return {"<": before, "<=": before or same, ">": not before and not same, ">=": not before}[op]


def _like(glob: Glob, text: str, fold: bool) -> bool:
    tokens: list[tuple[bool, str]] = []
    escaped = False
    for char in glob.text:
        if escaped or char not in "*?\\":
            tokens.extend((False, one) for one in (char.casefold() if fold else char))
        elif char != "\\":
            tokens.append((True, char))
        escaped = char == "\\" and not escaped
    return match(tokens, text.casefold() if fold else text)


def match(tokens: list[tuple[bool, str]], text: str) -> bool:
    """Whether the tokens, each a wildcard or a character, cover the text; tries every way."""
    if not tokens:
        return not text
    wild, char = tokens[0]
    if wild and char == "*":
        return any(match(tokens[1:], text[cut:]) for cut in range(len(text) + 1))
    return bool(text) and (wild or text[0] == char) and match(tokens[1:], text[1:])


def _path_holds(term: PathTerm, session: Session) -> bool:
    value: Any = session.metadata if term.root == "meta" else json.loads(session.state_json)
    for key in term.path:
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key in [str(index) for index in range(len(value))]:
            value = value[int(key)]
        else:
            return False
    if term.op == "!=":
        return not any(_equal(wanted, value) for wanted in term.values)
    if term.op == "=":
        return any(_equal(wanted, value) for wanted in term.values)
    return any(_in_order(item, term.op, term.values[0]) for item in (value if isinstance(value, list) else [value]))


def _equal(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Glob) and set(wanted.text) == {"*"}:
        return True
    if isinstance(value, list):
        return any(_equal_one(wanted, item) for item in value)
    return _equal_one(wanted, value)


def _equal_one(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Glob):
        return isinstance(value, str) and _like(wanted, value, fold=False)
    if isinstance(wanted, str):
        return isinstance(value, str) and value == wanted
    if isinstance(wanted, bool):
        return value is wanted or (isinstance(value, str) and value.lower() == json.dumps(wanted))
    if wanted is None:
        return value is None
    return bool(number(value) == wanted)


def _in_order(value: Any, op: str, wanted: Any) -> bool:
    if isinstance(wanted, str):
        return isinstance(value, str) and _compares(value, op, wanted)
    found = number(value)
    return found is not None and _compares(found, op, wanted)


def number(value: Any) -> float | int | None:
    """The number that a JSON value is or spells."""
    if isinstance(value, str):
        try:
            value = json.loads(value) if value == value.strip() else None
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None
