"""PastBar: which moment of the past is shown, how long ago it was, and what of it is not exact. Only there then."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget

from nexus_tui.feed import Changed, Feed, Link
from nexus_tui.panes.room import WIDE
from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.rewind.journey import Journey
from nexus_tui.rewind.spans import span_of
from nexus_tui.viewmodels.words import clock_time, moment
from nexus_widgets import Scrubber, Toned, count, duration

_PARTS = 240
"""Parts of the time in view for which events are counted: more than the line is wide."""
_DAY = 86400.0


class PastBar(Widget):
    """A line in the colour of a warning, with a line more for what is not known exactly."""

    def __init__(self, journey: Journey, feed: Feed, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._journey = journey
        self._feed = feed
        self._drawn: tuple[float, int, int] = (0.0, 0, -1)

    def compose(self) -> ComposeResult:
        """Words, the time in view, its end; doubts."""
        with Horizontal(id="past-line"):
            yield ToneLines(id="past-where")
            yield Scrubber(id="past-scrubber")
            yield ToneLines(id="past-end")
        yield ToneLines(id="past-doubts")

    def on_mount(self) -> None:
        """Follow the feed; while something is read, tell how far it is."""
        self._timer = self.set_interval(0.2, self.draw, pause=True)
        self._feed.beaten.subscribe(self, self._take)
        self._feed.changed.subscribe(self, self._take)
        self.draw()

    def _take(self, told: Link | Changed) -> None:
        if self.display or self._journey.is_away or (isinstance(told, Changed) and told.moved):
            self.draw()

    def on_resize(self) -> None:
        """Another width has room for other words."""
        self.draw()

    def draw(self) -> None:
        """Say where in time this is."""
        journey, past = self._journey, self._feed.past
        self.display = journey.is_away
        if journey.wanted is None:
            self._timer.pause()
        else:
            self._timer.resume()
        if not journey.is_away:
            return
        self._line("where", (Toned(f" {self._where()} ", "warn"),))
        self._line("end", (Toned(f" {self._end()} ", "muted"),))
        self._draw_scrubber()
        doubts = past.doubts if past is not None and journey.wanted is None else ()
        pane = self.query_one("#past-doubts", ToneLines)
        pane.display = bool(doubts)
        self._line("doubts", (Toned(f" \u2248 {'; '.join(doubts)}", "warn"),))

    def _where(self) -> str:
        journey, feed = self._journey, self._feed
        at = journey.wanted if journey.wanted is not None else feed.clock()
        ago = feed.now() - at
        written = f"{clock_time(at)}Z" if ago < _DAY / 2 and self.size.width < WIDE else moment(at)
        if journey.wanted is None:
            return f"◀ PAST {written}  {duration(max(int(ago), 0))} ago"
        events, lives = journey.read
        told = f", {count(lives)} sessions" if lives and self.size.width >= WIDE else ""
        return f"◌ going to {written}: {count(events)} events{told} read"

    def _end(self) -> str:
        reached = self._journey.reached
        if self.size.width < WIDE or reached is None:
            return "now"
        why = "known from" if self._journey.is_bounded else "begun"
        return f"now  {why} {moment(reached)}"

    def _draw_scrubber(self) -> None:
        now, at = self._feed.now(), self._journey.at
        length = span_of(max(now - at, 0.0)).length
        scrubber = self.query_one("#past-scrubber", Scrubber)
        # While it is read, each look finds more events: what there were is counted again once all are there.
        read = self._journey.read[0] if self._journey.wanted is None else self._drawn[2]
        key = (length, int(now / length * _PARTS), read)
        if key != self._drawn:
            self._drawn = key
            scrubber.set_amounts(self._journey.amounts(now - length, now, _PARTS))
        scrubber.share = 1 - (now - at) / length

    def time_at(self, share: float) -> float:
        """The time at a place of the line.

        Args:
            share: 0 to 1.
        """
        now = self._feed.now()
        return now - (1 - share) * span_of(max(now - self._journey.at, 0.0)).length

    def _line(self, name: str, words: tuple[Toned, ...]) -> None:
        line = (Line(words),)
        pane = self.query_one(f"#past-{name}", ToneLines)
        if pane.lines != line:
            pane.lines = line
        if name != "doubts":
            pane.styles.width = min(sum(len(each.text) for each in words), max(self.size.width // 2, 10))
