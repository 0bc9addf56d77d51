"""Lean painting: a screen draws only the lines that changed, and of each line only what is seen.

For every frame Textual draws all lines of all widgets that touch the rectangle around everything that changed: where a
clock in the first line and a log at the bottom change, that is the whole screen, several times over, since what lies
beneath other widgets is drawn as well. Here each part of a line that changed is filled from the front, by the widgets
that are seen there, until it is full. It guarantees the same cells as Textual's own frames; whole frames (the first
one, or after a change of size) are left to Textual.

Textual has no public place for this: `paint_lean` does nothing where it does not find what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.control import Control
from textual._compositor import Compositor, CompositorUpdate
from textual.geometry import Region

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from rich.console import Console, ConsoleOptions, RenderResult
    from textual.screen import Screen
    from textual.strip import Strip
    from textual.widget import Widget

Span = tuple[int, int]
"""Cells of a line: the first one, and the one behind the last."""
_Piece = tuple[int, "Strip"]
"""The cell where it begins, and what is drawn there."""

_NEEDED = ("_dirty_regions", "_regions_to_spans", "visible_widgets", "render_partial_update", "render_full_update")


def paint_lean(screen: Screen[Any]) -> bool:
    """Let a screen draw only what changed.

    Args:
        screen: One that was not shown yet.

    Returns:
        Whether it does now: ``False`` where this Textual is another than is known here.
    """
    known = all(hasattr(Compositor(), name) for name in _NEEDED)
    if known and type(getattr(screen, "_compositor", None)) is Compositor:
        screen._compositor = LeanCompositor()  # noqa: SLF001  there is no public place
        return True
    return False


class LeanCompositor(Compositor):
    """Textual's compositor, with leaner updates."""

    def render_partial_update(self) -> LeanUpdate | None:  # type: ignore[override]
        """Draw what changed since the last frame; ``None`` where nothing did."""
        regions = self._dirty_regions.copy()
        self._dirty_regions.clear()
        empty: dict[int, list[Span]] = {}
        width, height = self.size
        for y, start, end in self._regions_to_spans(regions):
            if 0 <= y < height and (first := max(start, 0)) < (last := min(end, width)):
                empty.setdefault(y, []).append((first, last))
        return LeanUpdate(_filled(empty, self.visible_widgets)) if empty else None


class LeanUpdate(CompositorUpdate):
    """The parts of lines that changed."""

    def __init__(self, lines: dict[int, list[_Piece]]) -> None:
        """Remember what is drawn.

        Args:
            lines: The pieces of each line, by its number.
        """
        self._lines = lines

    def render_segments(self, console: Console) -> str:
        """Write what a terminal is sent."""
        return "".join(f"\x1b[{y + 1};{x + 1}H{strip.render(console)}" for y, x, strip in self._placed())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give the segments, for whoever prints it."""
        del console, options
        for y, x, strip in self._placed():
            yield Control.move_to(x, y).segment
            yield from strip

    def _placed(self) -> Iterator[tuple[int, int, Strip]]:
        for y, pieces in sorted(self._lines.items()):
            for x, strip in sorted(pieces, key=_place):
                yield y, x, strip


def _place(piece: _Piece) -> int:
    return piece[0]


def _filled(empty: dict[int, list[Span]], widgets: dict[Widget, tuple[Region, Region]]) -> dict[int, list[_Piece]]:
    """Fill spans of lines with what widgets, from the front to the back, show there."""
    filled: dict[int, list[_Piece]] = {y: [] for y in empty}
    for widget, (region, clip) in widgets.items():
        if not empty:
            break
        seen = region.intersection(clip)
        rows = _touched(empty, seen)
        for first, stop in _runs(rows):
            inside = Region(seen.x - region.x, first - region.y, seen.width, stop - first)
            for y, strip in zip(range(first, stop), widget.render_lines(inside), strict=False):
                left = _cover(empty.pop(y), seen, strip, filled[y])
                if left:
                    empty[y] = left
    return filled


def _touched(empty: dict[int, list[Span]], seen: Region) -> list[int]:
    """The lines on which a widget shows something of what is missing."""
    left, right, top, bottom = seen.x, seen.right, seen.y, seen.bottom
    return sorted(
        y for y, spans in empty.items() if top <= y < bottom and any(a < right and b > left for a, b in spans)
    )


def _runs(rows: Iterable[int]) -> Iterator[Span]:
    """Consecutive lines together: a widget is asked once for all of them."""
    first = stop = -1
    for row in rows:
        if row != stop:
            if first >= 0:
                yield first, stop
            first = row
        stop = row + 1
    if first >= 0:
        yield first, stop


def _cover(spans: list[Span], seen: Region, strip: Strip, pieces: list[_Piece]) -> list[Span]:
    """Put a widget's line where something is missing; what is missing then."""
    missing: list[Span] = []
    for start, end in spans:
        first, last = max(start, seen.x), min(end, seen.right)
        if first >= last:
            missing.append((start, end))
            continue
        pieces.append((first, strip.crop(first - seen.x, last - seen.x)))
        if start < first:
            missing.append((start, first))
        if last < end:
            missing.append((last, end))
    return missing
