"""GroupsScreen: every group with how far it is, to look at, to wait for, and to end."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import ClassVar, Final, Literal

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType

from nexus.errors import NexusError
from nexus.model import Group, Session
from nexus.query import QueryError
from nexus.query.format import quote
from nexus.service import MAX_LIMIT
from nexus_tui.acting.targets import Targets
from nexus_tui.beginning import begin
from nexus_tui.commands import Command, bindings_of
from nexus_tui.feed import Changed, Link
from nexus_tui.groups.asking import group_completions, group_mistake_in, parse_groups
from nexus_tui.groups.rows import GroupRows
from nexus_tui.panes.about import AboutPane
from nexus_tui.panes.key_bar import KeyBar
from nexus_tui.panes.past_bar import PastBar
from nexus_tui.panes.top_bar import TopBar
from nexus_tui.screens.acting import ActingScreen
from nexus_tui.screens.base import nothing_under_the_cursor
from nexus_tui.screens.filtered import FilteredScreen
from nexus_tui.screens.moving import SteppingScreen
from nexus_tui.viewmodels.group_rows import GROUP_COLUMNS, group_words
from nexus_widgets import Completion, FilterBar, VirtualTable, clean, count
from nexus_widgets.columns import fit_columns
from nexus_widgets.table_lines import GUTTER

MOST: Final = 20_000
"""Groups that are read; of more, the newest."""
_SHARE: Final = 10
"""Times longer than reading takes, until they are read again."""


class GroupsScreen(FilteredScreen, ActingScreen, SteppingScreen):
    """A filter over a table, over what the group under the cursor is. Changes act on that group's sessions."""

    place = "groups"
    noun: ClassVar[Literal["session", "group"]] = "group"
    narrows_while_written = True
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("groups")]

    def __init__(self, q: str = "") -> None:
        """Show groups.

        Args:
            q: The filter at first.

        Raises:
            InvalidInput: It is none.
        """
        super().__init__()
        self._q = q
        self._passes = parse_groups(q, time.time())
        self._known = 0
        self._are_old = True
        self._due = 0.0

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        self.rows = GroupRows(self.feed.clock, lambda: self.console.group_waits.awaited)
        self.table = VirtualTable(GROUP_COLUMNS, self.rows, empty="reading …", id="groups-list")
        yield TopBar(id="top-bar")
        yield FilterBar(self._q, complete=self._complete, placeholder="filter, as in batch-* status:open failed>0",
                        id="filter")  # fmt: skip
        yield PastBar(self.console.journey, self.feed, id="past")
        yield self.table
        yield AboutPane(id="group-about")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Read them, and follow the feed."""
        self.rows.narrow(parse_groups(self._q, self.feed.clock()))
        self.table.focus()
        self.feed.changed.subscribe(self, self._take_changes)
        self.feed.beaten.subscribe(self, self._take_beat)
        self.console.log_of_actions.add("Listed all groups", self.console.equivalents.grouping())
        self._show_sort()
        self._load_if_old()

    # Reading

    def _take_changes(self, changed: Changed) -> None:
        self._are_old = self._are_old or changed.groups or changed.everything
        if changed.moved:
            self.table.thaw()
            self._due = min(self._due, 0.0)
            self._load_if_old()

    def _take_beat(self, _: Link) -> None:
        self._load_if_old()
        if not self.table.is_frozen:
            self.table.invalidate(0)
        self._draw()

    def _load_if_old(self) -> None:
        if self._are_old and time.perf_counter() >= self._due:
            self._are_old = False
            # Not exclusive: a reading that takes long is let come to its end.
            self._due = float("inf")
            begin(self, self._load, "load")

    async def _load(self) -> None:
        began, found = time.perf_counter(), list[Group]()
        cursor: str | None = None
        try:
            while True:
                at = cursor
                page = await self.feed.read(lambda service: service.list_groups(cursor=at, limit=MAX_LIMIT))  # noqa: B023
                found += page.items
                self._known = max(page.total or 0, len(found))
                cursor = page.next_cursor
                if cursor is None or len(found) >= MOST:
                    break
                if len(found) > len(self.rows.all):
                    self._put(found)
            self._put(found)
        except NexusError as error:
            self._are_old = True
            if self.feed.link.state == "live":
                self.complain(error)
        finally:
            self._due = time.perf_counter() + (time.perf_counter() - began) * _SHARE

    def _put(self, groups: list[Group]) -> None:
        if self.table.is_frozen:
            # What is asked or confirmed is about the rows as they are.
            self._are_old = True
            return
        self.rows.put(tuple(groups))
        self._shown_anew()

    def _shown_anew(self) -> None:
        hint = self.console.config.keymap.hint("back", "groups")
        self.table.say_when_empty(f"no group matches: {hint} clears the filter" if self._q else "no groups")
        self.table.invalidate()
        self._draw()

    # Drawing

    def _draw(self) -> None:
        if not self.is_attached:
            return
        self.draw_top()
        read = len(self.rows.all)
        of = f"{count(read)} of {count(self._known)} groups" if self._known > read else f"{count(read)} groups"
        self._bar.count_text = f"{count(self.rows.total)} of {of}" if self._q else of
        awaited = len(self.console.group_waits.awaited)
        self.table.border_subtitle = Text(f"{awaited} waited for" if awaited else "")
        self._draw_about()
        self.show_keys()

    def _draw_about(self) -> None:
        group = self._current()
        pane = self.query_one("#group-about", AboutPane)
        pane.border_title = Text(clean(group.id, limit=160) if group is not None else "")
        waited_for = group is not None and group.id in self.console.group_waits.awaited
        pane.show(group_words(group, self.feed.clock(), waited_for=waited_for) if group is not None else [])

    def _show_sort(self) -> None:
        key, falling = self.rows.sort
        self.table.set_sort(key, reverse=falling)
        label = next(column.label for column in GROUP_COLUMNS if column.key == key)
        self.table.border_title = Text(f"groups  sort: {label.lower()} {'▼' if falling else '▲'}")

    # The filter

    def _complete(self, text: str, cursor: int) -> list[Completion]:
        return group_completions(text, cursor, self.rows.all)

    def mistake_in(self, text: str) -> QueryError | None:
        """See ``FilteredScreen``."""
        return group_mistake_in(text)

    def narrow(self, q: str) -> None:
        """Show those of the groups read that match."""
        if q != self._q:
            self._q = q
            self.rows.narrow(parse_groups(q, self.feed.clock()))
            self._shown_anew()

    # What a change acts on

    def _current(self) -> Group | None:
        return self.rows.get(self.table.cursor_key)

    def _chosen(self) -> Group:
        group = self._current()
        if group is None:
            raise nothing_under_the_cursor(self.noun)
        return group

    def targets(self) -> Targets:
        """The sessions of the group under the cursor; an end ends the group itself."""
        group = self._current()
        if group is None:
            return Targets()
        return Targets(q=f"group:{quote(group.id)}", about=group.total, group=group.id)

    def current(self) -> Session | None:
        """No session: what is under the cursor is a group."""
        return None

    def done(self, _went_well: Collection[str], _left: Collection[str], /) -> None:
        """Read the groups again."""
        self._are_old = True

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Keep rows where they are while something is asked or confirmed."""
        self.table.freeze()
        try:
            yield
        finally:
            self.table.thaw()
            self._are_old = True
            self._load_if_old()

    def refusal(self, command: Command) -> str:
        """As every screen with something to act on; what is about a group needs one."""
        if command.name in ("open", "wait", "copy") and self._current() is None:
            return "there is no group under the cursor"
        return super().refusal(command)

    # Commands

    def on_virtual_table_row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        """Show what it is."""
        event.stop()
        self._draw_about()
        self.show_keys()

    def on_virtual_table_marks_changed(self, event: VirtualTable.MarksChanged) -> None:
        """Groups are acted on one by one: nothing is marked."""
        event.stop()
        self.table.clear_marks()

    def on_virtual_table_header_selected(self, event: VirtualTable.HeaderSelected) -> None:
        """Sort by the column that was clicked."""
        event.stop()
        self.do_sort(event.key)

    def arguments_of(self, command: Command) -> list[str]:
        """What may follow a command's name."""
        if command.name == "sort":
            return [column.key for column in GROUP_COLUMNS]
        return super().arguments_of(command)

    def do_open(self, _: str) -> None:
        """Show the sessions of the group under the cursor."""
        self.console.show_group(self._chosen().id)

    def do_sort(self, name: str) -> None:
        """Sort by the next column that is seen, or by a named one."""
        key = name.lower().replace(" ", "_").replace("-", "_")
        if not key:
            placed = fit_columns(GROUP_COLUMNS, max(self.table.line_width - GUTTER, 1))
            keys = [each.column.key for each in placed]
            before = self.rows.sort[0]
            key = keys[(keys.index(before) + 1) % len(keys)] if before in keys else keys[0]
        self.rows.sort_by(key)
        self._show_sort()

    def do_reverse(self, _: str) -> None:
        """Turn the order round."""
        self.rows.reverse()
        self._show_sort()

    def do_copy(self, _: str) -> None:
        """Copy the group's id."""
        group_id = self._chosen().id
        self.app.copy_to_clipboard(group_id)
        self.tell(f"Copied {group_id}")

    def do_wait(self, _: str) -> None:
        """Wait for the group under the cursor, or no more."""
        self.check_now("Waiting is for what is to come.")
        group_id, waits = self._chosen().id, self.console.group_waits
        if group_id in waits.awaited:
            waits.stop(group_id)
            self.tell(f"No more waiting for {group_id}")
        else:
            waits.begin(self.console, group_id)
            self.console.log_of_actions.add(f"Waited for group {group_id}", self.console.equivalents.waiting(group_id))
            self.tell(f"You are told when no session of {group_id} has work left")
        self._shown_anew()

    def do_back(self, _: str) -> None:
        """Back to the table, then clear the filter, then leave."""
        if self.focused is not self.table:
            self.table.focus()
        elif self._q:
            self._bar.set_text("")
            self.narrow("")
        else:
            self.dismiss()
