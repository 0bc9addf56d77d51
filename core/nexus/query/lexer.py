"""Splits a filter into terms, and each term into head, operator and value. Never fails.

Terms stand apart by white space. A double quote anywhere in a term opens a part that the next one
closes; in it, white space, commas, dots, operators and wildcards are plain text. A backslash does
the same for the one character after it, inside quotes and outside. What is wrong with a term
(a quote left open, say) is noted in it and judged by the parser, so that completion can
work on a text that is still being written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN = "\0"
"""Stands in `Span.bare` for a character that was quoted or escaped. The parser refuses it in a filter."""

_OPERATOR = re.compile(r"(?:[:=<>]|!(?==))+")


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the filter with its quotes taken off.

    Args:
        text: What it says.
        bare: The same, with `PLAIN` for every character that was quoted or escaped: what is left
            is what may be a wildcard, a comma or a sign.
        places: For each character of ``text``, where it stands in the filter, from 0.
        start: Where the part begins in the filter.
        end: Where it ends, exclusive; quotes are inside.
    """

    text: str
    bare: str
    places: tuple[int, ...]
    start: int
    end: int

    @property
    def is_quoted(self) -> bool:
        """Whether quotes or a backslash stand in it, even round nothing."""
        return PLAIN in self.bare or (not self.text and self.end > self.start)

    def split(self, separator: str) -> list[Span]:
        """The parts between the separators that are neither quoted nor escaped; always at least one."""
        parts: list[Span] = []
        begin, start = 0, self.start
        for index, char in enumerate(self.bare):
            if char == separator:
                parts.append(self._part(begin, index, start, self.places[index]))
                begin, start = index + 1, self.places[index] + 1
        parts.append(self._part(begin, len(self.text), start, self.end))
        return parts

    def _part(self, begin: int, stop: int, start: int, end: int) -> Span:
        return Span(self.text[begin:stop], self.bare[begin:stop], self.places[begin:stop], start, end)


@dataclass(frozen=True, slots=True)
class Lexeme:
    """One term as it is written.

    Args:
        negated: It starts with a minus sign.
        start: Where it begins in the filter, the sign included, from 0.
        head: What stands before the operator; the whole term where there is none.
        operator: As written; empty where there is none.
        operator_start: Where the operator begins; the end of the head where there is none.
        value: What stands after the operator; empty where there is none.
        end: Where the term ends, exclusive.
        open_quote: Where the quote stands that nothing closes.
        open_escape: Where the backslash stands that nothing follows.
    """

    negated: bool
    start: int
    head: Span
    operator: str
    operator_start: int
    value: Span
    end: int
    open_quote: int | None
    open_escape: int | None


@dataclass(slots=True)
class _Scan:
    """Reads one span; afterwards ``position`` is behind it."""

    text: str
    position: int
    open_quote: int | None = None
    open_escape: int | None = None

    def read(self, *, to_operator: bool) -> Span:
        start = self.position
        chars: list[str] = []
        bare: list[str] = []
        places: list[int] = []
        for place, char, plain in self._chars(to_operator=to_operator):
            chars.append(char)
            bare.append(PLAIN if plain else char)
            places.append(place)
        return Span("".join(chars), "".join(bare), tuple(places), start, self.position)

    def _chars(self, *, to_operator: bool) -> Iterator[tuple[int, str, bool]]:
        while self.position < len(self.text):
            place, char = self.position, self.text[self.position]
            if self.open_quote is None and (char.isspace() or (to_operator and _OPERATOR.match(self.text, place))):
                return
            self.position += 1
            if char == '"':
                self.open_quote = place if self.open_quote is None else None
            elif char != "\\":
                yield place, char, self.open_quote is not None
            elif self.position < len(self.text):
                self.position += 1
                yield place, self.text[place + 1], True
            else:
                self.open_escape = place


def lex(text: str) -> list[Lexeme]:
    """The terms of ``text`` in order; empty for a blank text. Takes time linear in its length."""
    found: list[Lexeme] = []
    position = 0
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if position == len(text):
            return found
        found.append(_lexeme(text, position))
        position = found[-1].end


def _lexeme(text: str, start: int) -> Lexeme:
    negated = text[start] == "-"
    scan = _Scan(text, start + negated)
    head = scan.read(to_operator=True)
    sign = _OPERATOR.match(text, scan.position)
    operator = sign[0] if sign else ""
    scan.position += len(operator)
    value = scan.read(to_operator=False) if operator else Span("", "", (), scan.position, scan.position)
    return Lexeme(negated, start, head, operator, head.end, value, scan.position, scan.open_quote, scan.open_escape)
