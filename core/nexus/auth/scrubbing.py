"""Finding hidden values in a text that may quote them, and covering them up.

Found are texts as they are, as ``repr`` writes them and as JSON does, and numbers. A text of four characters and more
is found anywhere, a shorter one and a number where it stands by itself: otherwise a hidden ``1`` would cover up half of
every message. True, false and null tell nothing by themselves and stay. What was cut, turned round, hashed or encoded
in another way is not found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

SHORT: Final = 4
"""Texts under this many characters are covered up as whole words alone."""


def scrub(text: str, values: Iterable[Any], marker: str, most: int | None = None) -> str:
    """The text with the marker in the place of each of the values.

    Args:
        text: Any text.
        values: Those that may not show.
        marker: What stands for each.
        most: Characters of the text that are looked at; the rest is dropped, and no part of a value stays before it.
    """
    window = text[:most]
    covered: list[list[int]] = []
    cut = len(text) > len(window)
    for start, end in sorted(span for value in values for span in _spans(window, value, cut=cut)):
        if covered and start <= covered[-1][1]:
            covered[-1][1] = max(covered[-1][1], end)
        else:
            covered.append([start, end])
    ends = [0, *(end for _, end in covered)]
    starts = [*(start for start, _ in covered), len(window)]
    return marker.join(window[end:start] for end, start in zip(ends, starts, strict=True))


def _spans(text: str, value: Any, *, cut: bool) -> Iterator[tuple[int, int]]:
    if isinstance(value, str):
        for form in {value, repr(value)[1:-1], json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}:
            if len(form) >= SHORT:
                yield from _anywhere(text, form)
                if cut:
                    yield from _at_the_end(text, form)
            elif re.search(r"\w", form):
                yield from _as_a_word(text, form)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _as_a_word(text, repr(value))
    elif isinstance(value, bytes):
        yield from _spans(text, repr(value)[2:-1], cut=cut)


def _anywhere(text: str, form: str) -> Iterator[tuple[int, int]]:
    at = text.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = text.find(form, at + 1)


def _as_a_word(text: str, form: str) -> Iterator[tuple[int, int]]:
    if form in text:
        for found in re.finditer(rf"(?<!\w){re.escape(form)}(?!\w)", text):
            yield found.span()


def _at_the_end(text: str, form: str) -> Iterator[tuple[int, int]]:
    """The beginning of a value whose rest was cut off with the rest of the text."""
    at = text.find(form[:SHORT], max(0, len(text) - len(form) + 1))
    while at >= 0:
        if form.startswith(text[at:]):
            yield at, len(text)
            return
        at = text.find(form[:SHORT], at + 1)
