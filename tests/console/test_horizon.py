"""How many expire soon is asked for rarely, and no more often than needed."""

from __future__ import annotations

from nexus.model import Session, Window
from nexus_tui.horizon import Ask, Horizon


def store_with(counts: dict[str, int], asked: list[str]) -> Ask:
    """A store that has these counts, and takes note of what it is asked."""

    async def ask(q: str) -> Window[Session]:
        asked.append(q)
        return Window(items=(), offset=0, total=counts[q], whole=1000)

    return ask


async def test_counts_stand_from_the_nearest_to_the_farthest() -> None:
    asked: list[str] = []
    horizon = Horizon(lambda: 50.0)
    await horizon.look(store_with({"expires<5m": 2, "expires<1h": 30, "expires<1d": 400}, asked))
    assert horizon.expiring is not None
    assert horizon.expiring.counts == (("5m", 2), ("1h", 30), ("1d", 400))
    assert len(asked) == 3


async def test_where_nothing_expires_within_a_day_nothing_is_asked_of_the_next_hour() -> None:
    asked: list[str] = []
    horizon = Horizon(lambda: 50.0)
    await horizon.look(store_with({"expires<1d": 0}, asked))
    assert horizon.expiring is not None
    assert horizon.expiring.counts == (("5m", 0), ("1h", 0), ("1d", 0))
    assert asked == ["expires<1d"]
