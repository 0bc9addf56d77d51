"""Figures of several contexts as one: what can be added is added; percentiles are worked out approximately.

A percentile of all is not the sum or the mean of the percentiles of each. Each context's durations are taken as spread
evenly between its percentiles; where the share of all that is shorter reaches the percentile, is the answer. It lies
between the least and the greatest of the contexts' own, and is exact where only one has finished anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from nexus.model import Statistics, Status

_HALVINGS = 50


def added(figures: Sequence[Statistics]) -> Statistics:
    """Figures over all.

    Args:
        figures: Of each; at least one.
    """
    if len(figures) == 1:
        return figures[0]
    by_status = _sums(each.by_status for each in figures)
    finished = sum(each.finished for each in figures)
    ended = [(_ended(each), each) for each in figures if _ended(each)]
    whole = sum(count for count, _ in ended)
    return Statistics(
        active=sum(each.active for each in figures),
        total=sum(each.total for each in figures),
        by_status=by_status,
        by_channel=_sums(each.by_channel for each in figures),
        by_workflow=_sums(each.by_workflow for each in figures),
        finished=finished,
        avg_duration=round(sum(count * each.avg_duration for count, each in ended) / whole, 6) if whole else 0.0,
        p50_duration=_percentile(ended, 0.50, lambda each: each.p50_duration),
        p95_duration=_percentile(ended, 0.95, lambda each: each.p95_duration),
        p99_duration=_percentile(ended, 0.99, lambda each: each.p99_duration),
        success_rate=round(100 * by_status.get(Status.COMPLETED.value, 0) / finished, 6) if finished else 0.0,
        created_per_minute=round(sum(each.created_per_minute for each in figures), 3),
        ended_per_minute=round(sum(each.ended_per_minute for each in figures), 3),
    )


def _sums(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in parts:
        for name, count in part.items():
            # A status that nothing stands at is told as well.
            found[name] = found.get(name, 0) + count
    return found


def _ended(figures: Statistics) -> int:
    """How many have a duration: what failed has not ended."""
    return figures.finished - figures.by_status.get(Status.FAILED.value, 0)


def _percentile(ended: Sequence[tuple[int, Statistics]], share: float, own: Callable[[Statistics], float]) -> float:
    values = [own(each) for _, each in ended]
    if len(set(values)) <= 1:
        return values[0] if values else 0.0
    low, high, whole = min(values), max(values), sum(count for count, _ in ended)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if sum(count * _share_up_to(each, middle) for count, each in ended) < share * whole:
            low = middle
        else:
            high = middle
    return round(high, 6)


def _share_up_to(figures: Statistics, seconds: float) -> float:
    """Which share of a context's durations is at most so long."""
    points = ((0.0, 0.0), (figures.p50_duration, 0.5), (figures.p95_duration, 0.95), (figures.p99_duration, 0.99))
    for (left, low), (right, high) in pairwise(points):
        if seconds < right:
            return low + (high - low) * (seconds - left) / (right - left)
    return 1.0 if seconds > figures.p99_duration else 0.99
