"""Lengths of time as they are written: ``30s``, ``10m``, ``2h``, ``3d``, ``1h30m``, or plain seconds.

Units are ``ms s m h d w``, in lower case. Parts add up. The answer is in seconds.
"""

from __future__ import annotations

import re
from decimal import Decimal

UNITS: dict[str, float] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
"""Seconds in each unit."""

LONGEST = 100_000 * UNITS["d"]
"""The longest duration a filter may name, in seconds: 100 000 days."""

# Digits, the dot and letters can't stand for one another, so neither expression backtracks. The
# longest fraction has room for every float, so that what was computed can be written and read back.
_NUMBER = r"[0-9]{1,18}(?:\.[0-9]{1,400})?"
_PART = re.compile(rf"({_NUMBER})([a-z]{{1,2}})", re.ASCII)
_PLAIN = re.compile(_NUMBER, re.ASCII)


def read_duration(text: str) -> float | None:
    """Seconds in ``text``, or ``None`` where it is not a duration. May be over `LONGEST`."""
    if _PLAIN.fullmatch(text):
        return float(text)
    total, position = 0.0, 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None or part[2] not in UNITS:
            return None
        total += float(part[1]) * UNITS[part[2]] if part[2] != "ms" else float(part[1]) / 1000
        position = part.end()
    return total if text else None


def write_duration(seconds: float) -> str:
    """The shortest usual form of ``seconds`` (0 or more), which `read_duration` reads back exactly."""
    if not float(seconds).is_integer():
        return _write_fraction(seconds)
    parts: list[str] = []
    rest = int(seconds)
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, int(UNITS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _write_fraction(seconds: float) -> str:
    thousands = seconds * 1000
    if seconds < 1 and thousands.is_integer() and thousands / 1000 == seconds:
        return f"{int(thousands)}ms"
    return f"{Decimal(repr(seconds)):f}s"
