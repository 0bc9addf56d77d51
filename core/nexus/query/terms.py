"""Terms with a field: one builder for each kind of field."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from nexus.model.status import CHANNELS
from nexus.query.ast import (
    ChannelTerm,
    CompareOp,
    DurationField,
    DurationTerm,
    GlobField,
    GlobTerm,
    NumberField,
    NumberTerm,
    OrderOp,
    StatusTerm,
    Term,
)
from nexus.query.durations import LONGEST, UNITS, read_duration
from nexus.query.fields import ALIASES, FIELDS, OPERATORS, SPELLINGS, STATUS_SETS, Field, Kind, find_field
from nexus.query.globs import Glob, escape
from nexus.query.mistakes import QueryError, clip, mistake, nearest, show
from nexus.query.paths import path_term
from nexus.query.values import exact_text, glob, has_wildcard, list_items, single_item

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from nexus.model.status import Status
    from nexus.query.lexer import Lexeme, Span

_OTHER_STATUSES = {
    "done": "completed",
    "ended": "final",
    "error": "failed",
    "finished": "completed",
    "open": "live",
    "paused": "suspended",
    "running": "in_progress",
    "success": "completed",
    "succeeded": "completed",
    "timeout": "expired",
    "waiting": "suspended",
}
_OTHER_CHANNELS = {"http": "api", "rest": "api", "shell": "cli", "python": "sdk"}
_SIGNS_MISTAKEN = {"=>": ">=", "=<": "<=", "<>": "!=", "::": ":", "===": "="}
_USUAL_OPERATOR: dict[Kind, str] = {"duration": ">"}
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)


def field_term(lexeme: Lexeme) -> Term:
    """The term of a lexeme that has an operator.

    Raises:
        QueryError: There is no such field, or the operator or the value doesn't go with it.
    """
    field = _field(lexeme)
    operator = _operator(lexeme, field)
    if lexeme.value.start == lexeme.value.end:
        place = lexeme.value.start
        message = f"a value is missing after {show(lexeme.operator)}: write it right behind, as in {field.example}"
        raise mistake(message, place, place, incomplete=True)
    if field.kind == "path":
        return path_term(lexeme, field, operator, negated=lexeme.negated)
    return _BUILDERS[field.kind](lexeme, field, operator)


def _field(lexeme: Lexeme) -> Field:
    head = lexeme.head
    if head.start == head.end:
        message = f"no field stands before {show(lexeme.operator)}: write a term without spaces, as in age>10m"
        raise mistake(message, lexeme.operator_start, lexeme.value.start)
    first = head.split(".")[0]
    root = find_field(first.text)
    if root is not None and root.kind == "path" and not first.is_quoted:
        return root
    field = None if head.is_quoted else find_field(head.text)
    if field is None:
        raise _unknown_field(lexeme)
    return field


def _unknown_field(lexeme: Lexeme) -> QueryError:
    head = lexeme.head
    close = nearest(head.text, [*FIELDS, *ALIASES])
    fix = f"did you mean {close}?" if close else f"fields are {', '.join(FIELDS)}."
    message = f"there is no field {show(head.text)}: {fix} To look for it as text, quote the whole term"
    return mistake(message, head.start, head.end)


def _operator(lexeme: Lexeme, field: Field) -> str:
    operator = SPELLINGS.get(lexeme.operator, lexeme.operator)
    allowed = OPERATORS[field.kind]
    if operator in allowed:
        return operator
    meant = _SIGNS_MISTAKEN.get(operator)
    better = meant if meant in allowed else _USUAL_OPERATOR.get(field.kind, ":")
    name = clip(lexeme.head.text)
    message = f"{name} takes {' '.join(allowed)}, not {show(operator)}: write {name}{better}{clip(lexeme.value.text)}"
    raise mistake(message, lexeme.operator_start, lexeme.value.start)


def _negated(lexeme: Lexeme, operator: str) -> bool:
    return lexeme.negated != (operator == "!=")


def _status(lexeme: Lexeme, _field: Field, operator: str) -> StatusTerm:
    found: list[Status] = []
    for item in list_items(lexeme.value):
        name = _known(item, item.text.lower().replace("-", "_"), "status", STATUS_SETS, _OTHER_STATUSES)
        found.extend(STATUS_SETS[name])
    return StatusTerm(tuple(dict.fromkeys(found)), _negated(lexeme, operator))


def _channel(lexeme: Lexeme, _field: Field, operator: str) -> ChannelTerm:
    items = list_items(lexeme.value)
    found = [_known(item, item.text.lower(), "channel", CHANNELS, _OTHER_CHANNELS) for item in items]
    return ChannelTerm(tuple(dict.fromkeys(found)), _negated(lexeme, operator))


def _known(item: Span, name: str, what: str, known: Collection[str], other: Mapping[str, str]) -> str:
    if name in known:
        return name
    close = nearest(name, [*known, *other])
    hint = f": did you mean {other.get(close, close)}?" if close else f": use one of {', '.join(known)}"
    begun = any(candidate.startswith(name) for candidate in known)
    raise mistake(f"there is no {what} {show(item.text)}{hint}", item.start, item.end, incomplete=begun)


def _glob(lexeme: Lexeme, field: Field, operator: str) -> GlobTerm:
    patterns: list[Glob] = []
    for item in list_items(lexeme.value):
        pattern = glob(item) if operator == ":" else Glob(escape(exact_text(lexeme, item)))
        if field.name == "error" and not has_wildcard(item):
            pattern = Glob(f"*{pattern.text}*")
        patterns.append(pattern)
    return GlobTerm(cast("GlobField", field.name), tuple(dict.fromkeys(patterns)), _negated(lexeme, operator))


def _duration(lexeme: Lexeme, field: Field, operator: str) -> DurationTerm:
    name = field.name
    item = single_item(lexeme, f"for a range write two terms, as in {name}>10m {name}<2h")
    seconds = read_duration(item.text)
    if seconds is None:
        unit_missing = read_duration(f"{item.text}s") is not None
        raise mistake(_no_duration(name, operator, item.text), item.start, item.end, incomplete=unit_missing)
    if seconds > LONGEST:
        raise mistake(f"{name} is at most 100000d and {show(item.text)} is longer: shorten it", item.start, item.end)
    return DurationTerm(cast("DurationField", name), cast("OrderOp", operator), seconds, lexeme.negated)


def _no_duration(name: str, operator: str, text: str) -> str:
    wordy = re.fullmatch(r"([0-9]{1,18}) ?([A-Za-z]+)", text, re.ASCII)
    if wordy and (unit := _unit(wordy[2])):
        return f"{name} is {show(text)}, which is no duration: did you mean {name}{operator}{wordy[1]}{unit}?"
    return f"{name} is {show(text)}, which is no duration: write 30s, 10m, 2h, 3d, 1h30m or plain seconds"


def _unit(word: str) -> str | None:
    lowered = word.lower()
    if lowered.startswith("mil") or lowered == "ms":
        return "ms"
    return lowered[0] if lowered[0] in UNITS and not lowered.startswith("mo") else None


def _number(lexeme: Lexeme, field: Field, operator: str) -> NumberTerm:
    name = field.name
    item = single_item(lexeme, f"for a range write two terms, as in {name}>=3 {name}<=7")
    if not _DIGITS.fullmatch(item.text):
        message = f"{name} is {show(item.text)}, which is no whole number of up to 18 digits: write {field.example}"
        raise mistake(message, item.start, item.end)
    compare = cast("CompareOp", "=" if operator == ":" else operator)
    return NumberTerm(cast("NumberField", name), compare, int(item.text), lexeme.negated)


_BUILDERS: dict[Kind, Callable[[Lexeme, Field, str], Term]] = {
    "status": _status,
    "channel": _channel,
    "glob": _glob,
    "duration": _duration,
    "number": _number,
}
