"""Requests a second and open streams: exactly the limit passes, one more is refused."""

from __future__ import annotations

import pytest

from nexus.errors import LimitExceeded, RateLimited
from nexus.limits import Pace, Seats
from nexus.limits import pace as pacing


class Time:
    """A clock that stands still until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_full_bucket_gives_its_burst_and_no_more() -> None:
    pace = Pace(2, 3, Time())
    assert [pace.take("ann").left for _ in range(3)] == [2, 1, 0]
    with pytest.raises(RateLimited) as caught:
        pace.take("ann")
    assert caught.value.details == {"limit": 2, "setting": "max_requests_per_second", "retry_after": 1}
    assert "max_requests_per_second" in caught.value.message


def test_a_bucket_fills_with_time_up_to_its_burst() -> None:
    clock = Time()
    pace = Pace(0.5, 2, clock)
    pace.take("ann")
    pace.take("ann")
    clock.now += 1
    with pytest.raises(RateLimited) as caught:
        pace.take("ann")
    assert caught.value.details["retry_after"] == 1
    clock.now += 1
    assert pace.take("ann").left == 0
    clock.now += 1000
    assert pace.take("ann").left == 1


def test_waiting_as_long_as_told_is_always_enough() -> None:
    for rate in (0.01, 0.3, 1, 3, 7.7, 999):
        clock = Time()
        pace = Pace(rate, 1, clock)
        pace.take("ann")
        with pytest.raises(RateLimited) as caught:
            pace.take("ann")
        clock.now += caught.value.details["retry_after"]
        pace.take("ann")


def test_actors_have_buckets_of_their_own_and_few_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "_MOST", 2)
    pace = Pace(1, 1, Time())
    for actor in ("ann", "bob", "cy"):
        pace.take(actor)
    pace.take("ann")
    with pytest.raises(RateLimited):
        pace.take("cy")


def test_headers_tell_the_limit_and_what_is_left() -> None:
    assert Pace(2, 5, Time()).take("ann").headers() == [
        ("RateLimit-Policy", '"actor";q=5;w=3'),
        ("RateLimit", '"actor";r=4;t=1'),
    ]


def test_seats_are_limited_for_one_actor_and_for_all() -> None:
    seats = Seats(total=3, each=2)
    leave = seats.take("ann")
    seats.take("ann")
    with pytest.raises(LimitExceeded) as caught:
        seats.take("ann")
    assert caught.value.details["setting"] == "max_streams_per_actor"
    seats.take("bob")
    with pytest.raises(LimitExceeded) as caught:
        seats.take("cy")
    assert (caught.value.details["setting"], caught.value.details["limit"]) == ("max_streams", 3)
    leave()
    leave()
    seats.take("cy")
    with pytest.raises(LimitExceeded):
        seats.take("bob")


def test_no_limit_is_no_limit() -> None:
    seats = Seats(total=0, each=0)
    assert len([seats.take("ann") for _ in range(5000)]) == 5000
