"""ChildrenPane: the sessions that a session started, and those that they started, read as they are opened."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from nexus.errors import NexusError
from nexus.model import Page, Session
from nexus_tui.beginning import begin
from nexus_tui.feed import Changed, Feed
from nexus_tui.viewmodels.family import FAMILY_COLUMNS, PAGE, Family
from nexus_tui.viewmodels.held_rows import HeldRows
from nexus_tui.viewmodels.session_rows import Context
from nexus_widgets import VirtualTable

_MOST_READ = 50
"""Sessions that are read again at once when they changed; more wait for the next time."""


class ChildrenPane(Widget):
    """A tree in order of creation; right opens a node, left closes it, Enter opens the session."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "unfold", "Show its children", show=False, id="line.right"),
        Binding("left", "fold", "Hide them, or go to the parent", show=False, id="line.left"),
    ]

    class Opened(Message):
        """A session was opened."""

        def __init__(self, session_id: str) -> None:
            self.session_id = session_id
            super().__init__()

    class Failed(Message):
        """Children could not be read."""

        def __init__(self, error: NexusError) -> None:
            self.error = error
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._rows = HeldRows()
        self._family = Family("")
        self._feed: Feed | None = None
        self._cells_for = Context(0.0, {})

    def compose(self) -> ComposeResult:
        """One table."""
        yield VirtualTable(FAMILY_COLUMNS, self._rows, empty="no children")

    @property
    def table(self) -> VirtualTable:
        """The table."""
        return self.query_one(VirtualTable)

    @property
    def total(self) -> int:
        """How many children there are."""
        return self._family.total

    def follow(self, root: str, feed: Feed) -> None:
        """Show the descendants of a session.

        Args:
            root: Its id.
            feed: Where children are read.
        """
        self._family, self._feed = Family(root), feed

    def show(self, children: Page[Session], context: Context) -> None:
        """Take in the first page of the root's children, and draw.

        Args:
            children: In order of creation.
            context: What cells need besides.
        """
        self._family.put(self._family.root, children, first=True)
        self.draw(context)

    def draw(self, context: Context) -> None:
        """Draw the rows: ages change.

        Args:
            context: What cells need besides.
        """
        self._cells_for = context
        rows = tuple(self._family.rows(context))
        if rows != self._rows.rows:
            self._rows.rows = rows
            self.table.invalidate()

    def take(self, changed: Changed) -> None:
        """Read again what changed of what is shown.

        Args:
            changed: What did.
        """
        if changed.moved:
            # Who was there then is told with the session itself.
            self._family = Family(self._family.root)
            return
        shown = self._family.ids
        born = {
            event.session_id for event in changed.events
            if event.session_id is not None and event.data.get("parent_id") in shown
        }  # fmt: skip
        stale = list((changed.sessions & shown) | born)[:_MOST_READ]
        if stale:
            begin(self, partial(self._read_again, stale), "again")

    async def _read_again(self, session_ids: Sequence[str]) -> None:
        assert self._feed is not None  # noqa: S101  followed before it is drawn
        try:
            for session_id in session_ids:
                self._family.renew(await self._feed.session(session_id))
        except NexusError:
            return  # The link says so; what changes next reads again.
        self.draw(self._cells_for)

    # Opening and closing

    def on_virtual_table_row_selected(self, event: VirtualTable.RowSelected) -> None:
        """Open a session, or read the rest."""
        event.stop()
        if self._family.is_rest(event.key):
            self._read(self._family.owner_of(event.key))
        else:
            self.post_message(self.Opened(event.key))

    def action_unfold(self) -> None:
        """Show the children of the session under the cursor."""
        key = self.table.cursor_key
        if key is None:
            return
        owner = self._family.owner_of(key)
        if self._family.is_rest(key) or not self._family.is_read(owner):
            self._read(owner)
        self._family.open(owner, is_open=True)
        self.draw(self._cells_for)

    def action_fold(self) -> None:
        """Hide the children of the session under the cursor; where they are hidden, go to its parent."""
        key = self.table.cursor_key
        if key is None:
            return
        owner = self._family.owner_of(key)
        if self._family.is_open(owner) and owner != self._family.root and not self._family.is_rest(key):
            self._family.open(owner, is_open=False)
            self.draw(self._cells_for)
            return
        above = owner if self._family.is_rest(key) else self._family.parent(owner)
        at = next((index for index, row in enumerate(self._rows.rows) if row.key == above), None)
        if at is not None:
            self.table.move_cursor(at)

    def _read(self, owner: str) -> None:
        begin(self, partial(self._read_page, owner), f"page-{owner}", exclusive=True)

    async def _read_page(self, owner: str) -> None:
        assert self._feed is not None  # noqa: S101  followed before it is drawn
        cursor = self._family.cursor(owner)
        try:
            page = await self._feed.children(owner, cursor, PAGE)
        except NexusError as error:
            self.post_message(self.Failed(error))
            return
        self._family.put(owner, page, first=cursor is None)
        self.draw(self._cells_for)
