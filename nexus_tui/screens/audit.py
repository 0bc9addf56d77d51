"""AuditScreen: who changed what, and who was refused to, newest first, and whether all is as it was written."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from nexus.errors import InvalidInput, NexusError, StoreUnavailable
from nexus.model import Page
from nexus.model.audit import AuditRecord
from nexus.query import QueryError
from nexus_tui.audit.asking import audit_completions, audit_mistake_in, with_refused
from nexus_tui.audit.book import PAGE, AuditBook
from nexus_tui.beginning import begin
from nexus_tui.commands import Command, bindings_of
from nexus_tui.feed import Changed, Link
from nexus_tui.panes.key_bar import KeyBar
from nexus_tui.panes.top_bar import TopBar
from nexus_tui.screens.filtered import FilteredScreen
from nexus_tui.screens.record import GOES, RecordDialog
from nexus_tui.viewmodels.audit_rows import AUDIT_COLUMNS, audit_row, record_text
from nexus_widgets import Completion, FilterBar, Row, VirtualTable, clean, count

_QUIET_BEATS: Final = 5
"""Beats without any change after which it is looked at all the same: a refusal changes no session."""
_SHARE: Final = 10
"""Times longer than a look takes, until the next one: a filter that matches little makes the service read much."""


class AuditScreen(FilteredScreen):
    """A filter over a table. At its top new records come in; further down they are counted."""

    place = "audit"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("audit")]

    def __init__(self, q: str = "") -> None:
        """Show the audit.

        Args:
            q: The filter at first.

        Raises:
            InvalidInput: It is none.
        """
        super().__init__()
        error = audit_mistake_in(q, time.time())
        if error is not None:
            raise error
        self._q = q
        self._refused = False
        self._denied = ""
        self._quiet = 0
        self._due = 0.0
        self._book = self._new_book()
        self.table = VirtualTable(AUDIT_COLUMNS, self._book, empty="reading …", id="audit-table")

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield TopBar(id="top-bar")
        yield FilterBar(self._q, complete=self._complete, placeholder="filter, as in actor:ci outcome:refused",
                        id="filter")  # fmt: skip
        yield self.table
        yield Static(id="audit-denied")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Read the first page, and follow the feed."""
        self.query_one("#audit-denied").display = False
        self.table.focus()
        self.feed.changed.subscribe(self, self._take_changes)
        self.feed.beaten.subscribe(self, self._take_beat)
        if nowhere := self._why_nowhere():
            self._say_instead("No audit here", nowhere)
            return
        self._read_on()
        self._note()
        self._draw()

    def _why_nowhere(self) -> str:
        if self.console.player is not None:
            return "A recording holds no audit: look at the store that it was made of."
        if self.feed.contexts is not None:
            return "Each context has an audit of its own: nexus console --context NAME shows that of one."
        return ""

    @property
    def _filter(self) -> str:
        return with_refused(self._q, refused=self._refused)

    # Reading

    def _new_book(self) -> AuditBook:
        q = self._filter

        async def read(cursor: str | None, limit: int) -> Page[AuditRecord]:
            return await self.feed.ask(lambda service: service.audit(q, cursor=cursor, limit=limit, newest=True))

        def row(record: AuditRecord) -> Row:
            return audit_row(record, self.feed.clock())

        return AuditBook(read, row, self._read_on)

    def _read_on(self) -> None:
        if not any(worker.group == "read-on" and worker.is_running for worker in self.workers):
            begin(self, partial(self._read_pages, self._book), "read-on")

    async def _read_pages(self, book: AuditBook) -> None:
        """Read until a page's worth of records came; a filter that matches few takes many pages for it."""
        wanted = book.total + PAGE // 2
        try:
            while book is self._book and (book.has_more or not book.is_begun) and book.total < wanted:
                began = time.perf_counter()
                came = await book.read_on()
                self._show()
                if not came:
                    # Half of the time is left to others: the service read tens of thousands for nothing.
                    await asyncio.sleep(time.perf_counter() - began)
        except NexusError as error:
            self._fail(error)

    async def _look(self) -> None:
        book, began = self._book, time.perf_counter()
        try:
            if not book.is_begun:
                self._read_on()
                return
            waited = book.newer
            changed = await book.look(show=self._follows)
            if book is not self._book:
                return
            if self.table.is_frozen and book.newer > waited:
                self.table.invalidate(book.newer - waited)
            if changed:
                self._show()
        except NexusError as error:
            self._fail(error)
        finally:
            self._due = time.perf_counter() + (time.perf_counter() - began) * _SHARE
        self._draw()

    @property
    def _follows(self) -> bool:
        """Whether new records are put on top: while the top is in view, and nothing holds it."""
        return not self.table.is_frozen and self.table.visible_range.start == 0

    def _show(self) -> None:
        self.table.invalidate()
        self.table.say_when_empty(self._why_empty())
        self._draw()

    def _why_empty(self) -> str:
        if self._book.has_more or not self._book.is_begun:
            return "reading …"
        if self._filter:
            return f"no record matches: {self.console.config.keymap.hint('back', 'audit')} clears the filter"
        return "nothing was changed yet, and nothing refused"

    def _fail(self, error: NexusError) -> None:
        """A connection that is lost is told of by the link; what is refused is said in the table's place."""
        if isinstance(error, StoreUnavailable):
            return
        if isinstance(error, InvalidInput):
            self.table.say_when_empty(clean(error.message, limit=200))
            self.complain(error)
            return
        self._say_instead(error.title, error.message)

    def _say_instead(self, title: str, message: str) -> None:
        self._denied = message
        denied = self.query_one("#audit-denied", Static)
        denied.update(Text(f"{clean(title, limit=100)}\n\n{clean(message, limit=600)}", justify="center"))
        denied.display, self.table.display = True, False
        self._draw()

    # What comes from the feed

    def _take_changes(self, _: Changed) -> None:
        self._quiet = _QUIET_BEATS

    def _take_beat(self, _: Link) -> None:
        self._quiet += 1
        is_due = self._quiet >= _QUIET_BEATS and time.perf_counter() >= self._due
        if is_due and not self._denied and self.feed.link.state == "live":
            self._quiet = 0
            begin(self, self._look, "look", exclusive=True)
        self._draw()

    # Drawing

    def _draw(self) -> None:
        if not self.is_attached:
            return
        book = self._book
        self.draw_top(book.newer if self.table.is_frozen else None)
        newer = f"{count(book.newer)}{'+' if book.newer >= PAGE else ''} newer, Home  " if book.newer else ""
        read = f"{count(book.total)} read, older behind" if book.has_more else f"{count(book.total)} records"
        self._bar.count_text = "" if self._denied else newer + read
        only = "  refused only" if self._refused else ""
        self.table.border_title = Text(f"audit  newest first{only}")
        verdict = self.console.audit_check.words
        self.table.border_subtitle = Text(verdict.text)
        self.table.set_class(verdict.tone == "bad", "-broken")
        self.show_keys()

    # The filter

    def _complete(self, text: str, cursor: int) -> list[Completion]:
        return audit_completions(text, cursor, self._book.newest())

    def mistake_in(self, text: str) -> QueryError | None:
        """See ``FilteredScreen``."""
        return audit_mistake_in(text, self.feed.clock())

    def narrow(self, q: str) -> None:
        """Ask for the records that match."""
        self._narrow(q, refused=self._refused)

    def _narrow(self, q: str, *, refused: bool) -> None:
        before = self._filter
        self._q, self._refused = q, refused
        if self._filter == before:
            return
        self.workers.cancel_group(self, "read-on")
        self._book = self._new_book()
        self.table.say_when_empty(self._why_empty())
        self.table.set_source(self._book)
        self._read_on()
        self._note()
        self._draw()

    def _note(self) -> None:
        shown = self._filter
        self.console.log_of_actions.add(f"Looked at the audit{f': {shown}' if shown else ''}",
                                        self.console.equivalents.auditing(shown))  # fmt: skip

    # Commands

    def refusal(self, command: Command) -> str:
        """What is about a record needs one, and a session or group in it."""
        if self._denied and command.name in _ABOUT_RECORDS:
            return "the audit can't be read here"
        record = self._current()
        if command.name in ("open", "copy", "session") and record is None:
            return "there is no record under the cursor"
        if command.name == "session" and record is not None and (record.target_kind not in GOES or not record.target):
            return "it is about no session and no group"
        return super().refusal(command)

    def run_command(self, command: Command, argument: str) -> None:
        """Nothing is done with records where none can be read."""
        if self._denied and command.name in _ABOUT_RECORDS:
            self.tell(f"The audit can't be read here. {self._denied}")
        else:
            super().run_command(command, argument)

    def _current(self) -> AuditRecord | None:
        return self._book.record(self.table.cursor_key)

    def _chosen(self) -> AuditRecord:
        record = self._current()
        if record is None:
            raise InvalidInput("There is no record under the cursor", field="record")
        return record

    def on_virtual_table_row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        """Other commands may work on this one; at the top, what came since is shown."""
        event.stop()
        if self._book.newer and self._follows:
            begin(self, self._look, "look", exclusive=True)
        self.show_keys()

    def on_virtual_table_marks_changed(self, event: VirtualTable.MarksChanged) -> None:
        """Here nothing is marked."""
        event.stop()
        self.table.clear_marks()

    def on_virtual_table_fetch_failed(self, event: VirtualTable.FetchFailed) -> None:
        """What is refused is told; anything else that is not ours to handle must not go unseen."""
        event.stop()
        if not isinstance(event.error, NexusError):
            raise event.error
        self._fail(event.error)

    def do_open(self, _: str) -> None:
        """Show the record under the cursor in full, and go to what it is about if that is wanted."""
        record = self._chosen()

        def go(wanted: bool | None) -> None:
            if wanted:
                self._go(record)

        self.app.push_screen(RecordDialog(record, self.feed.clock()), go)

    def do_session(self, _: str) -> None:
        """Go to what the record under the cursor is about."""
        self._go(self._chosen())

    def _go(self, record: AuditRecord) -> None:
        if record.target_kind == "session" and record.target:
            self.console.open_session(record.target)
        elif record.target_kind == "group" and record.target:
            self.console.show_group(record.target)
        else:
            raise InvalidInput("The record is about no session and no group", field="record")

    def do_copy(self, _: str) -> None:
        """Copy the record as JSON."""
        self.app.copy_to_clipboard(record_text(self._chosen()))
        self.tell("Copied the record")

    def do_refused(self, _: str) -> None:
        """Show only what was refused, or everything again."""
        self._narrow(self._q, refused=not self._refused)

    def do_pause(self, _: str) -> None:
        """Hold the rows, or let them go on."""
        if self.table.is_frozen:
            self.table.thaw()
            begin(self, self._look, "look", exclusive=True)
        else:
            self.table.freeze()
        self._draw()

    def do_verify(self, _: str) -> None:
        """Verify it in the background; what comes of it is told wherever the user is then."""
        if not self.console.audit_check.start(self.console, self._show_verdict):
            self.tell("It is being verified already")
        self._draw()

    def _show_verdict(self) -> bool:
        self._draw()
        return self.is_attached and self.is_current

    def do_back(self, _: str) -> None:
        """Back to the table, then clear the filter, then leave."""
        if self.focused is not self.table and self.table.display:
            self.table.focus()
        elif self._filter:
            self._bar.set_text("")
            self._narrow("", refused=False)
        else:
            self.dismiss()


_ABOUT_RECORDS: Final = frozenset({"open", "session", "filter", "refused", "pause", "verify", "copy"})
