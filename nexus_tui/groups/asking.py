"""The filter of groups: ``batch-* status:open failed>0 age<1d owner:ci``; it is answered by the console itself."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from operator import ge, gt, le, lt
from typing import Final

from nexus.model import Group
from nexus.query.durations import read_duration
from nexus.query.mistakes import QueryError, mistake, nearest, show
from nexus_tui.filtering import mistake_in, value_completions, word_at
from nexus_widgets import Completion

Passes = Callable[[Group], bool]

_ABOUT: Final = {
    "status:": "open or ended", "owner:": "who made it", "id:": "its name, with * for anything", "age>": "as in age>1d",
    "total>": "sessions in it", "live>": "of them live", "failed>": "of them failed", "done<": "percent that are done",
}  # fmt: skip
_NUMBERS: Final[dict[str, Callable[[Group], float]]] = {
    "total": lambda group: group.total,
    "live": lambda group: group.live,
    "failed": lambda group: group.counts.get("failed", 0),
    "done": lambda group: group.done * 100,
}
_TEXTS: Final[dict[str, Callable[[Group], str]]] = {
    "id": lambda group: group.id,
    "owner": lambda group: group.owner,
    "status": lambda group: group.status,
}
_OPERATORS: Final = {"<": lt, ">": gt, "<=": le, ">=": ge}
_COMPARED: Final = re.compile(r"([a-z]+)(<=|>=|<|>)(.*)", re.DOTALL)
_STATUSES: Final = ("open", "ended")


def parse_groups(text: str, now: float) -> Passes:
    """The test that a filter makes of a group.

    Args:
        text: Terms side by side mean *and*; several values of one field, apart by commas, mean *or*; ``*`` stands for
            anything; a ``-`` in front turns a term round; other words are looked for in the name and the owner.
        now: What ``age`` is measured from, in seconds since the epoch.

    Raises:
        QueryError: A term is none; it carries the column.
    """
    tests = [_term(found[0], found.start(), now) for found in re.finditer(r"\S+", text)]
    return lambda group: all(test(group) for test in tests)


def group_mistake_in(text: str) -> QueryError | None:
    """What is wrong with a filter of groups, if anything is.

    Args:
        text: The filter.
    """
    return mistake_in(text, lambda written: parse_groups(written, 0.0))


def group_completions(text: str, cursor: int, seen: Sequence[Group]) -> list[Completion]:
    """What may stand at the cursor.

    Args:
        text: The filter that is written.
        cursor: Where the cursor is, in characters.
        seen: Groups whose names and owners are offered.
    """
    start, word = word_at(text, cursor)
    name, colon, value = word.partition(":")
    if not colon:
        return [Completion(each, about, start) for each, about in _ABOUT.items() if each.startswith(word)]
    values: Sequence[str] = _STATUSES if name == "status" else ()
    if name in ("id", "owner"):
        values = sorted({_TEXTS[name](group) for group in seen})
    return value_completions(value, cursor, values)


def _term(word: str, start: int, now: float) -> Passes:
    if word.startswith("-") and len(word) > 1:
        inner = _term(word[1:], start + 1, now)
        return lambda group: not inner(group)
    compared = _COMPARED.fullmatch(word)
    if compared is not None:
        return _comparison(compared[1], compared[2], compared[3], start, now)
    name, colon, value = word.partition(":")
    if colon and re.fullmatch(r"[a-z]+", name):
        return _text(name, value, start)
    if "*" in word:
        shape = _shape(word)
        return lambda group: bool(shape.match(group.id))
    return lambda group: word in group.id or word in group.owner


def _comparison(name: str, operator: str, value: str, start: int, now: float) -> Passes:
    at = start + len(name) + len(operator)
    compare = _OPERATORS[operator]
    if name == "age":
        age = read_duration(value)
        if age is None:
            raise mistake(f"age {show(value)} is no duration: write it as 90s, 30m, 12h or 30d", at,
                          at + len(value), incomplete=not value)  # fmt: skip
        return lambda group: compare(now - group.created_at, age)
    if name not in _NUMBERS:
        _unknown(name, start)
    if not re.fullmatch(r"\d{1,12}(\.\d{1,6})?%?", value, re.ASCII):
        raise mistake(f"{name} {show(value)} is no number: write it as {name}{operator}10", at, at + len(value),
                      incomplete=not value)  # fmt: skip
    number, count = float(value.rstrip("%")), _NUMBERS[name]
    return lambda group: compare(count(group), number)


def _text(name: str, value: str, start: int) -> Passes:
    if name not in _TEXTS:
        _unknown(name, start)
    at = start + len(name) + 1
    if not value:
        raise mistake(f"{name}: needs a value behind it", at, at, incomplete=True)
    values = value.split(",")
    for one in values if name == "status" else ():
        if one not in _STATUSES:
            begun = one == values[-1] and any(each.startswith(one) for each in _STATUSES)
            raise mistake(f"status {show(one)} is none of groups: use open or ended", at, at + len(value),
                          incomplete=begun)  # fmt: skip
    shapes, text = [_shape(one) for one in values], _TEXTS[name]
    return lambda group: any(shape.match(text(group)) for shape in shapes)


def _shape(text: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(text.replace("[", "[[]").replace("?", "[?]")))


def _unknown(name: str, start: int) -> None:
    close = nearest(name, (*_TEXTS, *_NUMBERS, "age"))
    hint = f"did you mean {close}?" if close else f"use one of {', '.join((*_TEXTS, *_NUMBERS))} or age"
    raise mistake(f"groups have no field {show(name)}: {hint}", start, start + len(name))
