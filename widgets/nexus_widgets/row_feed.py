"""RowFeed: fetches the rows that a table shows, one fetch at a time, and holds them.

It guarantees that changes are shown within one interval of its pace, that a slow source is never starved by a
storm of changes, that what was fetched for an order or source that is no longer shown is thrown away, and that
while frozen no row that is held changes. It draws nothing and knows no cursor: its table does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.message import Message

from nexus_widgets.pace import Pace
from nexus_widgets.rows import LocatingSource, RowCache, RowSource, RowWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from textual.widget import Widget
    from textual.worker import Worker


@dataclass(frozen=True, slots=True)
class View:
    """What a table shows at the moment of a fetch."""

    seen: range
    """Indices of the rows on the screen."""
    height: int
    """Rows that fit, whether there are that many or not."""
    total: int
    """Rows that the table counts."""
    follow: str | None
    """Key of a row that should stay in the window wherever it goes."""


class Fetched(Message):
    """A worker brought rows (or the reason why not), and where the followed row went if it left its window."""

    def __init__(self, generation: int, window: RowWindow | Exception, located: int | None) -> None:
        """Remember what was brought."""
        self.generation = generation
        self.window = window
        self.located = located
        super().__init__()


class RowFeed:
    """The rows held by a table, and the fetching of others."""

    def __init__(
        self,
        host: Widget,
        view: Callable[[], View | None],
        tell_waiting: Callable[[], None],
        *,
        margin: int,
        per_second: float,
    ) -> None:
        """Prepare to fetch; nothing is asked for yet.

        Args:
            host: The table; it gets a `Fetched` message for each fetch and hands it to `accept`.
            view: Says what is shown now, or None when nothing can be shown yet.
            tell_waiting: Called, at the feed's pace, when the number of waiting updates changed.
            margin: Rows fetched above and below those on the screen.
            per_second: The most fetches a second that `invalidate` causes.
        """
        self.cache = RowCache()
        self.waiting = 0
        self.is_frozen = False
        self._host = host
        self._view = view
        self._tell_waiting = tell_waiting
        self._margin = margin
        self._source: RowSource | None = None
        self._pace = Pace(host, self._fetch_again, per_second=per_second)
        self._waiting_pace = Pace(host, tell_waiting, per_second=per_second)
        self._generation = 0
        self._in_flight: Worker[None] | None = None
        self._again = False
        self._loaded = False
        self._asked: tuple[int, int] | None = None

    def set_source(self, source: RowSource | None) -> None:
        """Take other data and forget the rows held; nothing is fetched before `restart`.

        Args:
            source: Where rows come from now.
        """
        self._source = source
        self.cache.clear()

    def want(self) -> None:
        """Fetch if a row near the screen is missing.

        While a fetch is in flight nothing is asked for: its table calls again when it has come. So a held key shows
        rows on its way, and a source that gives fewer rows than it counts is not asked for the same ones for ever.
        """
        view = self._view()
        if view is None or self._in_flight is not None:
            return
        near = self._margin // 2
        start, stop = max(view.seen.start - near, 0), min(view.seen.stop + near, view.total)
        if (not self._loaded or not self.cache.covers(start, stop)) and self._asked != self._span(view):
            self._fetch()

    def invalidate(self, updates: int) -> None:
        """Fetch again soon, or count while frozen.

        Args:
            updates: How many changes this stands for.
        """
        if self.is_frozen:
            self.waiting += updates
            self._waiting_pace.request()
        else:
            self._pace.request()

    def restart(self) -> None:
        """Fetch at once and replace all rows, whatever is in flight or frozen."""
        self._generation += 1
        self._loaded = False
        self._fetch()

    def freeze(self) -> None:
        """Hold every row until `thaw`."""
        self.is_frozen = True
        self._pace.cancel()

    def thaw(self) -> None:
        """Let rows change again, and fetch what did."""
        if not self.is_frozen:
            return
        self.is_frozen = False
        self._waiting_pace.cancel()
        if self.waiting:
            self.waiting = 0
            self._tell_waiting()
        self.restart()

    def accept(self, fetched: Fetched) -> RowWindow | Exception | None:
        """Hold what a fetch brought.

        Args:
            fetched: The message that its table got.

        Returns:
            The window when rows may have moved, what the source raised, or None when no row held has changed place.
        """
        if fetched.generation != self._generation:
            return None
        self._in_flight = None
        if self._again:
            self._again = False
            self._pace.request()
        window = fetched.window
        if isinstance(window, Exception):
            return window
        if self.is_frozen and self._loaded:
            self.cache.fill(window)
            return None
        self.cache.replace(window)
        self._loaded = True
        return window

    def _fetch_again(self) -> None:
        # A fetch in flight is let finish: giving it up for each update would starve the table in a storm.
        if self._in_flight is not None:
            self._again = True
        else:
            self._fetch()

    def _fetch(self) -> None:
        view = self._view()
        if view is None or self._source is None:
            # Out of sight: what changed meanwhile is fetched when the table is seen again.
            self._loaded = False
            self._asked = None
            return
        self._asked = start, limit = self._span(view)
        # A function, not a coroutine: one that is given up before it starts would be reported as never awaited.
        work: Callable[[], Coroutine[None, None, None]] = partial(
            self._bring, self._source, self._generation, start, limit, view.follow
        )
        # Exclusive, so that a restart gives up what is in flight for an order that is no longer shown.
        self._in_flight = self._host.run_worker(work, exclusive=True, group="rows")

    def _span(self, view: View) -> tuple[int, int]:
        start = max(view.seen.start - self._margin, 0)
        return start, view.seen.start + view.height + self._margin - start

    async def _bring(self, source: RowSource, generation: int, start: int, limit: int, follow: str | None) -> None:
        located: int | None = None
        window: RowWindow | Exception
        try:
            window = await source.window(start, limit)
            if follow is not None and all(row.key != follow for row in window.rows):
                located = await _locate(source, follow)
                if located is not None:
                    window = await source.window(max(located - limit // 2, 0), limit)
        except Exception as error:  # noqa: BLE001  whatever a source raises, its owner is told and the rows stay
            window = error
        self._host.post_message(Fetched(generation, window, located))


async def _locate(source: object, key: str) -> int | None:
    return await source.locate(key) if isinstance(source, LocatingSource) else None
