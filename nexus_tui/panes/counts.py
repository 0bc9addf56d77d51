"""CountsPane: how many sessions stand where, each status with its glyph and word."""

from __future__ import annotations

from rich.text import Text

from nexus.model import Statistics
from nexus_tui.horizon import Expiring
from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.viewmodels.figures import expiring, status_counts
from nexus_tui.viewmodels.words import STATUS_MARKS
from nexus_widgets import Toned, compact


class CountsPane(ToneLines):
    """Counts in two columns; the statuses that want attention come first."""

    BORDER_TITLE = "sessions"
    _told = ""

    def show(self, statistics: Statistics | None, horizon: Expiring | None = None) -> None:
        """Draw the counts.

        Args:
            statistics: The figures, if any have come.
            horizon: How many expire soon, if that was counted.
        """
        told, tone = expiring(horizon)
        if told != self._told:
            self._told = told
            self.border_subtitle = Text(told)
            self.set_class(tone == "warn", "-expiring")
        cells: list[tuple[Toned, ...]] = []
        for status, number in status_counts(statistics):
            mark = STATUS_MARKS[status]
            # A status that nobody is in is only noise in colour.
            tone = mark.tone if number else "muted"
            cells.append((Toned(f"{mark.glyph} {mark.word:<12}", tone), Toned(f"{compact(number):>6}", "plain")))
        half = 2
        rows = [cells[start : start + half] for start in range(0, len(cells), half)]
        self.lines = tuple(Line(sum((*_spread(row),), ())) for row in rows)


def _spread(cells: list[tuple[Toned, ...]]) -> list[tuple[Toned, ...]]:
    return [cells[0], *((Toned("   "), *cell) for cell in cells[1:])]
