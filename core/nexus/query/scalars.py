"""Values of ``meta.`` and ``state.`` terms: how they are read, written and compared.

Written bare, ``42`` is a number, ``true``, ``false`` and ``null`` are themselves in any case, and
all else is text; in double quotes everything is text. Stores of metadata often hold text where a
number was meant, so a number also equals a text that reads as that number, and ``true`` the text
``true``. Text in quotes equals text only. Order is defined between numbers, and between texts by
code point (which puts ISO 8601 times in order of time). A list matches when one of its items
does. A pattern of stars only matches whatever is there, of any type.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nexus.query.globs import Glob

if TYPE_CHECKING:
    from nexus.query.ast import CompareOp, PathTerm, Scalar

Test = Callable[[object], bool]

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""Python's function for each operator of the language."""

_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
# Python may be set to refuse the conversion of more digits than 640.
_MOST_DIGITS = 300


def read_number(text: str) -> int | float | None:
    """The number that ``text`` spells in JSON, or ``None``; ``None`` too for an infinite or endless one."""
    if len(text) > _MOST_DIGITS:
        return None
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    if found[1] is None and found[2] is None:
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else None


def read_scalar(text: str) -> Scalar:
    """The value of ``text`` written without quotes."""
    lowered = text.lower()
    if lowered in _CONSTANTS:
        return _CONSTANTS[lowered]
    number = read_number(text)
    return text if number is None else number


def write_scalar(value: float | bool | None) -> str:
    """The bare form of a value that is not text."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def compile_test(term: PathTerm) -> Test:
    """A function that says whether the value at the end of a path passes ``term``.

    The value is there: missing paths are the caller's to refuse. ``negated`` is ignored.
    """
    if any(isinstance(value, Glob) and value.is_any for value in term.values):
        return lambda _: True
    if term.op not in ("=", "!="):
        return _any_of([_ordered(term.op, term.values[0])])
    equal = _any_of([_equals(value) for value in term.values])
    return equal if term.op == "=" else lambda found: not equal(found)


def _any_of(tests: list[Test]) -> Test:
    single = tests[0] if len(tests) == 1 else lambda found: any(test(found) for test in tests)
    return lambda found: any(map(single, found)) if isinstance(found, list) else single(found)


def _equals(value: Scalar | Glob) -> Test:
    if isinstance(value, Glob):
        return _matches(value)
    if isinstance(value, str):
        return lambda found: isinstance(found, str) and found == value
    if value is None:
        return lambda found: found is None
    if isinstance(value, bool):
        spelled = str(value).lower()
        return lambda found: found is value or (isinstance(found, str) and found.lower() == spelled)
    return lambda found: _as_number(found) == value


def _matches(glob: Glob) -> Test:
    matcher = glob.compile()
    return lambda found: isinstance(found, str) and matcher(found)


def _ordered(op: CompareOp, value: Scalar | Glob) -> Test:
    compare = COMPARE[op]
    if isinstance(value, str):
        return lambda found: isinstance(found, str) and compare(found, value)

    def test(found: object) -> bool:
        number = _as_number(found)
        return number is not None and compare(number, value)

    return test


def _as_number(found: object) -> int | float | None:
    if isinstance(found, str):
        return read_number(found)
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None
