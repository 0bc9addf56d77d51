"""Counters: what each commit adds, so that statistics cost the same at any size.

All but the per-minute ones describe the sessions that the store keeps, so they always equal a
recount. Durations go into the buckets of a DDSketch (Masson, Rim and Lee, VLDB 2019) with a relative
error of 1 %: bucket i holds (g^(i-1), g^i] with g = 1.01/0.99. Buckets are plain counters, so that
what several processes add merges by itself.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from nexus.model import FINAL, Session, Statistics, Status

_GAMMA = 1.01 / 0.99
_LOG_GAMMA = math.log(_GAMMA)
_SHORTEST = 1e-6
_RATE_MINUTES = 5
MINUTES = "minute:"
"""What the names of counters begin with that describe no session that is kept."""


def bucket(seconds: float) -> int:
    """The sketch's bucket of a duration."""
    return math.ceil(math.log(max(seconds, _SHORTEST)) / _LOG_GAMMA)


def bucket_value(index: int) -> float:
    """The duration that stands for a bucket: within 1 % of everything in it."""
    value = 2 * _GAMMA**index / (_GAMMA + 1)
    return 0.0 if value <= _SHORTEST * _GAMMA else value


def counts_of(
    status: Status, channel: str, workflow: str | None, group_id: str | None, duration: float | None
) -> Iterable[tuple[str, float]]:
    """What a session that is like that adds to each counter for as long as it is kept."""
    yield f"status:{status.value}", 1
    yield f"channel:{channel}", 1
    if workflow is not None:
        yield f"workflow:{workflow}", 1
    if group_id is not None:
        yield f"group:{group_id}:{status.value}", 1
    if status in FINAL and duration is not None:
        yield "duration:count", 1
        yield "duration:sum", duration
        yield f"duration:b:{bucket(duration)}", 1


def _kept(session: Session) -> Iterable[tuple[str, float]]:
    return counts_of(session.status, session.channel, session.workflow, session.group_id, session.duration)


def deltas(before: Session | None, after: Session | None, now: float) -> dict[str, float]:
    """What a change adds to the counters; zero deltas are left out."""
    sums: Counter[str] = Counter()
    if before is not None:
        for name, value in _kept(before):
            sums[name] -= value  # type: ignore[assignment]
    if after is not None:
        for name, value in _kept(after):
            sums[name] += value  # type: ignore[assignment]
    minute = int(now // 60)
    if before is None and after is not None:
        sums[f"{MINUTES}created:{minute}"] += 1
    if after is not None and after.status in FINAL and (before is None or before.status not in FINAL):
        sums[f"{MINUTES}ended:{minute}"] += 1
    return {name: value for name, value in sums.items() if value}


def stale_minutes(counters: Iterable[str], now: float) -> list[str]:
    """Per-minute counters that no statistic reads any more."""
    oldest = int(now // 60) - 60
    return [name for name in counters if name.startswith(MINUTES) and int(name.rsplit(":", 1)[1]) < oldest]


def _labelled(counters: Mapping[str, float], prefix: str) -> dict[str, int]:
    found = {name[len(prefix) :]: int(value) for name, value in counters.items() if name.startswith(prefix)}
    return {name: value for name, value in sorted(found.items()) if value}


def rank(count: int, fraction: float) -> int:
    """Which of ``count`` ascending values, from 0, is the percentile: the nearest rank, so that of few, p99 is the
    largest."""
    return max(0, math.ceil(fraction * count) - 1)


def percentile(buckets: list[tuple[int, int]], fraction: float) -> float:
    """The value at ``fraction`` of what is counted in ascending ``(bucket, count)`` pairs; 0.0 if empty."""
    wanted, seen = rank(sum(count for _, count in buckets), fraction), 0
    for index, count in buckets:
        seen += count
        if seen > wanted:
            return round(bucket_value(index), 6)
    return 0.0


def _per_minute(counters: Mapping[str, float], kind: str, now: float) -> float:
    minute, into = divmod(now, 60)
    whole = range(int(minute) - _RATE_MINUTES + 1, int(minute) + 1)
    seen = sum(counters.get(f"{MINUTES}{kind}:{index}", 0) for index in whole)
    return round(seen / (_RATE_MINUTES - 1 + into / 60), 3)


def statistics(counters: Mapping[str, float], now: float) -> Statistics:
    """The figures from the counters. Rates are a mean over the last five minutes (the current one in part)."""
    by_status = {status.value: int(counters.get(f"status:{status.value}", 0)) for status in Status}
    buckets = sorted((int(name), count) for name, count in _labelled(counters, "duration:b:").items())
    ended = counters.get("duration:count", 0)
    finished = sum(by_status[status] for status in (*FINAL, Status.FAILED))
    return Statistics(
        active=sum(by_status[status] for status in (Status.ACTIVE, Status.IN_PROGRESS, Status.SUSPENDED)),
        total=sum(by_status.values()),
        by_status=by_status,
        by_channel=_labelled(counters, "channel:"),
        by_workflow=_labelled(counters, "workflow:"),
        finished=finished,
        avg_duration=round(counters.get("duration:sum", 0) / ended, 6) if ended > 0 else 0.0,
        p50_duration=percentile(buckets, 0.50),
        p95_duration=percentile(buckets, 0.95),
        p99_duration=percentile(buckets, 0.99),
        success_rate=round(100 * by_status[Status.COMPLETED] / finished, 6) if finished else 0.0,
        created_per_minute=_per_minute(counters, "created", now),
        ended_per_minute=_per_minute(counters, "ended", now),
    )
