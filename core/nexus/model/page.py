"""Pieces of long lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A page by key: it stays right while rows come and go. Iterates over its items."""

    items: tuple[T, ...]
    next_cursor: str | None = None
    """Give it back for the next page; ``None`` when this was the last."""
    total: int | None = None
    """All that match, where the list says so (sessions and groups)."""

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> T:
        return self.items[index]

    def to_dict(self, *, total: bool = False) -> dict[str, Any]:
        """``{items, next_cursor}`` with each item's own JSON values, and ``total`` when asked."""
        shown: dict[str, Any] = {
            "items": [item.to_dict() for item in self.items],  # type: ignore[attr-defined]
            "next_cursor": self.next_cursor,
        }
        if total:
            shown["total"] = self.total
        return shown


class Window(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A window by rank, for a virtual table: rows ``offset``, ``offset + stride`` and on, of ``total``."""

    items: tuple[T, ...]
    offset: int
    total: int
    whole: int
    """How many there are without the filter."""
    stride: int = 1
    """How far the ranks of two rows are apart: what was asked for, or a multiple of it (see ``Store.window``)."""
