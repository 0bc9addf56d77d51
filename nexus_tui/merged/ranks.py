"""A window by rank over several sorted lists, of which each gives only windows by rank.

The rows at ranks ``[offset, offset + limit)`` of the merged list are found from a split: how many of the first
``offset`` rows lie in each list. A split near one that is known (the last one, the start, the end) is found by reading
a few rows more of each list, and the rows read prove it. For a jump elsewhere the lists are probed: with one row of
each, whose ranks in their lists add up to the rank that is looked for, the list with the least row loses what is
before it and the one with the greatest what is behind it; so the distance halves at least every few rounds.

Cost: while nothing jumps, one window of ``limit + 2 * _MARGIN`` rows of each list, all at once. A jump costs some
``log2(rows)`` rounds of one row of each besides (measured in ``tests/console/merged/test_merged_ranks.py``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

_MARGIN: Final = 8
_NEAR: Final = 192
"""So many rows are read at most to find a split from another."""
_BLOCK: Final = 64
_ROUNDS: Final = 64
_TRIES: Final = 3
"""Lists that change while they are read are read again, so often."""

Fetch = Callable[[int, int], Coroutine[Any, Any, tuple[Sequence[T], int]]]
"""Rows from an offset, at most so many, and how many there are in all."""


@dataclass(frozen=True, slots=True)
class Split:
    """How many of the first ``rank`` rows lie in each list."""

    rank: int
    at: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Block(Generic[T]):
    """Rows of one list."""

    start: int
    rows: Sequence[T]
    total: int


@dataclass(frozen=True, slots=True)
class Merged(Generic[T]):
    """Rows of the merged list, and the split that gives them."""

    rows: tuple[T, ...]
    total: int
    split: Split
    blocks: Mapping[str, Block[T]]
    is_proven: bool
    """Whether the rows that were read prove the ranks; not where the lists went on changing meanwhile."""


async def merged_window(
    lists: Mapping[str, Fetch[T]],
    key: Callable[[T], Any],
    *,
    descending: bool,
    offset: int,
    limit: int,
    known: Split | None = None,
) -> Merged[T]:
    """Rows by rank.

    Args:
        lists: What gives rows of each list.
        key: A row's place in an ascending list; no two rows have the same.
        descending: Whether the lists are sorted the other way round.
        offset: The first rank.
        limit: The most to give.
        known: A split of the same lists, if one is known.
    """
    sign = _Turned if descending else _Plain
    found: Merged[T] | None = None
    for attempt in range(_TRIES):
        start = known if attempt == 0 else None
        split = _near(offset, start) or await _searched(lists, lambda row: sign(key(row)), offset)
        found = await _read(lists, lambda row: sign(key(row)), offset, limit, split)
        if found.is_proven:
            return found
    assert found is not None  # noqa: S101  there is at least one attempt
    return found


def _near(offset: int, known: Split | None) -> Split | None:
    if known is not None and abs(offset - known.rank) <= _NEAR:
        return known
    return None


async def _searched(lists: Mapping[str, Fetch[T]], key: Callable[[T], Any], offset: int) -> Split:
    """A split some rows before the one that is looked for, or a few around it where the lists end there."""
    if offset <= _NEAR:
        return Split(0, dict.fromkeys(lists, 0))
    totals = await _totals(lists)
    low, high = dict.fromkeys(lists, 0), dict(totals)
    whole = sum(totals.values())
    offset = min(offset, whole)
    if whole - offset <= _NEAR:
        return Split(whole, totals)
    for _ in range(_ROUNDS):
        left = offset - sum(low.values())
        if left <= _BLOCK:
            break
        steps = _steps({name: high[name] - low[name] for name in lists if high[name] > low[name]}, left)
        probed = await _probed(lists, {name: low[name] + step - 1 for name, step in steps.items()}, key)
        if len(probed) < len(steps):
            break  # A list grew shorter meanwhile; what is read next will tell.
        least, greatest = min(probed, key=probed.__getitem__), max(probed, key=probed.__getitem__)
        if sum(steps.values()) >= left:
            high[greatest] = min(high[greatest], low[greatest] + steps[greatest])
        if sum(steps.values()) <= left:
            low[least] += steps[least]
    return Split(sum(low.values()), low)


def _steps(sizes: Mapping[str, int], left: int) -> dict[str, int]:
    """How far to look in each list: shares of its size, that add up to ``left`` where that can be."""
    whole = sum(sizes.values())
    steps = {name: min(max(left * size // whole, 1), size) for name, size in sizes.items()}
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        missing = left - sum(steps.values())
        steps[name] = min(max(steps[name] + missing, 1), sizes[name])
    return steps


async def _probed(lists: Mapping[str, Fetch[T]], at: Mapping[str, int], key: Callable[[T], Any]) -> dict[str, Any]:
    found = await asyncio.gather(*(lists[name](place, 1) for name, place in at.items()))
    return {name: key(rows[0]) for name, (rows, _) in zip(at, found, strict=True) if rows}


async def _totals(lists: Mapping[str, Fetch[T]]) -> dict[str, int]:
    found = await asyncio.gather(*(fetch(0, 1) for fetch in lists.values()))
    return {name: total for name, (_, total) in zip(lists, found, strict=True)}


async def _read(
    lists: Mapping[str, Fetch[T]], key: Callable[[T], Any], offset: int, limit: int, split: Split
) -> Merged[T]:
    back = max(split.rank - offset, 0) + _MARGIN
    # Farther on than this is only what lies beyond the end.
    on = min(max(offset - split.rank, 0), _NEAR) + _MARGIN + limit
    starts = {name: max(split.at.get(name, 0) - back, 0) for name in lists}
    found = await asyncio.gather(
        *(fetch(starts[name], split.at.get(name, 0) - starts[name] + on) for name, fetch in lists.items())
    )
    blocks = {name: Block(starts[name], rows, total) for name, (rows, total) in zip(lists, found, strict=True)}
    ordered = sorted(
        ((key(row), name, row) for name, block in blocks.items() for row in block.rows), key=lambda each: each[0]
    )
    first = offset - sum(starts.values())
    before = ordered[: max(first, 0)]
    shown = ordered[max(first, 0) : max(first, 0) + limit]
    total = sum(block.total for block in blocks.values())
    at = {name: block.start for name, block in blocks.items()}
    for _, name, _ in before:
        at[name] += 1
    proven = first >= 0 and all(
        _is_proven(block, at[name] - block.start, sum(each[1] == name for each in shown))
        for name, block in blocks.items()
    )
    return Merged(tuple(row for *_, row in shown), total, Split(offset, at), blocks, proven or offset > total)


def _is_proven(block: Block[T], before: int, shown: int) -> bool:
    """Whether no row that was not read can belong before or into the window."""
    nothing_earlier = block.start == 0 or before > 0
    nothing_later = block.start + len(block.rows) >= block.total or before + shown < len(block.rows)
    return nothing_earlier and nothing_later


class _Plain:
    """A key, ascending."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: _Plain) -> bool:
        return bool(self.key < other.key)

    def __gt__(self, other: _Plain) -> bool:
        return bool(self.key > other.key)


class _Turned(_Plain):
    """A key, descending."""

    __slots__ = ()

    def __lt__(self, other: _Plain) -> bool:
        return bool(self.key > other.key)

    def __gt__(self, other: _Plain) -> bool:
        return bool(self.key < other.key)
