"""TopBar: where the console looks, whether it is live, how much there is, and the time."""

from __future__ import annotations

from nexus_tui.feed import Feed
from nexus_tui.merged.standing import Standing
from nexus_tui.panes.room import WIDE
from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.viewmodels.words import clock_time, short_id
from nexus_widgets import Toned, count, duration


class TopBar(ToneLines):
    """The first line of the main screen."""

    def show(self, feed: Feed, target: str, *, namespace: str | None = None, waiting: int | None = None) -> None:
        """Draw the line.

        Args:
            feed: Where the link and the figures are.
            target: What the console looks at.
            namespace: In which namespace of it; ``None`` for what isn't said.
            waiting: Updates held back while paused; ``None`` when it isn't.
        """
        narrow = self.size.width < WIDE
        held = [Toned("READ-ONLY  ", "warn")] if feed.read_only else []
        if waiting is not None:
            held.append(Toned(f"‖ PAUSED, {count(waiting)} {'wait' if narrow else 'waiting'}  ", "warn"))
        # Where there is no room for all, the lag is what may be cut off, or contexts behind the first ones.
        if feed.contexts is None:
            link, *lag = link_words(feed)
            room = (24, 20, 14)[len(held)] if narrow else 60
            left = [
                *place_words(target, namespace, room),
                link,
                Toned("  "),
                *held,
                *lag,
            ]
        else:
            left = [*held, *context_words(feed.contexts)]
        left.insert(0, Toned(" nexus  ", "info"))
        total = feed.statistics.total if feed.statistics else 0
        doubt = "\u2248 " if feed.has_doubts else ""
        noun = "session" if total == 1 else "sessions"
        right = (Toned(f"  {doubt}{count(total)} {noun}  "), Toned(f"{clock_time(feed.clock())}Z ", "muted"))
        self.lines = (Line(tuple(left), right),)


def place_words(target: str, namespace: str | None, room: int) -> list[Toned]:
    """What the console looks at, and in brackets the namespace, where one was named.

    Args:
        target: What it looks at.
        namespace: In which namespace of it.
        room: Cells that each may take.
    """
    within = [] if namespace is None else [Toned(f"[{short_id(namespace, min(room, 40))}]  ", "info")]
    return [Toned(f"{short_id(target, room)}  "), *within]


def context_words(contexts: Standing) -> list[Toned]:
    """Each of several contexts, with whether it answers, as a glyph and, where it doesn't, with its age.

    Args:
        contexts: How they stand.
    """
    words: list[Toned] = []
    for each in contexts.states():
        within = "" if each.namespace is None else f" [{short_id(each.namespace, 16)}]"
        name = f"{short_id(each.name, 16)}{within}{' (read-only)' if each.read_only else ''}"
        if each.state == "lost":
            age = "" if each.age is None else f" {duration(each.age)}"
            words.append(Toned(f"✖ {name}{age}  ", "bad"))
        else:
            words.append(Toned(f"● {name}  ", "good") if each.state == "live" else Toned(f"◌ {name}  ", "warn"))
    return words


def link_words(feed: Feed) -> list[Toned]:
    """Whether what is shown is live, as a glyph and words.

    Args:
        feed: Whose link.
    """
    link = feed.link
    if feed.past is not None:
        return [Toned("◀ PAST", "warn")]
    if feed.events_per_second is not None:
        return [Toned("◉ REPLAY", "cat3")]
    if link.state == "connecting":
        return [Toned("◌ CONNECTING", "warn")]
    if link.state == "lost":
        return [Toned("✖ NOT CONNECTED", "bad")]
    lag = [] if feed.lag is None or feed.lag > 60 else [Toned(f"lag {duration(feed.lag)}", "muted")]
    return [Toned("● LIVE", "good"), *lag]
