"""Completion: what may stand at the cursor of a filter that is being written.

Offers fields, operators and values. The language's own words are known here; which workflows,
groups or organizations there are is the caller's to say. Whatever is wrong elsewhere in the
text, completion neither fails nor repairs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from nexus.model.status import CHANNELS, Status
from nexus.query.durations import LONGEST, read_duration
from nexus.query.fields import FIELDS, OPERATORS, SPELLINGS, Field, find_field
from nexus.query.format import quote
from nexus.query.lexer import Lexeme, lex
from nexus.query.mistakes import clip
from nexus.query.scalars import read_scalar
from nexus.query.values import unusable_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MOST = 50
"""The most completions that are offered at once."""

_LONGEST_VALUE = 256
_DURATIONS = ("30s", "1m", "5m", "10m", "30m", "1h", "6h", "1d", "7d")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SIGNS = {
    ":": "is, with wildcards",
    "=": "is exactly",
    "!=": "is not",
    "<": "under",
    "<=": "at most",
    ">": "over",
    ">=": "at least",
}
_USUAL_SIGN = {"duration": ">", "number": ">=", "path": "."}
_STATUSES = {
    Status.ACTIVE: "open, nothing running",
    Status.IN_PROGRESS: "a run is live",
    Status.SUSPENDED: "a run waits for a signal",
    Status.FAILED: "the last run failed",
    Status.COMPLETED: "ended well",
    Status.CANCELLED: "ended by someone",
    Status.EXPIRED: "ended by its time-out",
}
_STATUS_DETAILS: dict[str, str] = {
    **{status.value: detail for status, detail in _STATUSES.items()},
    "live": "active, in_progress or suspended",
    "final": "completed, cancelled or expired",
}


@dataclass(frozen=True, slots=True)
class Completion:
    """One thing that may stand at the cursor.

    Args:
        text: What to put in, quoted where it must be.
        start: The first character of the filter that it replaces, from 0.
        end: The last, exclusive.
        label: What to show in a list; safe to print.
        detail: A few words about it; may be empty.
    """

    text: str
    start: int
    end: int
    label: str
    detail: str

    def apply(self, text: str) -> tuple[str, int]:
        """The filter with this put in, and where the cursor then stands."""
        return text[: self.start] + self.text + text[self.end :], self.start + len(self.text)


def complete(text: str, cursor: int, values: Mapping[str, Sequence[str]]) -> list[Completion]:
    """What may stand at the cursor, best first.

    Args:
        text: The whole filter.
        cursor: Where the cursor stands, in characters from 0.
        values: Values that exist, by field as it is written in the language: ``workflow``,
            ``group``, ``user``, ``meta.organization``, … Keys with a dot are offered as fields too.

    Returns:
        At most `MOST`; empty where nothing fits. Nothing is offered that is already there.
    """
    cursor = min(max(cursor, 0), len(text))
    typed, whole = lex(text[:cursor]), lex(text)
    if not typed or typed[-1].end < cursor:
        # Right before a term nothing is being written: what came in would run into it.
        touches = any(term.start == cursor for term in whole)
        return [] if touches else _heads("", _Place(cursor, cursor, ""), values)
    term, full = typed[-1], whole[len(typed) - 1]
    if not term.operator:
        place = _Place(full.head.start, full.head.end, full.operator)
        return [] if term.head.is_quoted else _heads(term.head.text, place, values)
    return _values(text, term, full, values)


@dataclass(frozen=True, slots=True)
class _Place:
    """What a completion of a field replaces, and the operator that follows it already."""

    start: int
    end: int
    operator: str


def _heads(typed: str, place: _Place, values: Mapping[str, Sequence[str]]) -> list[Completion]:
    known = [] if place.operator else list(_terms(typed, values)) if typed else []
    offers = [*_signs(typed, place), *_fields(typed, place, values), *known]
    return [
        Completion(text, place.start, place.end, clip(text), detail)
        for text, detail in islice(dict(offers).items(), MOST)
        if text != typed
    ]


def _signs(typed: str, place: _Place) -> Iterator[tuple[str, str]]:
    field = FIELDS.get(typed.lower())
    if field is not None and field.kind != "path" and not place.operator:
        for sign in OPERATORS[field.kind]:
            yield f"{field.name}{sign}", f"{field.name} {_SIGNS[sign]}"


def _fields(typed: str, place: _Place, values: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    for field in FIELDS.values():
        if field.name.startswith(typed.lower()):
            if not place.operator:
                yield f"{field.name}{_USUAL_SIGN.get(field.kind, ':')}", field.detail
            elif field.kind != "path" and _takes(field, place.operator):
                yield field.name, field.detail
    for path in values:
        root = find_field(path.split(".", maxsplit=1)[0])
        if "." in typed and path.startswith(typed) and root is not None and root.kind == "path":
            yield f"{path}{'' if place.operator else '='}", root.detail


def _takes(field: Field, operator: str) -> bool:
    return SPELLINGS.get(operator, operator) in OPERATORS[field.kind]


def _terms(typed: str, values: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    for name, detail in _STATUS_DETAILS.items():
        if name.startswith(typed.lower()):
            yield f"status:{name}", detail
    for path, known in values.items():
        field = find_field(path)
        if field is not None and field.kind == "glob":
            yield from ((f"{field.name}:{quote(value)}", field.detail) for value in _fitting(typed, known))


def _values(text: str, typed: Lexeme, full: Lexeme, values: Mapping[str, Sequence[str]]) -> list[Completion]:
    root, *_ = typed.head.split(".")
    field = find_field(root.text)
    if field is None or not _takes(field, typed.operator):
        return []
    *before, begun = typed.value.split(",")
    items = full.value.split(",")
    start, end = begun.start, max(begun.start, items[len(before)].end)
    taken = {item.text for index, item in enumerate(items) if index != len(before)}
    known = values.get(field.name + text[root.end : typed.head.end], ())
    found = _candidates(field, begun.text, known, ordered="<" in typed.operator or ">" in typed.operator)
    offers = ((quote(value), value, detail) for value, detail in found if value not in taken)
    return [
        Completion(written, start, end, clip(value), detail)
        for written, value, detail in islice(offers, MOST)
        if written != text[start:end]
    ]


def _candidates(field: Field, typed: str, known: Sequence[str], *, ordered: bool) -> Iterable[tuple[str, str]]:
    match field.kind:
        case "status":
            return [(name, _STATUS_DETAILS[name]) for name in _fitting(typed, _STATUS_DETAILS)]
        case "channel":
            return [(name, "") for name in _fitting(typed, CHANNELS)]
        case "duration":
            return _durations(typed)
        case "number":
            return ()
        case _:
            fitting = _fitting(typed, known)
            # true and null have no order: after < or > they would be a mistake.
            return [(text, "") for text in fitting if not ordered or not isinstance(read_scalar(text), bool | None)]


def _fitting(typed: str, known: Iterable[str]) -> list[str]:
    wanted = typed.casefold()
    begins: list[str] = []
    holds: list[str] = []
    for value in known:
        at = value.casefold().find(wanted)
        if at >= 0 and 0 < len(value) <= _LONGEST_VALUE and unusable_at(value) is None:
            (holds if at else begins).append(value)
    return begins + holds


def _durations(typed: str) -> Iterator[tuple[str, str]]:
    if not typed[-1:].isdigit():
        yield from ((text, "") for text in _DURATIONS if text.startswith(typed))
        return
    for unit, detail in _UNITS.items():
        seconds = read_duration(typed + unit)
        if seconds is not None and seconds <= LONGEST:
            yield typed + unit, detail
