"""Statuses, channels and times in the words, glyphs and tones of the console.

A status is always a glyph and a word and a tone, so that it reads without colour. All glyphs are one cell wide.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from nexus.model import Status
from nexus_widgets import Tone, clean, duration


@dataclass(frozen=True, slots=True)
class StatusMark:
    """How a status looks."""

    glyph: str
    word: str
    tone: Tone

    @property
    def text(self) -> str:
        """Glyph and word."""
        return f"{self.glyph} {self.word}"


STATUS_MARKS: dict[Status, StatusMark] = {
    Status.IN_PROGRESS: StatusMark("▶", "in progress", "info"),
    Status.ACTIVE: StatusMark("○", "active", "good"),
    Status.SUSPENDED: StatusMark("‖", "suspended", "warn"),
    Status.FAILED: StatusMark("✖", "failed", "bad"),
    Status.COMPLETED: StatusMark("✓", "completed", "muted"),
    Status.CANCELLED: StatusMark("⊘", "cancelled", "muted"),
    Status.EXPIRED: StatusMark("◷", "expired", "muted"),
}
"""Every status, in the order in which counts are shown."""

ID_WIDTH = 18
"""Characters of an id in tables."""
NOTHING = "\u2013"
"""Stands where there is no value."""

CHANNEL_TONES: dict[str, Tone] = {"api": "cat1", "cli": "cat2", "mcp": "cat3", "sdk": "cat4"}
"""Tones that tell channels apart; their names stand beside them."""


def channel_tone(channel: str | None) -> Tone:
    """The tone of a channel; muted for one that is not known."""
    return CHANNEL_TONES.get(channel or "", "muted")


def channel_path(channels: Iterable[str]) -> str:
    """Channels in order of first use, with an arrow between them."""
    return "\u203a".join(clean(channel, limit=20) for channel in channels)


def short_id(text: str, width: int = ID_WIDTH) -> str:
    """An id that fits, cut in its middle: made ids differ at their ends, and begin alike.

    Args:
        text: The id.
        width: The most characters.
    """
    shown = clean(text, limit=200)
    if len(shown) <= width:
        return shown
    tail = (width - 1) // 2
    return f"{shown[: width - 1 - tail]}…{shown[-tail:]}"


def span(seconds: float | None) -> str:
    """A length of time, or a dash for one that there is none of."""
    return NOTHING if seconds is None else duration(seconds)


def until(at: float | None, now: float) -> str:
    """The time that is left until ``at``: ``now`` once it has come, ``never`` where there is no such time."""
    if at is None:
        return "never"
    return duration(max(int(at - now), 1)) if at > now else "now"


def since(at: float | None, now: float) -> str:
    """The time since ``at`` in whole seconds, never below zero; a dash where there is no such time."""
    return NOTHING if at is None else duration(max(int(now - at), 0))


def clock_time(seconds: float) -> str:
    """The time of day in UTC, as in ``03:04:05``."""
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}"


def moment(seconds: float | None) -> str:
    """Date and time in UTC, as in ``2026-05-01 03:04:05Z``; a dash for none."""
    return NOTHING if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}Z"


def plural(count: int, noun: str) -> str:
    """``1 session``, ``2 sessions``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
