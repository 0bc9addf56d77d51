"""Counters always equal a recount, and percentiles are within one percent."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.lifecycle.counting import bucket, bucket_value, percentile, stale_minutes, statistics


@given(st.floats(1e-5, 1e8))
def test_a_bucket_stands_for_its_durations_within_one_percent(seconds: float) -> None:
    assert bucket_value(bucket(seconds)) == pytest.approx(seconds, rel=0.0101)


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=300), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_percentile_is_within_one_percent_of_the_true_one(durations: list[float], fraction: float) -> None:
    counts = Counter(bucket(value) for value in durations)
    true = next(value for value in sorted(durations) if sum(d <= value for d in durations) >= fraction * len(durations))
    assert percentile(sorted(counts.items()), fraction) == pytest.approx(true, rel=0.0101)


def test_the_99th_percentile_of_few_durations_is_the_longest() -> None:
    assert percentile([(bucket(1.0), 3), (bucket(100.0), 1)], 0.99) == pytest.approx(100.0, rel=0.0101)
    assert percentile([(bucket(1.0), 3), (bucket(100.0), 1)], 0.5) == pytest.approx(1.0, rel=0.0101)


def test_no_time_at_all_is_told_as_zero() -> None:
    assert bucket_value(bucket(0.0)) == 0.0


def test_success_is_the_share_of_completed_among_finished() -> None:
    counters = {"status:completed": 3.0, "status:failed": 1.0, "status:active": 7.0}
    figures = statistics(counters, now=0.0)
    assert figures.success_rate == 75.0
    assert (figures.active, figures.total, figures.finished) == (7, 11, 4)


def test_figures_of_an_empty_store_are_zero() -> None:
    figures = statistics({}, now=0.0)
    assert (figures.avg_duration, figures.p99_duration, figures.success_rate, figures.total) == (0.0, 0.0, 0.0, 0)


def test_minutes_that_nobody_reads_any_more_are_named() -> None:
    now = 1_000_000.0
    minute = int(now // 60)
    counters = {f"minute:created:{minute}": 1.0, f"minute:ended:{minute - 61}": 1.0, "status:active": 1.0}
    assert stale_minutes(counters, now) == [f"minute:ended:{minute - 61}"]


def test_a_success_rate_is_exact_to_a_millionth_of_a_percent() -> None:
    figures = statistics({"status:completed": 2, "status:cancelled": 1}, now=0.0)
    assert figures.success_rate == pytest.approx(200 / 3)
