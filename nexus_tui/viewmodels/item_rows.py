"""The sessions of a plan or of a report as rows, written only when they are looked at: there may be very many."""

from __future__ import annotations

from collections.abc import Sequence

from nexus.model import Status
from nexus_tui.acting.plan import Came, Item
from nexus_tui.viewmodels.words import NOTHING, STATUS_MARKS
from nexus_widgets import Column, Row, RowWindow, Tone, Toned, clean

COLUMNS = (
    Column("id", "SESSION", 20, min_width=10, flex=1, sortable=False, priority=4),
    Column("status", "STATUS", 13, sortable=False, priority=2),
    Column("version", "VERSION", 9, "right", sortable=False, priority=1),
    Column("came", "WHAT", 30, min_width=12, flex=2, sortable=False, priority=3),
)

_STATUSES = frozenset(status.value for status in Status)

_MARKS: dict[Came, tuple[str, str, Tone]] = {
    "planned": ("→", "will be done", "good"),
    "done": ("✓", "done", "good"),
    "unchanged": ("=", "nothing to do", "muted"),
    "drifted": ("≠", "left", "warn"),
    "refused": ("✖", "refused", "bad"),
    "untried": ("…", "not tried", "warn"),
    "unknown": ("?", "not known", "bad"),
}  # fmt: skip


def words_of(item: Item) -> str:
    """What would come of a session or came of it, and why, on one line.

    Args:
        item: The session.
    """
    glyph, word, _ = _MARKS[item.outcome]
    if item.made is not None:
        return f"{glyph} {word} → {clean(item.made, limit=128)}"
    return f"{glyph} {word}: {clean(item.why, limit=400)}" if item.why else f"{glyph} {word}"


class ItemRows:
    """A row source over a plan's sessions."""

    def __init__(self, items: Sequence[Item] = ()) -> None:
        self.items = items

    @property
    def total(self) -> int:
        """How many."""
        return len(self.items)

    async def window(self, offset: int, limit: int) -> RowWindow:
        """Some of them.

        Args:
            offset: Index of the first.
            limit: The most to return.
        """
        return RowWindow(offset, tuple(map(_row, self.items[offset : offset + limit])), self.total)


def _row(item: Item) -> Row:
    version = NOTHING if item.version is None else f"{item.version:,}"
    cells = (clean(item.session_id, limit=128), _status(item), Toned(version, "muted"),
             Toned(words_of(item), _MARKS[item.outcome][2]))  # fmt: skip
    return Row(item.session_id, cells)


def _status(item: Item) -> Toned:
    if item.status is None or item.status not in _STATUSES:
        return Toned(NOTHING, "muted")
    mark = STATUS_MARKS[Status(item.status)]
    return Toned(mark.text, mark.tone)
