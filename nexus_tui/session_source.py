"""The sessions that a filter matches, as rows for a virtual table.

Only the window that a table asks for is fetched. While nothing has changed, the window held is written again with
the new time, so that ages tick without a request; after ``FRESH`` seconds it is fetched all the same, since time
alone makes sessions expire and filters such as ``age>10m`` match.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nexus.model import Session, Window
from nexus_tui.feed import Feed
from nexus_tui.viewmodels.session_rows import DEFAULT_FIELDS, FIELDS, Context, field_of, session_rows
from nexus_widgets import RowWindow, clean

FRESH = 5.0
_BY_SECONDS = 601.0
"""Farther times are written in minutes."""


@dataclass(frozen=True, slots=True)
class Sort:
    """An order, by a column that has one."""

    key: str = "last"
    descending: bool = True

    @property
    def text(self) -> str:
        """The order as the service reads it, as in ``-last_activity``."""
        field = FIELDS[self.key].sort if self.key in FIELDS else None
        assert field is not None, self.key  # noqa: S101  only sortable columns come here
        return f"{'-' if self.descending else ''}{field.value}"

    @property
    def words(self) -> str:
        """The order as a person reads it: the column's name, and an arrow for where the greatest stands."""
        field = field_of(self.key)
        label = field.column.label.lower() if field is not None else clean(self.key, limit=30)
        return f"{label} {'▼' if self.descending else '▲'}"

    @classmethod
    def of(cls, text: str) -> Sort:
        """The order that is kept as ``-last``.

        Args:
            text: A column's key, after ``-`` for the greatest first.
        """
        return cls(text.removeprefix("-"), text.startswith("-"))


class SessionSource:
    """One filter in one order with some columns; a change of any of them is a new source or a ``restart``."""

    def __init__(self, feed: Feed, q: str = "", sort: Sort | None = None, keys: Sequence[str] = DEFAULT_FIELDS) -> None:
        self.q = q
        self.sort = sort or Sort()
        self.keys = tuple(keys)
        self.total = 0
        self.whole = 0
        """How many sessions there are without the filter."""
        self._feed = feed
        self._held: Window[Session] | None = None
        self._by_id: dict[str, Session] = {}
        self._span = (-1, -1)
        self._fetched_at = float("-inf")

    def spoil(self) -> None:
        """Say that sessions changed: the window held is not written again, unless the connection is lost."""
        self._fetched_at = float("-inf")

    def held(self, session_id: str) -> Session | None:
        """A session of the window held last, as it was then.

        Args:
            session_id: Which one.
        """
        return self._by_id.get(session_id)

    @property
    def is_old(self) -> bool:
        """Whether the window held is fetched again, the next time that it is asked for."""
        return not 0 <= self._feed.clock() - self._fetched_at < FRESH

    def counts_seconds(self, session_ids: Iterable[str]) -> bool:
        """Whether a time of any of these sessions is so near that it is written to the second.

        Args:
            session_ids: Those that are seen.
        """
        now = self._feed.clock()
        found = map(self._by_id.get, session_ids)
        return any(
            at is not None and abs(now - at) < _BY_SECONDS
            for session in found
            if session is not None
            for at in (session.created_at, session.last_activity, session.expires_at)
        )

    async def window(self, offset: int, limit: int) -> RowWindow:
        """Fetch rows, or write those held again.

        Args:
            offset: Rank of the first.
            limit: The most to return.

        Raises:
            NexusError: The service's answer; ``total`` stays as it was.
        """
        now = self._feed.clock()
        window = self._held
        lost = self._feed.link.state == "lost"
        stale = self._span != (offset, limit) or (not lost and self.is_old)
        if window is None or stale:
            window = await self._feed.window(self.q, self.sort.text, offset, limit)
            self._held, self._span, self._fetched_at = window, (offset, limit), now
            self._by_id = {session.id: session for session in window.items}
            self.total, self.whole = window.total, window.whole
        context = Context(now, self._feed.last_events, known=not lost, contexts=self._feed.contexts,
                          is_doubtful=self._feed.is_doubtful)  # fmt: skip
        rows = tuple(session_rows(window.items, self.keys, context))
        return RowWindow(window.offset, rows, window.total)

    async def id_at(self, rank: int) -> str | None:
        """The id of the session at a rank now, or ``None`` beyond both ends.

        Args:
            rank: From 0.
        """
        if rank < 0:
            return None
        window = await self._feed.window(self.q, self.sort.text, rank, 1)
        return window.items[0].id if window.items else None
