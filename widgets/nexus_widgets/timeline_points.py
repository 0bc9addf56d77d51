"""The points of a timeline, and the cells they are drawn in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nexus_widgets.tone import Tone

PointKind = Literal["step", "checkpoint", "run", "signal", "error"]

GLYPHS: Final[dict[PointKind, str]] = {"step": "•", "checkpoint": "◆", "run": "▶", "signal": "↯", "error": "✖"}
"""What each kind is drawn as when a point has no glyph of its own."""


@dataclass(frozen=True, slots=True)
class TimelinePoint:
    """Something that happened."""

    ts: float
    """When, in seconds since any epoch."""
    label: str
    """What, in words."""
    kind: PointKind = "step"
    lane: str = ""
    """What it belongs to: a channel, for instance."""
    tone: Tone = "plain"
    glyph: str = ""
    """One cell that stands for it; empty takes that of its kind."""

    @property
    def sign(self) -> str:
        """The glyph that is drawn."""
        return self.glyph or GLYPHS[self.kind]


@dataclass(frozen=True, slots=True)
class Placed:
    """A point that is shown, and its cell."""

    index: int
    x: int


def place(times: Sequence[float], width: int, cursor: int, *, by_time: bool = True) -> list[Placed]:
    """Give each point a cell of its own, as near as can be to where its time puts it.

    Args:
        times: When the points are, oldest first.
        width: Cells there are.
        cursor: The point that has to be shown when not all can be.
        by_time: Whether distances are those in time, or all the same.

    Returns:
        The points that are shown, from left to right; all of them when there are cells enough.
    """
    if width <= 0 or not times:
        return []
    if len(times) > width:
        first = min(max(cursor - width // 2, 0), len(times) - width)
        return [Placed(first + x, x) for x in range(width)]
    span = times[-1] - times[0]
    if by_time and span > 0:
        cells = [round((ts - times[0]) / span * (width - 1)) for ts in times]
    else:
        cells = [round(index * (width - 1) / max(len(times) - 1, 1)) for index in range(len(times))]
    return [Placed(index, x) for index, x in enumerate(_apart(cells, width))]


def _apart(cells: list[int], width: int) -> list[int]:
    """Push cells apart to the right, and back from the right edge, so that no two are the same."""
    for index in range(1, len(cells)):
        cells[index] = max(cells[index], cells[index - 1] + 1)
    limit = width
    for index in reversed(range(len(cells))):
        limit = cells[index] = max(min(cells[index], limit - 1), 0)
    return cells
