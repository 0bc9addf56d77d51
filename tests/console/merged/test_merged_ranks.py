"""Windows by rank over several lists are those of the sorted concatenation."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from nexus_tui.merged.ranks import Fetch, Merged, Split, merged_window

Row = tuple[int, str]


class Told:
    """A sorted list that gives windows, and counts what is asked of it."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.asked = self.given = 0

    async def fetch(self, offset: int, limit: int) -> tuple[Sequence[Row], int]:
        """Rows by rank."""
        found = self.rows[offset : offset + limit]
        self.asked, self.given = self.asked + 1, self.given + len(found)
        return found, len(self.rows)


def _lists(values: list[list[int]], *, descending: bool) -> dict[str, Told]:
    return {
        f"c{place}": Told(sorted(((each, f"{n:06}c{place}") for n, each in enumerate(some)), reverse=descending))
        for place, some in enumerate(values)
    }


async def _window(
    told: dict[str, Told], offset: int, limit: int, *, descending: bool, known: Split | None = None
) -> Merged[Row]:
    lists: dict[str, Fetch[Row]] = {name: each.fetch for name, each in told.items()}
    return await merged_window(lists, lambda row: row, descending=descending, offset=offset, limit=limit, known=known)


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 900), min_size=1, max_size=4), spread=st.integers(1, 400),
    seed=st.integers(0, 10**6), descending=st.booleans(), limit=st.integers(1, 60),
    shares=st.lists(st.floats(0, 1.05) | st.just(40.0), min_size=1, max_size=4),
)  # fmt: skip
def test_any_window_is_that_of_the_sorted_concatenation(
    sizes: list[int], spread: int, seed: int, descending: bool, limit: int, shares: list[float]
) -> None:
    chance = random.Random(seed)
    # Lists that lie apart as well as lists that are mixed, and many ties.
    values = [[chance.randrange(spread) + chance.choice((0, spread)) for _ in range(size)] for size in sizes]
    told = _lists(values, descending=descending)
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


async def test_scrolling_reads_one_window_of_each_list_and_a_jump_a_few_rounds_of_single_rows() -> None:
    rows = [Told([(2 * n + place, f"{n:07}") for n in range(1_000_000)]) for place in range(2)]
    told = dict(zip(("a", "b"), rows, strict=True))
    jumped = await _window(told, 777_777, 50, descending=False)
    assert jumped.rows[0][0] == 777_777
    assert max(each.asked for each in rows) <= 20
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
