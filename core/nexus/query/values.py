"""What stands after an operator: comma lists, wildcards and exact text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nexus.query.globs import Glob, escape
from nexus.query.mistakes import clip, mistake

if TYPE_CHECKING:
    from nexus.query.lexer import Lexeme, Span

_UNUSABLE = re.compile("[\0\ud800-\udfff]")


def unusable_at(text: str) -> int | None:
    """Where the first character stands that no filter may hold, from 0; ``None`` where there is none.

    These are NUL and lone surrogates: no session's text has them, and databases choke on both.
    """
    found = _UNUSABLE.search(text)
    return found.start() if found else None


def list_items(span: Span) -> list[Span]:
    """The items of a comma list.

    Raises:
        QueryError: One of them is empty and not quoted.
    """
    parts = span.split(",")
    for part in parts:
        if part.start == part.end:
            place = max(part.start - 1, span.start)
            message = "a value is missing beside this comma: write one, or quote a comma that is text"
            raise mistake(message, place, place + 1, incomplete=part is parts[-1])
    return parts


def single_item(lexeme: Lexeme, fix: str) -> Span:
    """The value of a term that takes no list.

    Args:
        lexeme: The term, which has a value.
        fix: What to write instead of a list.

    Raises:
        QueryError: There is an unquoted comma.
    """
    parts = lexeme.value.split(",")
    if len(parts) > 1:
        place = parts[1].start - 1
        raise mistake(f"{lexeme.head.text}{lexeme.operator} takes one value: {fix}", place, place + 1)
    return parts[0]


def has_wildcard(item: Span) -> bool:
    """Whether a star or question mark stands in it unquoted."""
    return "*" in item.bare or "?" in item.bare


def glob(item: Span) -> Glob:
    """The pattern that an item means after ``:``."""
    pairs = zip(item.text, item.bare, strict=True)
    return Glob("".join(char if bare in "*?" else escape(char) for char, bare in pairs))


def exact_text(lexeme: Lexeme, item: Span) -> str:
    """The text that an item means after ``=`` and the operators of order.

    Args:
        lexeme: The term, for the message.
        item: One of its values.

    Raises:
        QueryError: It has an unquoted star, which most likely was meant as a wildcard.
    """
    place = item.bare.find("*")
    if place >= 0:
        fix = clip(f"{lexeme.head.text}:{item.text}")
        message = f"a star is a wildcard only after a colon: write {fix}, or quote a star that is text"
        raise mistake(message, item.places[place], item.places[place] + 1)
    return item.text
