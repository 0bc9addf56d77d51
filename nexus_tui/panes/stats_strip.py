"""StatsStrip: the figures with their plots, as tiles where there is room and as one line where there isn't."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget

from nexus.model import Statistics
from nexus_tui.feed import Feed
from nexus_tui.panes.counts import CountsPane
from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.viewmodels import figures
from nexus_tui.viewmodels.words import STATUS_MARKS
from nexus_widgets import StatTile, Toned, compact


class StatsStrip(Widget):
    """Counts, events a second, durations and success."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._drawn: tuple[Statistics | None, str] = (None, "")
        """The figures and the rate that the plots were last drawn for."""

    def compose(self) -> ComposeResult:
        """Both forms: the screen's width decides which is seen."""
        with Horizontal(id="stats-tiles"):
            yield CountsPane(id="stats-counts")
            yield StatTile("events/s", id="stats-events")
            yield StatTile("p95 duration", id="stats-p95")
            yield StatTile("success", low=0, high=100, id="stats-success")
        with Horizontal(id="stats-line"):
            yield ToneLines(id="stats-short")
            yield StatTile("", id="stats-spark")

    def show(self, feed: Feed) -> None:
        """Draw all figures.

        Args:
            feed: Where they are.
        """
        statistics, history = feed.statistics, feed.history
        rate = figures.rate(history.events_per_second())
        doubt = "\u2248 " if feed.has_doubts else ""
        counts = self.query_one("#stats-counts", CountsPane)
        counts.show(statistics, feed.horizon.expiring)
        counts.border_title = Text(f"{doubt}sessions")
        self._short(feed)
        # While nothing happens a plot moves with each look at the figures only: a redraw a second is most of what a
        # console at rest costs.
        drawn, self._drawn = self._drawn, (statistics, rate)
        if statistics is not None and drawn[0] is statistics and rate == drawn[1] == "0":
            return
        self._tile("events").set_figure(rate, tuple(history.events), figures.channel_shares(statistics))
        # Percentiles of several contexts can only be worked out from those of each.
        about = feed.contexts is not None or feed.has_doubts
        self._tile("p95").set_figure(
            figures.p95(statistics, approximate=about),
            tuple(history.p95),
            figures.percentiles(statistics, approximate=about),
        )
        share, tone = figures.success(statistics)
        tile = self._tile("success")
        tile.tone = tone
        tile.set_figure(doubt + share, tuple(history.success), figures.turnover(statistics))
        self._tile("spark").set_figure(f"{rate}/s", tuple(history.events))

    def _tile(self, name: str) -> StatTile:
        return self.query_one(f"#stats-{name}", StatTile)

    def _short(self, feed: Feed) -> None:
        counts = dict(figures.status_counts(feed.statistics))
        parts = [Toned(" \u2248 " if feed.has_doubts else " ")]
        for status in figures.SHORT_ORDER:
            mark = STATUS_MARKS[status]
            parts += [Toned(f"{mark.text} ", mark.tone if counts[status] else "muted"), Toned(compact(counts[status]))]
            parts.append(Toned("  "))
        soon = feed.horizon.expiring
        if soon is not None and soon.counts[0][1]:
            parts.append(Toned(f"◷ <{soon.counts[0][0]} {compact(soon.counts[0][1])}", "warn"))
        self.query_one("#stats-short", ToneLines).lines = (Line(tuple(parts)),)
