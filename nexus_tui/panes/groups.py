"""GroupsPane: the groups with how far each is, to look at one group's sessions only."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget

from nexus.model import Group
from nexus_tui.viewmodels.held_rows import HeldRows
from nexus_widgets import Column, Row, Toned, VirtualTable, clean, compact, labelled_bar

ALL = ""
"""Stands for all sessions: a group's name is never empty."""
_BAR = 10
_COLUMNS = (
    Column("name", "GROUP", 8, "middle", min_width=6, flex=1, sortable=False, priority=3),
    Column("count", "LIVE", 4, "right", sortable=False, priority=1),
    Column("done", "DONE", _BAR, sortable=False, priority=2),
)


class GroupsPane(Widget):
    """A table of groups under a row for all sessions."""

    ALLOW_MAXIMIZE = True

    BORDER_TITLE = "groups"

    class Chosen(Message):
        """A group was chosen; an empty name means all sessions."""

        def __init__(self, group_id: str) -> None:
            self.group_id = group_id
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  the name that every Textual widget uses
        super().__init__(id=id)
        self._source = HeldRows()
        self._members: dict[str, int] = {}

    def compose(self) -> ComposeResult:
        """One table."""
        yield VirtualTable(_COLUMNS, self._source, empty="no groups", id="groups-table")

    @property
    def table(self) -> VirtualTable:
        """The table, to focus it."""
        return self.query_one(VirtualTable)

    @property
    def current(self) -> str | None:
        """The group under the cursor; none on the row for all sessions."""
        return (self.table.cursor_key or "").strip() or None

    def members_of(self, group_id: str) -> int:
        """How many sessions a group has, as far as is known.

        Args:
            group_id: Which.
        """
        return self._members.get(group_id, 0)

    def show(self, groups: Sequence[Group], sessions: int, live: int) -> None:
        """Draw the groups.

        Args:
            groups: Newest first.
            sessions: How many sessions there are in all.
            live: How many of them are live.
        """
        self._members = {group.id: group.total for group in groups}
        done = (sessions - live) / sessions if sessions else 0.0
        rows = [Row(ALL or " ", ("all", compact(live), _share(done)))]
        rows += [_group_row(group) for group in groups]
        if tuple(rows) != self._source.rows:
            self._source.rows = tuple(rows)
            self.table.invalidate()

    def on_virtual_table_row_selected(self, event: VirtualTable.RowSelected) -> None:
        """Tell which group was chosen."""
        event.stop()
        self.post_message(self.Chosen(event.key.strip()))


def _share(done: float) -> Toned:
    return Toned(labelled_bar(done, _BAR).plain, "info" if done < 1 else "good")


def _group_row(group: Group) -> Row:
    name = clean(group.id, limit=128)
    shown = Toned(name, "muted") if group.ended_at is not None else name
    return Row(group.id, (shown, compact(group.live), _share(group.done)))
