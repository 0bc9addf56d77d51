"""Breaking texts into lines of a width, in cells."""

from __future__ import annotations

from nexus_widgets.text import cell_width


def wrapped(text: str, width: int) -> list[str]:
    """Break a text at blanks where it can be, and within words that are too long.

    Args:
        text: One line of text, clean.
        width: The most cells of a line.

    Returns:
        One line at least; nothing of the text but blanks at breaks is lost.
    """
    lines: list[str] = []
    rest = text
    while cell_width(rest) > width:
        end = _fitting(rest, width)
        blank = rest.rfind(" ", 0, end + 1)
        if blank > 0:
            end = blank
        lines.append(rest[:end])
        rest = rest[end:].removeprefix(" ")
    return [*lines, rest]


def _fitting(text: str, width: int) -> int:
    """How many characters fit; one at least, so that breaking comes to an end."""
    used = 0
    for index, char in enumerate(text):
        used += cell_width(char)
        if used > width:
            return max(index, 1)
    return len(text)
