"""How many expire soon is asked for rarely, and no more often than needed."""

from __future__ import annotations

from nexus.model import Session, Window
from nexus_tui.horizon import Ask, Horizon, within
from tests.console.world import World


def store_with(counts: dict[str, int], asked: list[str]) -> Ask:
    """A store that has these counts, and takes note of what it is asked."""

    async def ask(q: str) -> Window[Session]:
        asked.append(q)
        return Window(items=(), offset=0, total=counts[q], whole=1000)

    return ask


async def test_counts_stand_from_the_nearest_to_the_farthest() -> None:
    asked: list[str] = []
    horizon = Horizon(lambda: 50.0)
    await horizon.look(
        store_with(
            {
                "status:live,failed expires<5m": 2,
                "status:live,failed expires<1h": 30,
                "status:live,failed expires<1d": 400,
            },
            asked,
        )
    )
    assert horizon.expiring is not None
    assert horizon.expiring.counts == (("5m", 2), ("1h", 30), ("1d", 400))
    assert len(asked) == 3


async def test_where_nothing_expires_within_a_day_nothing_is_asked_of_the_next_hour() -> None:
    asked: list[str] = []
    horizon = Horizon(lambda: 50.0)
    await horizon.look(store_with({"status:live,failed expires<1d": 0}, asked))
    assert horizon.expiring is not None
    assert horizon.expiring.counts == (("5m", 0), ("1h", 0), ("1d", 0))
    assert asked == ["status:live,failed expires<1d"]


async def test_what_has_expired_or_ended_is_not_counted_as_expiring_soon(world: World) -> None:
    await world.service.create_session(session_id="over", timeout=60)
    await world.service.create_session(session_id="ended", timeout=100)
    await world.service.create_session(session_id="soon", timeout=200)
    await world.service.end_session("ended")
    world.clock.at += 61
    assert [each.id for each in (await world.service.window(within("5m"), limit=9)).items] == ["soon"]


async def test_what_expires_soon_is_never_more_than_what_expires_later() -> None:
    horizon = Horizon(lambda: 50.0)
    counts = {f"status:live,failed expires<{text}": number for text, number in (("5m", 9), ("1h", 84), ("1d", 83))}
    await horizon.look(store_with(counts, []))
    assert horizon.expiring is not None
    assert horizon.expiring.counts == (("5m", 9), ("1h", 83), ("1d", 83))
