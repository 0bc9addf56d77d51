"""Text patterns: ``*`` is any run of characters, ``?`` any one, ``\\x`` the character x itself.

Matching never backtracks: the text between two stars is looked for once, leftmost first, so a
match costs at most the length of the text times the length of the pattern. Patterns compare the
whole text and mind case, unless asked not to. There are no character classes: ``[`` is itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

SPECIAL = "*?\\"
"""The characters that a pattern escapes with a backslash to mean themselves."""

Matcher = Callable[[str], bool]


def escape(text: str) -> str:
    """The pattern that matches ``text`` and nothing else."""
    return "".join(f"\\{char}" if char in SPECIAL else char for char in text)


@dataclass(frozen=True, slots=True)
class Glob:
    """One pattern.

    Args:
        text: The pattern in its written form. A backslash at the very end stands for itself.
    """

    text: str

    @property
    def literal(self) -> str | None:
        """The one text that matches, or ``None`` where the pattern has a wildcard.

        Stores turn this into an equality on an index.
        """
        pieces = self.pieces()
        return _plain(pieces[0]) if len(pieces) == 1 else None

    @property
    def prefix(self) -> str:
        """The fixed text that every match starts with; may be empty.

        Stores turn this into a range on an index, and check what comes back with `compile`.
        """
        start: list[str] = []
        for token in self.pieces()[0]:
            if token is None:
                break
            start.append(token)
        return "".join(start)

    @property
    def is_any(self) -> bool:
        """Whether every text matches: the pattern is stars only."""
        pieces = self.pieces()
        return len(pieces) > 1 and not any(pieces)

    def pieces(self) -> list[list[str | None]]:
        """What stands between the stars: lists of characters, ``None`` for a question mark."""
        found: list[list[str | None]] = [[]]
        chars = iter(self.text)
        for char in chars:
            if char == "*":
                found.append([])
            elif char == "?":
                found[-1].append(None)
            else:
                found[-1].append(next(chars, char) if char == "\\" else char)
        return found

    def compile(self, *, ignore_case: bool = False) -> Matcher:
        """A function that says whether a text matches.

        Args:
            ignore_case: Compare by Unicode case folding.
        """
        if not ignore_case:
            return _compile(self.pieces())
        folded: list[list[str | None]] = [_fold(piece) for piece in self.pieces()]
        matcher = _compile(folded)
        return lambda text: matcher(text.casefold())


def _fold(piece: list[str | None]) -> list[str | None]:
    # Folding may make two characters of one (ß -> ss), so it is done before they are counted.
    folded: list[str | None] = []
    for token in piece:
        folded.extend([None] if token is None else token.casefold())
    return folded


def _plain(piece: list[str | None]) -> str | None:
    chars = [token for token in piece if token is not None]
    return "".join(chars) if len(chars) == len(piece) else None


def _compile(pieces: list[list[str | None]]) -> Matcher:
    plain = [_plain(piece) for piece in pieces]
    first, last = plain[0], plain[-1]
    if len(pieces) == 1 and first is not None:
        return first.__eq__
    if len(pieces) == 2 and first is not None and last is not None:
        return _ends(first, last)
    if len(pieces) == 3 and first == last == "" and plain[1] is not None:
        middle = plain[1]
        return lambda text: middle in text
    return _general(pieces)


def _ends(first: str, last: str) -> Matcher:
    if not last:
        return lambda text: text.startswith(first)
    if not first:
        return lambda text: text.endswith(last)
    least = len(first) + len(last)
    return lambda text: len(text) >= least and text.startswith(first) and text.endswith(last)


def _general(pieces: list[list[str | None]]) -> Matcher:
    first, last = _fixed(pieces[0]), _fixed(pieces[-1])
    if len(pieces) == 1:
        return lambda text: first.fullmatch(text) is not None
    middle = [_fixed(piece) for piece in pieces[1:-1] if piece]
    head, tail = len(pieces[0]), len(pieces[-1])

    def matcher(text: str) -> bool:
        end = len(text) - tail
        if end < head or first.match(text) is None or last.fullmatch(text, end) is None:
            return False
        position = head
        for piece in middle:
            hit = piece.search(text, position, end)
            if hit is None:
                return False
            position = hit.end()
        return True

    return matcher


def _fixed(piece: list[str | None]) -> re.Pattern[str]:
    # One character a token and no repetition: the expression has nothing to backtrack over.
    return re.compile("".join("." if token is None else re.escape(token) for token in piece), re.DOTALL)
