"""GroupRows: all groups that were read, those of them that match, in an order; rows are written when they are seen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from nexus.errors import InvalidInput
from nexus.model import Group
from nexus_tui.groups.asking import Passes
from nexus_tui.viewmodels.group_rows import GROUP_COLUMNS, group_row, group_state
from nexus_widgets import RowWindow, clean

_ORDERS: Final[dict[str, Callable[[Group], float | str]]] = {
    "group": lambda group: group.id,
    "state": lambda group: group_state(group).text,
    "done": lambda group: group.done,
    "sessions": lambda group: group.total,
    "age": lambda group: -group.created_at,
    "owner": lambda group: group.owner,
}
_RISING: Final = frozenset({"group", "state", "owner", "age", "done"})
"""Columns that are looked at from the least (or the newest) up."""


class GroupRows:
    """A ``RowSource`` and a ``LocatingSource``; the owner sets what is in it, and invalidates the table."""

    def __init__(self, clock: Callable[[], float], awaited: Callable[[], Collection[str]]) -> None:
        """Begin without any.

        Args:
            clock: Seconds since the epoch.
            awaited: Ids of the groups that are waited for.
        """
        self._clock = clock
        self._awaited = awaited
        self._all: Sequence[Group] = ()
        self._passes: Passes = lambda _: True
        self._shown: list[Group] = []
        self._places: dict[str, int] = {}
        self.sort = ("age", False)
        """The column, and whether from the greatest down."""

    @property
    def total(self) -> int:
        """How many match."""
        return len(self._shown)

    @property
    def all(self) -> Sequence[Group]:
        """All that were read, matching or not."""
        return self._all

    def get(self, group_id: str | None) -> Group | None:
        """One of those that match."""
        at = self._places.get(group_id or "")
        return None if at is None else self._shown[at]

    def put(self, groups: Sequence[Group]) -> None:
        """Take other groups.

        Args:
            groups: All there are.
        """
        self._all = groups
        self._arrange()

    def narrow(self, passes: Passes) -> None:
        """Show only some.

        Args:
            passes: Says which.
        """
        self._passes = passes
        self._arrange()

    def sort_by(self, key: str) -> None:
        """Put them in the order of a column; of the same one again, the other way round.

        Args:
            key: A column.

        Raises:
            InvalidInput: There is no such column.
        """
        if key not in {column.key for column in GROUP_COLUMNS}:
            known = ", ".join(column.key for column in GROUP_COLUMNS)
            raise InvalidInput(f"There is no column {clean(key, limit=40)!r}: sort by one of {known}", field="column")
        before, falling = self.sort
        self.sort = (key, not falling if key == before else key not in _RISING)
        self._arrange()

    def reverse(self) -> None:
        """Turn the order round."""
        self.sort = (self.sort[0], not self.sort[1])
        self._arrange()

    def _arrange(self) -> None:
        key, falling = self.sort
        value = _ORDERS.get(key, lambda group: group.counts.get(key, 0))
        # Among equals by name, so that they don't change places from one reading to the next.
        found = sorted((group for group in self._all if self._passes(group)), key=lambda group: group.id)
        self._shown = sorted(found, key=value, reverse=falling)
        self._places = {group.id: at for at, group in enumerate(self._shown)}

    async def window(self, offset: int, limit: int) -> RowWindow:
        """Some rows."""
        now, awaited = self._clock(), self._awaited()
        some = self._shown[offset : offset + limit]
        rows = tuple(group_row(group, now, waited_for=group.id in awaited) for group in some)
        return RowWindow(offset, rows, self.total)

    async def locate(self, key: str) -> int | None:
        """Where a group is now."""
        return self._places.get(key)
