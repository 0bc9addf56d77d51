"""TopBar: where the console looks, whether it is live, how much there is, and the time."""

from __future__ import annotations

from nexus_tui.feed import Feed
from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.viewmodels.words import clock_time, short_id
from nexus_widgets import Toned, count, duration


class TopBar(ToneLines):
    """The first line of the main screen."""

    def show(self, feed: Feed, target: str, *, waiting: int | None = None) -> None:
        """Draw the line.

        Args:
            feed: Where the link and the figures are.
            target: What the console looks at.
            waiting: Updates held back while paused; ``None`` when it isn't.
        """
        left = [
            Toned(" nexus  ", "info"),
            Toned(f"{short_id(target, 24 if self.size.width < 110 else 60)}  "),
            *link_words(feed),
        ]
        if waiting is not None:
            left.append(Toned(f"  ‖ PAUSED, {count(waiting)} waiting", "warn"))
        if feed.read_only:
            left.append(Toned("  READ-ONLY", "warn"))
        total = feed.statistics.total if feed.statistics else 0
        noun = "session" if total == 1 else "sessions"
        right = (Toned(f"  {count(total)} {noun}  "), Toned(f"{clock_time(feed.clock())}Z ", "muted"))
        self.lines = (Line(tuple(left), right),)


def link_words(feed: Feed) -> list[Toned]:
    """Whether what is shown is live, as a glyph and words.

    Args:
        feed: Whose link.
    """
    link = feed.link
    if feed.events_per_second is not None:
        return [Toned("◉ REPLAY", "cat3")]
    if link.state == "connecting":
        return [Toned("◌ CONNECTING", "warn")]
    if link.state == "lost":
        return [Toned("✖ NOT CONNECTED", "bad")]
    lag = [] if feed.lag is None or feed.lag > 60 else [Toned(f"  lag {duration(feed.lag)}", "muted")]
    return [Toned("● LIVE", "good"), *lag]
