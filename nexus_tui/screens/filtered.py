"""FilteredScreen: a filter over a table, as the events, the groups and the audit have it."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from nexus.query import QueryError
from nexus_tui.screens.base import CommandScreen
from nexus_widgets import FilterBar, VirtualTable


class FilteredScreen(CommandScreen):
    """See the module's docstring. The bar's id is ``filter``."""

    table: VirtualTable
    narrows_while_written: ClassVar[bool] = False
    """Whether what matches is shown with each letter, and not when the filter is finished."""
    _q: str

    @abstractmethod
    def mistake_in(self, text: str) -> QueryError | None:
        """What is wrong with a filter, if anything is; columns are those of the text.

        Args:
            text: The filter.
        """

    @abstractmethod
    def narrow(self, q: str) -> None:
        """Show what matches a filter.

        Args:
            q: One without a mistake.
        """

    @property
    def _bar(self) -> FilterBar:
        return self.query_one("#filter", FilterBar)

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        """A mistake changes nothing, and is told while it is written."""
        event.stop()
        error = self.mistake_in(event.text)
        if error is None:
            if self.narrows_while_written:
                self.narrow(event.text.strip())
        elif not error.incomplete:
            event.bar.show_error(error.message, error.column - 1)

    def on_filter_bar_submitted(self, event: FilterBar.Submitted) -> None:
        """Show what matches and go to the table, or show the mistake."""
        event.stop()
        error = self.mistake_in(event.text)
        if error is not None:
            event.bar.show_error(error.message, error.column - 1)
            return
        self.narrow(event.text.strip())
        self.table.focus()

    def on_filter_bar_cancelled(self, event: FilterBar.Cancelled) -> None:
        """Back to the table; a filter that isn't in force is taken back."""
        event.stop()
        if not self.narrows_while_written or self.mistake_in(event.text) is not None:
            event.bar.set_text(self._q)
        self.table.focus()

    def on_virtual_table_row_selected(self, event: VirtualTable.RowSelected) -> None:
        """Open what is under the cursor."""
        event.stop()
        self.action_command("open")

    def do_filter(self, q: str) -> None:
        """Write a filter, or show what matches the one given."""
        if not q:
            self._bar.focus()
            return
        error = self.mistake_in(q)
        if error is not None:
            raise error
        self._bar.set_text(q)
        self.narrow(q)
