"""A window by rank over several sorted lists, of which each gives only windows by rank.

The rows at ranks ``[offset, offset + limit)`` of the merged list are found from a split: how many of the first
``offset`` rows lie in each list. A split near one that is known (the last one, the start, the end) is found by reading
a few rows more of each list, and the rows read prove it. For a jump elsewhere some hundred landmarks of each list are
read first, rows at evenly spaced ranks: put in order they say of each other between which ranks of the merged list they
stand, and so between which two the split lies. Among those, landmarks are read again.

Cost: while nothing jumps, one window of ``limit + 2 * _MARGIN`` rows of each list, all at once. A jump costs two rounds
of landmarks besides, up to some millions of rows (three where the lists lie apart), and one row of each list where it
is not known how many they have (``tests/console/merged/test_merged_ranks.py``, ``benchmarks/bench_merged.py``).
"""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_right
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

_MARGIN: Final = 8
_NEAR: Final = 192
"""So many rows are read at most to find a split from another."""
_ROUNDS: Final = 64
_TRIES: Final = 3
"""Lists that change while they are read are read again, so often."""
_FEWEST, _MOST = 16, 512
"""Landmarks of each list."""
_ASIDE: Final = 0.1
"""Lists mostly divide alike: the first landmarks are not farther from where they would, as a part of each list."""


@dataclass(frozen=True, slots=True)
class Split:
    """How many of the first ``rank`` rows lie in each list."""

    rank: int
    at: Mapping[str, int]
    totals: Mapping[str, int] = field(default_factory=dict)
    """How many rows each list had then; empty where that is not known."""


@dataclass(frozen=True, slots=True)
class Block(Generic[T]):
    """Rows of one list, at ranks from ``start`` on."""

    start: int
    rows: Sequence[T]
    total: int
    stride: int = 1
    """How far their ranks are apart."""


Fetch = Callable[[int, int, int], Coroutine[Any, Any, Block[T]]]
"""Rows of a list: from which rank, at most how many, how far apart. Those by stride may be fewer and farther apart."""


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
    turned = _Turned if descending else _Plain

    def place(row: T) -> _Plain:
        return turned(key(row))

    found: Merged[T] | None = None
    for attempt in range(_TRIES):
        start = known if attempt == 0 else None
        split = _near(offset, start) or await _searched(lists, place, offset, start)
        found = await _read(lists, place, offset, limit, split)
        if found.is_proven:
            return found
    assert found is not None  # noqa: S101  there is at least one attempt
    return found


def _near(offset: int, known: Split | None) -> Split | None:
    if known is not None and abs(offset - known.rank) <= _NEAR:
        return known
    return None


async def _searched(
    lists: Mapping[str, Fetch[T]], place: Callable[[T], _Plain], offset: int, known: Split | None
) -> Split:
    """A split some rows before the one that is looked for, or a few around it where the lists end there."""
    if offset <= _NEAR:
        return Split(0, dict.fromkeys(lists, 0))
    # What was known may have changed by now: the first landmarks tell, and what is read in the end proves.
    totals = known.totals if known is not None and known.totals.keys() == lists.keys() else await _totals(lists)
    whole = sum(totals.values())
    if whole - offset <= _NEAR:
        return Split(whole, totals)
    search = _Search(lists, place, offset, totals)
    await search.run()
    return Split(sum(search.low.values()), search.low)


class _Search(Generic[T]):
    """Narrows down how many of the first ``offset`` rows lie in each list."""

    def __init__(
        self, lists: Mapping[str, Fetch[T]], place: Callable[[T], _Plain], offset: int, totals: Mapping[str, int]
    ) -> None:
        self.low = dict.fromkeys(lists, 0)
        """At least so many; all of them come up to ``_after``."""
        self._high = dict(totals)
        """At most so many; all others come from ``_until`` on."""
        self._after: _Plain | None = None
        self._until: _Plain | None = None
        self._lists = lists
        self._place = place
        self._offset = offset
        # So many that two rounds leave what is read over, as a rule: fewer rounds for more rows that are read whole.
        self._most = min(max(math.isqrt(sum(totals.values())) // 8, _FEWEST), _MOST)

    async def run(self) -> None:
        """Search until it is near, or until the lists have changed so much that this leads nowhere."""
        for turn in range(_ROUNDS):
            if self._offset - sum(self.low.values()) <= _NEAR:
                return
            before = dict(self.low), dict(self._high)
            landmarks = await self._landmarks(is_first=turn == 0)
            self._narrow(landmarks)
            if turn and before == (self.low, self._high):
                return

    async def _landmarks(self, *, is_first: bool) -> dict[str, _Landmarks]:
        sizes = {name: self._high[name] - low for name, low in self.low.items()}
        share = (self._offset - sum(self.low.values())) / max(sum(sizes.values()), 1)
        asked = []
        for name, low in self.low.items():
            size, begin = sizes[name], 0
            if is_first:
                begin, size = int(size * max(share - _ASIDE, 0.0)), math.ceil(size * min(share + _ASIDE, 1.0))
                size -= begin
            if size > 0:
                stride = -(-size // (self._most + 1))
                asked.append((name, low + begin + stride - 1, size // stride, stride))
        found = await asyncio.gather(*(self._lists[name](start, rows, step) for name, start, rows, step in asked))
        for (name, *_), block in zip(asked, found, strict=True):
            self._high[name] = block.total if is_first else min(self._high[name], block.total)
        return {
            name: _Landmarks([self._place(row) for row in block.rows], block.start, block.stride)
            for (name, *_), block in zip(asked, found, strict=True)
        }

    def _narrow(self, landmarks: Mapping[str, _Landmarks]) -> None:
        for name, some in landmarks.items():
            if self._after is not None:
                self.low[name], _ = some.up_to(self._after, self.low[name], self._high[name])
            if self._until is not None:
                _, self._high[name] = some.up_to(self._until, self.low[name], self._high[name])
        tried = sorted(
            (place, name)
            for name, some in landmarks.items()
            for place in some.places
            # Of others it isn't known where they would be in the other lists.
            if (self._after is None or self._after < place) and (self._until is None or place < self._until)
        )

        def spans(each: tuple[_Plain, str]) -> dict[str, tuple[int, int]]:
            """How many rows of each list come up to a landmark, itself included: at least, and at most."""
            return {
                name: landmarks[name].up_to(each[0], low, self._high[name], is_own=name == each[1])
                if name in landmarks
                else (low, low)
                for name, low in self.low.items()
            }

        def least(each: tuple[_Plain, str]) -> int:
            return sum(span[0] for span in spans(each).values())

        def most(each: tuple[_Plain, str]) -> int:
            return sum(span[1] for span in spans(each).values())

        passed, end = bisect_right(tried, self._offset, key=most), bisect_right(tried, self._offset, key=least)
        lows, highs = spans(tried[passed - 1]) if passed else {}, spans(tried[end]) if end < len(tried) else {}
        if lows:
            self._after = tried[passed - 1][0]
            self.low = {name: span[0] for name, span in lows.items()}
        if highs:
            self._until, own = tried[end]
            self._high = {name: span[1] - (name == own) for name, span in highs.items()}


@dataclass(frozen=True, slots=True)
class _Landmarks:
    """Places of rows of one list, in order, at ranks from ``start`` on."""

    places: Sequence[_Plain]
    start: int
    stride: int

    def up_to(self, place: _Plain, low: int, high: int, *, is_own: bool = False) -> tuple[int, int]:
        """How many rows come up to a place: at least and at most, as far as these tell."""
        passed = bisect_right(self.places, place)
        least = self.start + (passed - 1) * self.stride + 1 if passed else low
        most = self.start + passed * self.stride if passed < len(self.places) else high
        return (least, least) if is_own else (max(least, low), min(max(most, least), high))


async def _totals(lists: Mapping[str, Fetch[T]]) -> dict[str, int]:
    found = await asyncio.gather(*(fetch(0, 1, 1) for fetch in lists.values()))
    return {name: block.total for name, block in zip(lists, found, strict=True)}


async def _read(
    lists: Mapping[str, Fetch[T]], place: Callable[[T], _Plain], offset: int, limit: int, split: Split
) -> Merged[T]:
    back = max(split.rank - offset, 0) + _MARGIN
    # Farther on than this is only what lies beyond the end.
    on = min(max(offset - split.rank, 0), _NEAR) + _MARGIN + limit
    starts = {name: max(split.at.get(name, 0) - back, 0) for name in lists}
    found = await asyncio.gather(
        *(fetch(starts[name], split.at.get(name, 0) - starts[name] + on, 1) for name, fetch in lists.items())
    )
    blocks = dict(zip(lists, found, strict=True))
    totals = {name: block.total for name, block in blocks.items()}
    total = sum(totals.values())
    if offset >= total:
        return Merged((), total, Split(total, totals, totals), blocks, is_proven=True)
    ordered = sorted(
        ((place(row), name, row) for name, block in blocks.items() for row in block.rows), key=lambda each: each[0]
    )
    first = offset - sum(starts.values())
    before = ordered[: max(first, 0)]
    shown = ordered[max(first, 0) : max(first, 0) + limit]
    at = {name: block.start for name, block in blocks.items()}
    for _, name, _ in before:
        at[name] += 1
    proven = first >= 0 and all(
        _is_proven(block, at[name] - block.start, sum(each[1] == name for each in shown))
        for name, block in blocks.items()
    )
    return Merged(tuple(row for *_, row in shown), total, Split(offset, at, totals), blocks, proven)


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
