"""Steps through the past, and times as a person writes them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time

from nexus.errors import InvalidInput
from nexus.query.durations import read_duration
from nexus_widgets import clean

_NEAR = 0.2
"""A step that is no longer than this share of one goes one further: nobody would see it."""


@dataclass(frozen=True, slots=True)
class Span:
    """How much of the past is in view, with the steps that suit it. Seconds."""

    length: float
    step: float
    stride: float
    """The bigger step."""


SPANS = (
    Span(600.0, 10.0, 60.0),
    Span(3600.0, 60.0, 600.0),
    Span(6 * 3600.0, 300.0, 3600.0),
    Span(86400.0, 1800.0, 6 * 3600.0),
    Span(7 * 86400.0, 3 * 3600.0, 86400.0),
    Span(30 * 86400.0, 12 * 3600.0, 7 * 86400.0),
    Span(365 * 86400.0, 7 * 86400.0, 30 * 86400.0),
)


def span_of(passed: float) -> Span:
    """The smallest span in which a time lies that was so long ago.

    Args:
        passed: Seconds.
    """
    return next((span for span in SPANS if passed <= span.length), SPANS[-1])


def stepped(at: float, now: float, direction: int, *, big: bool = False) -> float:
    """The round time one step before or after a time.

    Args:
        at: Seconds since the epoch.
        now: The same, as of now: what is in view ends there.
        direction: -1 or 1.
        big: Whether to take the bigger step.
    """
    span = span_of(now - at)
    step = span.stride if big else span.step
    place = at / step
    there = math.floor(place) if direction < 0 else math.ceil(place)
    if abs(place - there) < _NEAR:
        there += direction
    return there * step


def time_of(text: str, now: float) -> float:
    """The past time that a text means: ``10m`` ago, ``05:00`` today or yesterday, ISO 8601. All in UTC.

    Args:
        text: What was written.
        now: Seconds since the epoch.

    Raises:
        InvalidInput: It means none, or one that is yet to come.
    """
    text = text.strip()
    ago = read_duration(text.removesuffix("ago").strip())
    if ago is not None:
        return now - ago
    at = _written(text, now)
    if at > now:
        raise InvalidInput(f"{clean(text, limit=40)} is yet to come", field="time")
    return at


def _written(text: str, now: float) -> float:
    try:
        if len(text) <= 12 and ":" in text:
            today = datetime.fromtimestamp(now, UTC).date()
            at = datetime.combine(today, clock_time.fromisoformat(text.removesuffix("Z")), UTC)
            return (at if at.timestamp() <= now else at - timedelta(days=1)).timestamp()
        written = datetime.fromisoformat(text)
        return (written if written.tzinfo is not None else written.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{clean(text, limit=40)!r} is no time: write 10m (ago), 05:00 or 2027-01-15T08:00 (UTC)", field="time"
        ) from None
