"""Windows by rank over several lists are those of the sorted concatenation."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus.stores.strides import FEW, ranks_of, widened
from nexus_tui.merged.ranks import Block, Fetch, Merged, Split, merged_window

Row = tuple[int, str]


class Told:
    """A sorted list that gives windows, and counts what is asked of it.

    Args:
        rows: In order.
        most: How many rows by stride it gives at most, as a store does that looks for each of them.
    """

    def __init__(self, rows: Sequence[Row], most: int = 1000) -> None:
        self.rows = rows
        self.most = most
        self.asked = self.given = 0

    async def fetch(self, offset: int, limit: int, stride: int) -> Block[Row]:
        """Rows by rank."""
        ranks = ranks_of(offset, limit, stride)
        if stride > 1:
            ranks = widened(ranks, len(self.rows), self.most)
        found = self.rows[ranks.start : ranks.stop : ranks.step]
        self.asked, self.given = self.asked + 1, self.given + len(found)
        return Block(offset, found, len(self.rows), ranks.step)


class Moving(Told):
    """One in which rows come and go before each of the first answers.

    Args:
        rows: What it has at first.
        chance: What decides which.
        changes: How often it changes before it rests.
    """

    def __init__(self, rows: Sequence[Row], chance: random.Random, changes: int) -> None:
        super().__init__(rows)
        self.changes = changes
        self._chance = chance

    async def fetch(self, offset: int, limit: int, stride: int) -> Block[Row]:
        """Change, and give rows."""
        if self.changes:
            self.changes -= 1
            gone, size = self._chance.randrange(4), len(self.rows)
            kept = [row for row in self.rows if self._chance.randrange(4) >= gone]
            new = [(self._chance.randrange(500), f"new-{size}-{n}") for n in range(self._chance.randrange(400))]
            self.rows = sorted([*kept, *new])
        return await super().fetch(offset, limit, stride)


def _lists(values: list[list[int]], *, descending: bool, most: int = 1000) -> dict[str, Told]:
    return {
        f"c{place}": Told(sorted(((each, f"{n:06}c{place}") for n, each in enumerate(some)), reverse=descending), most)
        for place, some in enumerate(values)
    }


async def _window(
    told: Mapping[str, Told], offset: int, limit: int, *, descending: bool, known: Split | None = None
) -> Merged[Row]:
    lists: dict[str, Fetch[Row]] = {name: each.fetch for name, each in told.items()}
    return await merged_window(lists, lambda row: row, descending=descending, offset=offset, limit=limit, known=known)


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 900) | st.just(0), min_size=1, max_size=4) | st.just([300] * 12),
    spread=st.integers(1, 400), seed=st.integers(0, 10**6), descending=st.booleans(), limit=st.integers(1, 60),
    shares=st.lists(st.floats(0, 1.05) | st.just(40.0), min_size=1, max_size=4), most=st.sampled_from((1000, FEW, 3)),
)  # fmt: skip
def test_any_window_is_that_of_the_sorted_concatenation(
    sizes: list[int], spread: int, seed: int, descending: bool, limit: int, shares: list[float], most: int
) -> None:
    chance = random.Random(seed)
    # Lists that lie apart as well as lists that are mixed, and many ties.
    values = [[chance.randrange(spread) + chance.choice((0, spread)) for _ in range(size)] for size in sizes]
    told = _lists(values, descending=descending, most=most)
    everything = sorted((row for each in told.values() for row in each.rows), reverse=descending)

    async def check() -> None:
        known: Split | None = None
        for share in shares:
            offset = int(share * len(everything))
            found = await _window(told, offset, limit, descending=descending, known=known)
            assert found.is_proven
            assert found.rows == tuple(everything[offset : offset + limit])
            assert found.total == len(everything)
            known = found.split

    asyncio.run(check())


@settings(max_examples=100, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 2000), min_size=1, max_size=4), seed=st.integers(0, 10**6),
    changes=st.integers(0, 12), share=st.floats(0, 1.05), is_stale=st.booleans(),
)  # fmt: skip
def test_lists_that_change_meanwhile_are_shown_as_they_are_once_they_rest(
    sizes: list[int], seed: int, changes: int, share: float, is_stale: bool
) -> None:
    chance = random.Random(seed)
    told = {
        f"c{place}": Moving(sorted((chance.randrange(500), f"{n:06}c{place}") for n in range(size)), chance, changes)
        for place, size in enumerate(sizes)
    }
    offset = int(share * sum(sizes))

    async def check() -> None:
        known = (await _window(told, 0, 9, descending=False)).split if is_stale else None
        moving = await _window(told, offset, 30, descending=False, known=known)
        assert list(moving.rows) == sorted(moving.rows)
        for each in told.values():
            each.changes = 0
        for split in (known, moving.split):
            found = await _window(told, offset, 30, descending=False, known=split)
            everything = sorted(row for each in told.values() for row in each.rows)
            assert found.is_proven
            assert found.rows == tuple(everything[offset : offset + 30])
            assert found.total == len(everything)

    asyncio.run(check())


@pytest.mark.parametrize("count", [2, 7])
@pytest.mark.parametrize("spread", ["mixed", "apart", "alike", "one value"])
async def test_a_jump_asks_each_list_four_times_or_five_where_they_lie_apart(count: int, spread: str) -> None:
    size = 70_000 // count
    step, shift = {"mixed": (count, 1), "apart": (1, size), "alike": (1, 0), "one value": (0, 0)}[spread]
    told = {f"c{at}": Told([(n * step + shift * at, f"{n:06}{at}") for n in range(size)]) for at in range(count)}
    everything = sorted(row for each in told.values() for row in each.rows)
    for share in (0.1, 0.5, 0.77):
        offset = int(share * len(everything))
        found = await _window(told, offset, 50, descending=False)
        assert found.rows == tuple(everything[offset : offset + 50])
        for each in told.values():
            assert each.asked <= (5 if spread == "apart" else 4)
            assert each.given <= 700
            each.asked = each.given = 0


@pytest.mark.parametrize("seed", [10, 53, 767, 1880])
async def test_lists_of_very_different_lengths_that_overlap_in_part_are_narrowed_until_it_is_proven(seed: int) -> None:
    chance = random.Random(seed)
    count, spread = chance.randrange(1, 7), chance.choice((1, 5, 100, 10**6))
    most, descending = chance.choice((1000, 1000, FEW, 3)), chance.random() < 0.5
    values: list[list[int]] = []
    for place in range(count):
        size = chance.choice((0, 1, 50, 900, 3000, chance.randrange(5000)))
        shift = chance.choice((0, 0, spread, place * spread))
        values.append([chance.randrange(spread) + shift for _ in range(size)])
    told = _lists(values, descending=descending, most=most)
    everything = sorted((row for each in told.values() for row in each.rows), reverse=descending)
    known: Split | None = None
    for _ in range(3):
        offset, limit = int(chance.uniform(0, 1.02) * len(everything)), chance.randrange(1, 60)
        found = await _window(told, offset, limit, descending=descending, known=known)
        assert found.is_proven
        assert found.rows == tuple(everything[offset : offset + limit])
        known = found.split


async def test_scrolling_reads_one_window_of_each_list_and_a_jump_two_rounds_of_landmarks() -> None:
    rows = [Told([(2 * n + place, f"{n:07}") for n in range(1_000_000)]) for place in range(2)]
    told = dict(zip(("a", "b"), rows, strict=True))
    jumped = await _window(told, 777_777, 50, descending=False)
    assert jumped.rows[0][0] == 777_777
    assert [each.asked for each in rows] == [4, 4]
    again = await _window(told, 333_333, 50, descending=False, known=jumped.split)
    assert again.rows[0][0] == 333_333
    assert [each.asked for each in rows] == [7, 7]  # How many rows there are is known by now.
    asked = rows[0].asked
    scrolled = await _window(told, 777_800, 50, descending=False, known=jumped.split)
    assert scrolled.rows[0][0] == 777_800
    assert rows[0].asked == asked + 1
    ended = await _window(told, 2_000_000 - 50, 50, descending=False)
    assert [row[0] for row in ended.rows] == list(range(2_000_000 - 50, 2_000_000))
    assert rows[0].asked == asked + 3


async def test_a_split_that_is_no_longer_true_is_noticed_and_found_anew() -> None:
    told = {"a": Told([(n, "a") for n in range(5000)]), "b": Told([(n, "b") for n in range(5000)])}
    stale = Split(2000, {"a": 2000, "b": 0})
    found = await _window(told, 2000, 20, descending=False, known=stale)
    assert [row[0] for row in found.rows] == [n // 2 for n in range(2000, 2020)]
    assert found.is_proven


async def test_lists_that_shrank_to_less_than_a_rank_show_nothing_there() -> None:
    told = {"a": Told([(n, "a") for n in range(5)]), "b": Told([(n, "b") for n in range(1500)])}
    found = await _window(told, 2000, 20, descending=False, known=Split(2000, {"a": 1000, "b": 1000}))
    assert (found.rows, found.total, found.is_proven) == ((), 1505, True)
    back = await _window(told, 1490, 20, descending=False, known=found.split)
    assert back.rows == tuple((n, "b") for n in range(1485, 1500))
