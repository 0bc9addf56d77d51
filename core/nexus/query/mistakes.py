"""Mistakes in a filter: the error that carries its place, and the caret that points at it."""

from __future__ import annotations

import difflib
import unicodedata
from typing import TYPE_CHECKING, Any

from nexus.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable


class QueryError(InvalidInput):
    """The text is not a filter.

    Args:
        message: Names the field, the value and what would help.
        column: Where the mistake starts, in characters, from 1. One past the end of the text
            where something is missing there.
        length: How many characters it covers, at least 1.
        incomplete: The text so far may be the beginning of a filter; a prompt that checks while
            someone types can stay quiet.
        **details: Further facts for programs, as in every `NexusError`.
    """

    def __init__(
        self, message: str, *, column: int = 1, length: int = 1, incomplete: bool = False, **details: Any
    ) -> None:
        super().__init__(message, **{"field": "q"} | details, column=column, length=length)
        self.column = column
        self.length = length
        self.incomplete = incomplete


def mistake(message: str, start: int, end: int, *, incomplete: bool = False, **details: Any) -> QueryError:
    """The error for the characters from ``start`` up to ``end``, counted from 0; at least one is pointed at."""
    length = max(end - start, 1)
    return QueryError(message, column=start + 1, length=length, incomplete=incomplete, **details)


def clip(text: str, most: int = 60) -> str:
    """``text`` made safe to print: cut to ``most`` characters, control characters replaced."""
    return _printable(text if len(text) <= most else f"{text[: most - 1]}…")


def show(text: str) -> str:
    """``text`` as a message names a value: clipped, in double quotes."""
    return f'"{clip(text)}"'


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like ``word``, or ``None`` where none is near."""
    close = difflib.get_close_matches(word[:40].lower(), list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def point_at(text: str, error: InvalidInput, width: int = 100) -> str:
    """Two lines for a terminal: the filter, and carets under the mistake.

    Args:
        text: The filter that was parsed.
        error: What parsing it raised, or the same as a channel carried it here: ``column`` and
            ``length`` are read from its details, and the start is pointed at without them.
        width: The most characters of the filter to show; a longer one is cut around the mistake.

    Returns:
        Plain text. Control characters of the filter are shown as ``·``, and the carets allow for
        characters that take two cells of a terminal, or none.
    """
    start = min(max(_count(error, "column") - 1, 0), len(text))
    left = max(0, start - width // 2) if len(text) > width else 0
    right = min(len(text), left + width)
    before, after = "…" if left else "", "…" if right < len(text) else ""
    stop = min(start + max(_count(error, "length"), 1), right)
    line = before + _printable(text[left:right]) + after
    pad = _cells(before) + _cells(_printable(text[left:start]))
    carets = max(_cells(_printable(text[start:stop])), 1)
    return f"{line}\n{' ' * pad}{'^' * carets}"


def _count(error: InvalidInput, name: str) -> int:
    # The details may have come from another machine, as whatever JSON it sent.
    found = error.details.get(name)
    return found if isinstance(found, int) else 1


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "·" for char in text)


def _cells(text: str) -> int:
    return sum(map(_width, text))


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
