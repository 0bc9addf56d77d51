"""The marks of a table: keys that are marked, or all rows but some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.reactive import reactive

from nexus_widgets.line_view import LineView

if TYPE_CHECKING:
    from collections.abc import Iterable


class MarkedView(LineView):
    """A view of rows that can be marked, whether they are in view or not; it knows rows by their keys only."""

    cursor_key: reactive[str | None] = reactive(None, repaint=False)
    """Key of the row under the cursor; None where there is no row, or while it isn't fetched. Watch it to update
    what depends on the cursor in the same handler that moved it."""
    total: reactive[int] = reactive(0, repaint=False)
    """How many rows the source has."""

    _marks: dict[str, None]
    """Keys of the marked rows, in the order of marking; of those spared while all are marked."""
    _marks_all: bool

    def _tell_marks(self) -> None:
        """Tell the owner that the marks are others now."""
        raise NotImplementedError

    def _mark_none(self) -> None:
        """Start without marks."""
        self._marks = {}
        self._marks_all = False

    @property
    def marks(self) -> frozenset[str]:
        """Keys of the marked rows, shown or not; none while all are marked, whose keys nobody knows."""
        return frozenset() if self._marks_all else frozenset(self._marks)

    @property
    def marks_all(self) -> bool:
        """Whether every row is marked, whatever rows there are, but those spared."""
        return self._marks_all

    @property
    def spared(self) -> frozenset[str]:
        """Keys of the rows whose mark was taken away while all are marked."""
        return frozenset(self._marks) if self._marks_all else frozenset()

    @property
    def marked_count(self) -> int:
        """How many rows are marked, as far as is known."""
        return max(self.total - len(self._marks), 0) if self._marks_all else len(self._marks)

    def is_marked(self, key: str) -> bool:
        """Say whether a row is marked.

        Args:
            key: The row's key.
        """
        return (key in self._marks) != self._marks_all

    def action_toggle_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away."""
        key = self.cursor_key
        if key is not None:
            (self.unmark if self.is_marked(key) else self.mark)([key])

    def mark(self, keys: Iterable[str]) -> None:
        """Mark rows, whether they are in view or not.

        Args:
            keys: The rows' keys.
        """
        self._set_marks(keys, kept=not self._marks_all)

    def unmark(self, keys: Iterable[str]) -> None:
        """Take marks away.

        Args:
            keys: The rows' keys.
        """
        self._set_marks(keys, kept=self._marks_all)

    def mark_all(self) -> None:
        """Mark every row, those that were never fetched too, until `clear_marks`."""
        self._marked({}, marks_all=True)

    def clear_marks(self) -> None:
        """Take all marks away."""
        self._marked({}, marks_all=False)

    def _set_marks(self, keys: Iterable[str], *, kept: bool) -> None:
        """Keep keys among the marks (or, while all are marked, among the spared), or drop them from there."""
        some = dict.fromkeys(keys)
        if kept:
            self._marked({**self._marks, **some}, marks_all=self._marks_all)
        else:
            self._marked({key: None for key in self._marks if key not in some}, marks_all=self._marks_all)

    def _marked(self, marks: dict[str, None], *, marks_all: bool) -> None:
        if marks.keys() != self._marks.keys() or marks_all != self._marks_all:
            self._marks, self._marks_all = marks, marks_all
            self.refresh()
            self._tell_marks()
