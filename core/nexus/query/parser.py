"""Reads a filter. Total: every text gives a `Query` or raises a `QueryError` that points at the mistake.

Takes time linear in the length of the text, which is limited, as are the number of terms and the
depth of a path.
"""

from __future__ import annotations

from nexus.query.ast import Query, Term
from nexus.query.lexer import Lexeme, lex
from nexus.query.mistakes import QueryError, mistake
from nexus.query.terms import field_term
from nexus.query.values import unusable_at
from nexus.query.words import word_term

MAX_LENGTH = 4096
"""The most characters in a filter."""

MAX_TERMS = 128
"""The most terms in a filter."""


def parse(text: str) -> Query:
    """Read a filter.

    Args:
        text: The filter; blank means every session.

    Raises:
        QueryError: The text is not a filter. Its column and length say where, its message why.
    """
    _check_text(text)
    lexemes = lex(text)
    if len(lexemes) > MAX_TERMS:
        extra = lexemes[MAX_TERMS]
        raise mistake(
            f"a filter has at most {MAX_TERMS} terms and this one has {len(lexemes)}: join alternatives with commas",
            extra.start,
            extra.end,
        )
    return Query(tuple(_term(lexeme, is_last=lexeme.end == len(text)) for lexeme in lexemes))


def _check_text(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise mistake(
            f"a filter has at most {MAX_LENGTH} characters and this one has {len(text)}: shorten it",
            MAX_LENGTH,
            len(text),
        )
    place = unusable_at(text)
    if place is not None:
        code = f"U+{ord(text[place]):04X}"
        raise mistake(f"character {code} can't be part of a filter: take it out", place, place + 1)


def _term(lexeme: Lexeme, *, is_last: bool) -> Term:
    try:
        _check_whole(lexeme)
        return field_term(lexeme) if lexeme.operator else word_term(lexeme)
    except QueryError as error:
        # Typing goes on at the end of the text: a term before it is as finished as it will be.
        error.incomplete &= is_last
        raise


def _check_whole(lexeme: Lexeme) -> None:
    if lexeme.open_quote is not None:
        raise mistake('this quote is never closed: add a " at its end', lexeme.open_quote, lexeme.end, incomplete=True)
    if lexeme.open_escape is not None:
        message = "nothing follows this backslash: write \\\\ for a backslash itself"
        raise mistake(message, lexeme.open_escape, lexeme.end, incomplete=True)
    if lexeme.head.bare.startswith("-"):
        raise mistake("one minus sign negates; quote a text that starts with one", lexeme.start, lexeme.head.start + 1)
