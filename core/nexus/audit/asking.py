"""The filter of audit lists: ``actor:ci action:end,run.* outcome:refused age<1h`` and words in the target."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from typing import Final

from nexus.model.audit import AuditRecord
from nexus.query.durations import read_duration
from nexus.query.mistakes import mistake, nearest, show

FIELDS: Final = ("actor", "action", "target", "kind", "outcome", "channel", "code", "reason", "chain")
_READ: Final = {"kind": "target_kind"}
_OUTCOMES: Final = ("done", "refused")
_TERM: Final = re.compile(r"\S+")

Passes = Callable[[AuditRecord], bool]


def parse_audit(text: str, now: float) -> Passes:
    """The test that a filter makes of a record.

    Args:
        text: Terms side by side mean *and*; several values of one field, apart by commas, mean *or*; ``*`` stands for
            anything; a ``-`` in front turns a term round.
        now: What ``age`` is measured from.

    Raises:
        QueryError: A term is none; it carries the column.
    """
    tests = [_term(found[0], found.start(), now) for found in _TERM.finditer(text)]
    return lambda record: all(test(record) for test in tests)


def _term(word: str, start: int, now: float) -> Passes:
    if word.startswith("-") and len(word) > 1:
        inner = _term(word[1:], start + 1, now)
        return lambda record: not inner(record)
    if word.startswith(("age<", "age>")):
        return _age(word, start, now)
    name, colon, value = word.partition(":")
    if colon and re.fullmatch(r"[a-z]+", name):
        return _field(name, value, start)
    if re.match(r"[a-z]+[<>=]", word):
        field = re.split(r"[<>=]", word)[0]
        raise mistake(f"only age is compared, not {show(field)}: write age<1h or age>1h", start, start + len(field))
    return lambda record: word in record.target


def _field(name: str, value: str, start: int) -> Passes:
    if name not in FIELDS:
        close = nearest(name, (*FIELDS, "age"))
        hint = f"did you mean {close}?" if close else f"use one of {', '.join(FIELDS)} or age"
        raise mistake(f"audit records have no field {show(name)}: {hint}", start, start + len(name))
    at = start + len(name) + 1
    if not value:
        raise mistake(f"{name}: needs a value behind it", at, at, incomplete=True)
    values = value.split(",")
    if name == "outcome":
        for one in values:
            if one not in _OUTCOMES:
                begun = one == values[-1] and any(each.startswith(one) for each in _OUTCOMES)
                raise mistake(
                    f"outcome {show(one)} is none: use done or refused", at, at + len(value), incomplete=begun
                )
    shapes = [re.compile(fnmatch.translate(one.replace("[", "[[]").replace("?", "[?]"))) for one in values]
    attribute = _READ.get(name, name)
    return lambda record: any(shape.match(getattr(record, attribute) or "") for shape in shapes)


def _age(word: str, start: int, now: float) -> Passes:
    seconds = read_duration(word[4:])
    if seconds is None:
        raise mistake(
            f"age {show(word[4:])} is no duration: write it as 90s, 30m, 12h or 30d", start + 4, start + len(word),
            incomplete=len(word) == 4,
        )  # fmt: skip
    before = now - seconds
    return (lambda record: record.at > before) if word[3] == "<" else (lambda record: record.at < before)
