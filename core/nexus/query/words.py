"""Terms without a field: bare words and quoted phrases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nexus.query.ast import WordTerm
from nexus.query.mistakes import mistake
from nexus.query.values import list_items

if TYPE_CHECKING:
    from nexus.query.lexer import Lexeme, Span

RESERVED: dict[str, str] = {
    "AND": "terms side by side already mean and: leave it out",
    "OR": "there is no OR between terms: join values with commas, as in status:failed,active",
    "NOT": "there is no NOT: put a minus sign before the term, as in -status:completed",
}
"""Words of other languages, in capitals, and what to write instead."""


def word_term(lexeme: Lexeme) -> WordTerm:
    """The term of a lexeme that has no operator.

    Raises:
        QueryError: It is empty, or means something in other languages that it doesn't here.
    """
    head = lexeme.head
    if head.start == head.end:
        message = "nothing follows this minus sign: write a term after it"
        raise mistake(message, lexeme.start, lexeme.end, incomplete=True)
    _check_foreign(head)
    texts = dict.fromkeys(_text(part) for part in list_items(head))
    return WordTerm(tuple(texts), lexeme.negated)


def _check_foreign(head: Span) -> None:
    if head.bare in RESERVED:
        raise mistake(f"{RESERVED[head.bare]}; quote it to look for it as text", head.start, head.end)
    if head.bare.startswith(("(", ")")):
        message = "terms have no brackets: join alternatives with commas, and quote a bracket that is text"
        raise mistake(message, head.start, head.start + 1)
    if head.bare.startswith("!"):
        message = f"a minus sign negates: write -{head.text[1:20]}, or quote a ! that is text"
        raise mistake(message, head.start, head.start + 1)


def _text(part: Span) -> str:
    # A word is looked for anywhere in a field, so stars round it change nothing and are let go.
    begin = len(part.bare) - len(part.bare.lstrip("*"))
    end = len(part.bare.rstrip("*"))
    if begin >= end:
        nothing = "there is no text to look for here: write some, or name a field, as in user:*"
        raise mistake(nothing, part.start, part.end)
    inner = part.bare.find("*", begin, end)
    if inner >= 0:
        message = "a star inside a word needs a field, as in id:sess_*7; quote one that is text"
        raise mistake(message, part.places[inner], part.places[inner] + 1)
    return part.text[begin:end]
