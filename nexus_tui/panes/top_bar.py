"""TopBar: where the console looks, whether it is live, how much there is, and the time."""

from __future__ import annotations

from nexus_tui.feed import Feed
from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.viewmodels.words import clock_time
from nexus_widgets import Toned, clean, count, duration


class TopBar(ToneLines):
    """The first line of the main screen."""

    def show(self, feed: Feed, target: str, *, waiting: int | None = None) -> None:
        """Draw the line.

        Args:
            feed: Where the link and the figures are.
            target: What the console looks at.
            waiting: Updates held back while paused; ``None`` when it isn't.
        """
        left = [Toned(" nexus  ", "info"), Toned(f"{clean(target, limit=60)}  "), *link_words(feed)]
        if waiting is not None:
            left.append(Toned(f"  ‖ PAUSED, {count(waiting)} waiting", "warn"))
        if feed.read_only:
            left.append(Toned("  READ-ONLY", "warn"))
        total = feed.statistics.total if feed.statistics else 0
        noun = "session" if total == 1 else "sessions"
        right = (Toned(f"{count(total)} {noun}  "), Toned(f"{clock_time(feed.clock())}Z ", "muted"))
        self.lines = (Line(tuple(left), right),)


def link_words(feed: Feed) -> list[Toned]:
    """Whether what is shown is live, as a glyph and words.

    Args:
        feed: Whose link.
    """
    link = feed.link
    if link.state == "connecting":
        return [Toned("◌ CONNECTING", "warn")]
    if link.state == "lost":
        age = "" if link.heard is None else f" {duration(max(feed.clock() - link.heard, 0))} old"
        return [Toned(f"✖ NOT CONNECTED{age}", "bad")]
    lag = [] if feed.lag is None or feed.lag > 60 else [Toned(f"  lag {duration(feed.lag)}", "muted")]
    return [Toned("● LIVE", "good"), *lag]
