"""SessionsPane: the table of sessions with its order, its columns, its marks, and what holds its rows in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget

from nexus.errors import InvalidInput, NexusError
from nexus.model import Session
from nexus_tui.acting.targets import Targets
from nexus_tui.config.keymap import DECLARED, Keymap
from nexus_tui.feed import Feed
from nexus_tui.filtering import with_faults
from nexus_tui.kept import Look, View
from nexus_tui.session_source import SessionSource, Sort
from nexus_tui.viewmodels.session_rows import DEFAULT_FIELDS, columns, field_of, why_not_sorted
from nexus_tui.viewmodels.words import plural
from nexus_widgets import VirtualTable, count
from nexus_widgets.columns import fit_columns
from nexus_widgets.table_lines import GUTTER

_NONE_YET = "no sessions yet: nexus run, the API and MCP start them"
_CONNECTING = "connecting …"
_FALLING = frozenset({"last", "age", "created", "step", "version", "duration"})
"""Columns that are looked at from the greatest (or the newest) down."""
_SORT = "-last"
_DEFAULT = tuple((key, 0) for key in DEFAULT_FIELDS)


class SessionsPane(Widget):
    """One table. Rows are held still while anything is marked, asked, or paused."""

    ALLOW_MAXIMIZE = True

    class Shown(Message):
        """What the table shows changed: its totals, marks, order, or what waits."""

    def __init__(
        self,
        feed: Feed,
        *,
        default: Look = Look(),  # noqa: B008  it is frozen
        look: Look = Look(),  # noqa: B008
        keep: Callable[[Look], None] = lambda _: None,
        keymap: Keymap = DECLARED,
        id: str | None = None,  # noqa: A002  Textual's own name
    ) -> None:
        """Make the pane.

        Args:
            feed: The gateway to sessions.
            default: The order and the columns to start with, and to come back to.
            look: How the table looked when it was left; it goes before the default.
            keep: Remembers how the table looks.
            keymap: The keys in force, for what is said of them.
            id: The widget's id.
        """
        super().__init__(id=id)
        self._feed = feed
        self._keep_look = keep
        self._keymap = keymap
        self.default = Look(default.sort or _SORT, _known(default.columns) or _DEFAULT)
        shown = Look(
            look.sort if _sorts(look.sort) else self.default.sort, _known(look.columns) or self.default.columns
        )
        self.widths: dict[str, int] = _widths(shown)
        """Cells that were given to columns."""
        keys = tuple(key for key, _ in shown.columns)
        self.source = SessionSource(feed, "", Sort.of(shown.sort), keys)
        self.table = VirtualTable(
            columns(keys, self.widths),
            self.source,
            empty=_CONNECTING,
            id="sessions-table",
        )
        self._holds: set[str] = set()
        self.filter = ""
        """What the operator wrote; faults narrow it further."""
        self.faults = False
        """Whether only faults are shown."""
        self._written = ("", "")

    def compose(self) -> ComposeResult:
        """One table."""
        yield self.table

    def on_mount(self) -> None:
        """Show the order."""
        self._show_sort()

    @property
    def is_paused(self) -> bool:
        """Whether the operator paused the view."""
        return "pause" in self._holds

    @property
    def current(self) -> Session | None:
        """The session under the cursor, as it was when it was last read."""
        key = self.table.cursor_key
        return None if key is None else self.source.held(key)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The marked sessions, or the one under the cursor, if any; none while all that match are marked."""
        table = self.table
        if self.is_marked:
            return tuple(sorted(table.marks))
        return () if table.cursor_key is None else (table.cursor_key,)

    @property
    def is_marked(self) -> bool:
        """Whether any session is marked."""
        return self.table.marks_all or bool(self.table.marks)

    @property
    def targets(self) -> Targets:
        """What a change would act on: all that match, the marked ones, or the one under the cursor."""
        table = self.table
        if table.marks_all:
            return Targets(q=self.source.q, without=table.spared, about=table.marked_count)
        return Targets(self.chosen)

    # What is shown

    def refresh_rows(self, changes: int) -> None:
        """Say that sessions changed: rows are fetched again soon, or counted while held.

        Args:
            changes: How many changes.
        """
        self.source.spoil()
        self.table.invalidate(changes)

    def doubt(self, *, lost: bool) -> None:
        """Say whether the connection is lost: the rows stay, and their statuses are not known then.

        Args:
            lost: Whether it is.
        """
        self.table.stale = lost
        self.table.say_when_empty(self._why_empty(self.source.q))
        self.table.invalidate(0)

    def tick(self) -> None:
        """Say that time went by: ages are written anew, without a request where nothing else changed.

        Where no time that is shown counts seconds, all rows wait for the next request, which comes soon enough.
        """
        if not self._holds and (self._feed.contexts is not None or self.source.is_old or self._counts_seconds()):
            self.table.invalidate(0)

    def _counts_seconds(self) -> bool:
        rows = map(self.table.row_at, self.table.visible_range)
        return self.source.counts_seconds(row.key for row in rows if row is not None)

    def show_filter(self, q: str) -> None:
        """Show other sessions.

        Args:
            q: A filter that reads.
        """
        self._narrow(q, faults=self.faults)

    def show_faults(self, *, faults: bool) -> None:
        """Show only what failed or expired, within the filter; or all that the filter matches again.

        Args:
            faults: Whether only faults are wanted.
        """
        self._narrow(self.filter, faults=faults)

    def show_first(self, q: str, *, faults: bool) -> None:
        """Show both at once, before anything else is.

        Args:
            q: A filter that reads.
            faults: Whether only faults are wanted.
        """
        self._narrow(q, faults=faults)

    def _narrow(self, q: str, *, faults: bool) -> None:
        self.filter, self.faults = q, faults
        combined = with_faults(q, faults=faults)
        if combined != self.source.q:
            self._use(SessionSource(self._feed, combined, self.source.sort, self.source.keys))

    @property
    def view(self) -> View:
        """What is shown, to be kept by name."""
        sort = self.source.sort
        return View(self.filter, f"{'-' if sort.descending else ''}{sort.key}", self.source.keys, self.faults)

    def show_view(self, view: View) -> None:
        """Show what was kept; columns and orders that there are no more are left out.

        Args:
            view: What to show; its filter reads.
        """
        keys = tuple(dict.fromkeys(key for key in view.columns if field_of(key) is not None)) or DEFAULT_FIELDS
        sort = Sort.of(view.sort) if _sorts(view.sort) else Sort.of(_SORT)
        self.filter, self.faults = view.q, view.faults
        self._use(SessionSource(self._feed, with_faults(view.q, faults=view.faults), sort, keys))
        self.table.set_columns(columns(keys, self.widths))
        self._show_sort()

    @property
    def chosen_keys(self) -> tuple[str, ...]:
        """The columns to start from when others are chosen: of the default ones, those that have come at this width."""
        if self.source.keys != DEFAULT_FIELDS:
            return self.source.keys
        width = self.table.line_width - GUTTER
        return tuple(column.key for column in self.table.columns if column.from_width <= width)

    @property
    def look(self) -> Look:
        """The order and the columns that are shown."""
        sort, keys = self.source.sort, self.source.keys
        written = f"{'-' if sort.descending else ''}{sort.key}"
        return Look(written, tuple((key, self.widths.get(key, 0)) for key in keys))

    def show_columns(self, keys: Sequence[str], widths: Mapping[str, int] | None = None) -> None:
        """Show other columns, in the same order of rows, and with the cursor where it is; marks stay.

        Args:
            keys: From left to right.
            widths: Cells that were given to some; those given before stay where nothing is said.
        """
        if widths is not None:
            self.widths = dict(widths)
        self.source.keys = tuple(keys)
        self.table.set_columns(columns(keys, self.widths))
        self._show_sort()
        self._remember()

    def show_default(self) -> None:
        """Show the columns that the console starts with where nothing was changed."""
        self.show_columns([key for key, _ in self.default.columns], _widths(self.default))

    def _remember(self) -> None:
        look, default = self.look, self.default
        changed = look.columns if look.columns != default.columns else ()
        self._keep_look(Look(look.sort if look.sort != default.sort else "", changed))

    def sort_by(self, key: str) -> None:
        """Sort by a column; by the same one again turns it round.

        Args:
            key: A column.

        Raises:
            InvalidInput: The service has no order by it.
        """
        if why := why_not_sorted(key):
            raise InvalidInput(why, field="column", value=key)
        sort = self.source.sort
        descending = not sort.descending if sort.key == key else key in _FALLING
        self._order(Sort(key, descending))

    def sort_by_next(self) -> None:
        """Sort by the next column that is seen and has an order."""
        placed = fit_columns(self.table.columns, max(self.table.line_width - GUTTER, 1))
        keys = [each.column.key for each in placed if not why_not_sorted(each.column.key)]
        if not keys:
            raise InvalidInput("No column is shown that has an order: :sort COLUMN sorts by any", field="column")
        at = keys.index(self.source.sort.key) if self.source.sort.key in keys else -1
        self.sort_by(keys[(at + 1) % len(keys)])

    def reverse(self) -> None:
        """Turn the order round."""
        self._order(Sort(self.source.sort.key, not self.source.sort.descending))

    # Holding rows

    def hold(self, reason: str) -> None:
        """Keep every row where it is until ``release``.

        Args:
            reason: Why; reasons add up.
        """
        self._holds.add(reason)
        self.table.freeze()

    def release(self, reason: str) -> None:
        """Let rows move, unless another reason holds them.

        Args:
            reason: What is over.
        """
        self._holds.discard(reason)
        if not self._holds:
            self.source.spoil()
            self.table.thaw()

    # Handlers

    def on_virtual_table_marks_changed(self, event: VirtualTable.MarksChanged) -> None:
        """Hold rows while any is marked, so that a new order can't move the target."""
        event.stop()
        if self.is_marked:
            self.hold("marks")
        else:
            self.release("marks")
        self.post_message(self.Shown())

    def on_virtual_table_header_selected(self, event: VirtualTable.HeaderSelected) -> None:
        """Sort by the column that was clicked."""
        event.stop()
        try:
            self.sort_by(event.key)
        except InvalidInput as error:
            self.notify(error.message, title=error.title, severity="error", markup=False, timeout=8)

    def on_virtual_table_waiting_changed(self, event: VirtualTable.WaitingChanged) -> None:
        """Tell how much waits."""
        event.stop()
        self.post_message(self.Shown())

    def on_virtual_table_row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        """Tell that a change would act on another session now."""
        event.stop()
        self.post_message(self.Shown())

    def on_virtual_table_fetch_failed(self, event: VirtualTable.FetchFailed) -> None:
        """The link tells of a lost connection; anything else that is not ours to handle must not go unseen."""
        event.stop()
        if not isinstance(event.error, NexusError):
            raise event.error

    def _use(self, source: SessionSource) -> None:
        self.source = source
        self.table.say_when_empty(self._why_empty(source.q))
        # Marks are of sessions, and stay; all that match are others now.
        if self.table.marks_all:
            self.table.clear_marks()
        self.table.set_source(source)
        self.post_message(self.Shown())

    def _why_empty(self, q: str) -> str:
        if self._feed.link.heard is None:
            return "not connected: nothing is known yet" if self._feed.link.state == "lost" else _CONNECTING
        if self.faults:
            return f"nothing failed or expired here: {self._keymap.hint('faults')} shows everything again"
        return f"no session matches: {self._keymap.hint('back')} clears the filter" if q else _NONE_YET

    def _order(self, sort: Sort) -> None:
        self.source.sort = sort
        self.source.spoil()
        self._show_sort()
        self._remember()

    def _show_sort(self) -> None:
        sort = self.source.sort
        self.table.set_sort(sort.key, reverse=sort.descending)
        self.write_title()

    def write_title(self) -> None:
        """Say in the frame's title how many are shown, in which order, and what is held."""
        sort, table = self.source.sort, self.table
        only = "faults only  " if self.faults else ""
        title = f"sessions  {only}sort: {sort.words}"
        notes = []
        if table.marks_all:
            but = f", but {count(len(table.spared))}" if table.spared else ""
            notes.append(
                f"all {count(table.total)} that match marked{but}"
                if self.source.q
                else f"all {count(table.total)} marked{but}"
            )
        elif table.marks:
            notes.append(f"{count(len(table.marks))} marked")
        if self._holds:
            wait = f"rows held, {plural(table.waiting, 'update')} wait{'s' if table.waiting == 1 else ''}"
            notes.append(wait if table.waiting else "rows held")
        written = (title, "  ".join(notes))
        # Each cursor move comes here: writing the same again would paint the whole frame.
        if written != self._written:
            self._written = written
            self.border_title, self.border_subtitle = map(Text, written)


def _known(columns: Sequence[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Those that there are: a file may name columns of another version."""
    return tuple(pair for pair in columns if field_of(pair[0]) is not None)


def _widths(look: Look) -> dict[str, int]:
    return {key: width for key, width in look.columns if width}


def _sorts(text: str) -> bool:
    return bool(text) and not why_not_sorted(text.removeprefix("-"))
