"""One entry of a log as one line: as many of its parts as the width has room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.strip import Strip

from nexus_widgets.cells import fitted, marked_segments
from nexus_widgets.styles import base_style, over_style, part_style
from nexus_widgets.text import cell_width, clean
from nexus_widgets.tone import tone_style

if TYPE_CHECKING:
    from rich.style import Style
    from textual.widget import Widget

    from nexus_widgets.log_ring import LogEntry

_TIME, _CHANNEL, _ACTOR = 8, 7, 14
_TEXT = 100
"""Cells after which channel and actor follow on a wide screen, where the text needs no more."""


def draw_entry(widget: Widget, entry: LogEntry, width: int, needle: str) -> Strip:
    """Draw an entry.

    Args:
        widget: The log, for its styles.
        entry: What to draw.
        width: Cells of the line.
        needle: What to mark in it; empty marks nothing.
    """
    base = base_style(widget)
    mark = over_style(widget, "event-log--match")
    parts = _parts(widget, entry, width)
    segments: list[Segment] = []
    for text, style in parts:
        segments += marked_segments(text, needle, style, style + mark)
        segments.append(Segment(" ", base))
    return Strip(segments).adjust_cell_length(width, base)


def _parts(widget: Widget, entry: LogEntry, width: int) -> list[tuple[str, Style]]:
    """Share the width: actor and channel go first, then the subject shrinks; the text takes what it needs."""
    subject_width = min(max(width // 5, 12), 28)
    channel = _CHANNEL if width >= 50 else 0
    actor = _ACTOR if width >= 90 else 0
    used = _TIME + 1 + subject_width + 1 + (channel + 1 if channel else 0) + (actor + 1 if actor else 0)
    tone = tone_style(widget, entry.tone)
    parts = [
        (fitted(entry.time, _TIME), _own(widget, "time")),
        (fitted(entry.subject, subject_width), _own(widget, "subject")),
        (fitted(entry.text, min(max(width - used, 1), max(cell_width(clean(entry.text)), _TEXT))), tone),
    ]
    if channel:
        parts.append((fitted(entry.channel, channel), tone_style(widget, entry.channel_tone)))
    if actor:
        parts.append((fitted(entry.actor, actor), _own(widget, "meta")))
    return parts


def _own(widget: Widget, part: str) -> Style:
    return part_style(widget, f"event-log--{part}")
