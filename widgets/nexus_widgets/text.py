"""Text from outside, made safe to show, and numbers made short enough for a table.

`clean` guarantees that what it returns holds no control, no format character, no surrogate and no
unbounded pile of marks, so that a terminal draws it and does nothing else. It is a display form and
deliberately not reversible: keep the original for copying and for requests.

Pure standard library: neither Textual nor Rich is imported with this module, so that a command line
can use it without paying for a screen.
"""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache

__all__ = ["cell_fit", "cell_width", "clean", "compact", "count", "duration", "is_inert"]

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "…"
MAX_MARKS = 2
"""Combining marks kept on one base character: enough for written languages, too few to climb over other lines."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STANDALONE_BASE = "\N{DOTTED CIRCLE}"
_MARK_CATEGORIES = frozenset({"Mn", "Mc", "Me"})
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Letters by category, yet drawn as nothing at all: two ids that differ only in these look the same.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
_DROP, _MARK = "", "mark"


def clean(text: object, *, limit: int = 2000, newlines: bool = False) -> str:
    """Make any value inert for a terminal.

    Controls become visible glyphs (ESC is drawn as ␛), bidirectional controls, zero-width characters, tags,
    surrogates, private and unassigned code points become U+FFFD, combining marks are capped, flags become their
    two letters, and every kind of space becomes a plain one.

    Args:
        text: The value; anything but a string is converted first, and a conversion that fails is said so.
        limit: The longest result, in characters. What is longer ends in `…`.
        newlines: Keep line feeds, and widen tabs to four spaces, instead of drawing both as glyphs.

    Returns:
        Text that is safe in one line of a terminal (or in several, with `newlines`).
    """
    raw = text if isinstance(text, str) else _written(text)
    if len(raw) <= limit and raw.isascii() and raw.isprintable():
        return raw
    if newlines:
        raw = raw[: limit * 2 + 2].replace("\r\n", "\n").replace("\t", "    ")
    return _rewritten(raw, limit, newlines=newlines)


def is_inert(text: str) -> bool:
    """Say whether `clean` would leave a one-line text as it is.

    Args:
        text: The text to judge, of any length.
    """
    if text.isascii():
        return text.isprintable()
    return clean(text, limit=len(text)) == text


def cell_width(text: str) -> int:
    """Measure a text.

    Args:
        text: Inert text of one line.

    Returns:
        The terminal cells that it takes; wide characters take two.
    """
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cell_fit(text: str, width: int) -> str:
    """Cut a text that is too wide, and say so with `…`.

    Args:
        text: Inert text of one line.
        width: The room there is, in terminal cells.

    Returns:
        At most `width` cells; shorter text comes back as it is, without padding.
    """
    if width <= 0:
        return ""
    if len(text) * 2 <= width or cell_width(text) <= width:
        return text
    if text.isascii():
        return text[: width - 1] + ELLIPSIS
    from rich.cells import set_cell_size

    return set_cell_size(text, width - 1).rstrip(" ") + ELLIPSIS


def cell_middle(text: str, width: int) -> str:
    """Cut the middle out of a text that is too wide, and say so with `…`: both ends of a made id tell it from others.

    Args:
        text: Inert text of one line.
        width: The room there is, in terminal cells.

    Returns:
        At most `width` cells; shorter text comes back as it is, without padding.
    """
    if width < 3 or len(text) * 2 <= width or cell_width(text) <= width:
        return cell_fit(text, width)
    tail = (width - 1) // 2
    if text.isascii():
        return f"{text[: width - 1 - tail]}{ELLIPSIS}{text[-tail:]}"
    from rich.cells import set_cell_size

    head = set_cell_size(text, width - 1 - tail).rstrip(" ")
    end = text[-tail:]
    while cell_width(end) > tail:
        end = end[1:]
    return f"{head}{ELLIPSIS}{end}"


def duration(seconds: float) -> str:  # noqa: PLR0911  one return a unit reads best
    """Write a length of time in at most two units: `40ms`, `12s`, `4m28`, `55m`, `2h10`, `3d4h`.

    Args:
        seconds: The length; negative ones keep their sign.
    """
    if not math.isfinite(seconds):
        return "∞" if seconds > 0 else "?"
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if 0 < seconds < 0.9995:
        return f"{max(round(seconds * 1000), 1)}ms"
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        minutes, rest = divmod(whole, _MINUTE)
        # From ten minutes on nobody acts on the seconds, and a column that doesn't change every second is calmer.
        return f"{minutes}m{rest:02}" if rest and minutes < 10 else f"{minutes}m"
    if whole < _DAY:
        hours, rest = divmod(whole, _HOUR)
        return f"{hours}h{rest // _MINUTE:02}" if rest >= _MINUTE else f"{hours}h"
    days, rest = divmod(whole, _DAY)
    return f"{days}d{rest // _HOUR}h" if rest >= _HOUR and days < 100 else f"{days}d"


def count(n: int) -> str:
    """Write a whole number with its thousands apart, as in `1,002,413`.

    Args:
        n: The number.
    """
    return f"{n:,}"


def compact(n: float) -> str:
    """Write a number in at most five characters: `999`, `5.0k`, `12.3k`, `123k`, `1.0M`.

    Args:
        n: The number; beyond 999 billion it falls back to an exponent.
    """
    if not math.isfinite(n):
        return "?"
    if abs(n) < 1000:
        return str(int(n)) if float(n).is_integer() else f"{n:.1f}"
    size = float(n)
    for suffix in "kMG":
        size /= 1000
        if abs(size) < 99.95:
            return f"{size:.1f}{suffix}"
        if abs(size) < 999.5:
            return f"{size:.0f}{suffix}"
    return f"{n:.0e}"


def _written(value: object) -> str:
    try:
        return str(value)
    except ValueError:
        # Python refuses to write very long integers in decimal; the hexadecimal form is not limited.
        return hex(value) if isinstance(value, int) else f"<{type(value).__name__}>"
    except Exception:  # noqa: BLE001  a value's own __str__ may raise anything, and a screen has to go on
        return f"<{type(value).__name__}>"


def _rewritten(raw: str, limit: int, *, newlines: bool) -> str:
    out: list[str] = []
    marks = 0
    for char in raw:
        if newlines and char == "\n":
            glyph, marks = char, MAX_MARKS
        else:
            glyph = _glyph(char)
        if glyph == _MARK:
            marks += 1
            if not out or out[-1] == "\n":
                out.append(_STANDALONE_BASE)
                marks = 1
            glyph = char if marks <= MAX_MARKS else _DROP
        elif glyph:
            marks = 0
        if glyph:
            out.append(glyph)
        if len(out) > limit:
            return "".join(out[: max(limit - 1, 0)]) + (ELLIPSIS if limit > 0 else "")
    return "".join(out)


@lru_cache(maxsize=8192)
def _glyph(char: str) -> str:  # noqa: PLR0911  one return a kind of character reads best
    """Decide one character's form: itself, another, nothing, or `_MARK` for one that joins the character before."""
    point = ord(char)
    if point < 0x20:
        return chr(0x2400 + point)
    if point == 0x7F:
        return "␡"
    if point == 0x85 or 0x2028 <= point <= 0x2029:
        return "␤"
    if 0x1F1E6 <= point <= 0x1F1FF:
        return chr(ord("A") + point - 0x1F1E6)
    if 0xFE00 <= point <= 0xFE0F or 0x1F3FB <= point <= 0x1F3FF:
        # Presentation selectors and skin tones only restyle the character before, and terminals disagree on its
        # width with them: without them the columns hold.
        return _DROP
    category = unicodedata.category(char)
    if category in _HIDDEN_CATEGORIES or char in _INVISIBLE or 0xE0100 <= point <= 0xE01EF:
        return REPLACEMENT
    if category == "Zs":
        return " "
    if category in _MARK_CATEGORIES or 0x1160 <= point <= 0x11FF or 0xD7B0 <= point <= 0xD7FF:
        return _MARK
    return char
