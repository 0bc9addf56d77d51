"""Figures as they were: today's counters, less what the touched sessions add to them now, plus what they added then."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence

from msgspec.structs import replace

from nexus.lifecycle import counting
from nexus.model import FINAL, Event, Group, Session, Statistics
from nexus_tui.history import KEPT, History
from nexus_tui.rewind.lives import Life

DurationAt = Callable[[int], Awaitable[float | None]]
"""The duration at a rank among those of all sessions that had ended then."""
Course = Iterable[tuple[float, float | None, float | None]]
"""When somebody looked, the 95th percentile, and the rate of success, oldest first."""
_ENDS = frozenset({"session.ended", "session.expired"})


def figures_then(today: Statistics, lives: Iterable[Life], events: Sequence[Event], at: float) -> Statistics:
    """All figures but the percentiles, which stay today's.

    Args:
        today: The figures now.
        lives: The sessions that something has happened to since.
        events: What happened up to then, at least in the five minutes before.
        at: Seconds since the epoch.
    """
    counters: Counter[str] = Counter()
    for name, counts in (("status", today.by_status), ("channel", today.by_channel), ("workflow", today.by_workflow)):
        for key, value in counts.items():
            counters[f"{name}:{key}"] += value
    ended = sum(today.by_status.get(status.value, 0) for status in FINAL)
    sums = {"duration:sum": today.avg_duration * ended, "duration:count": float(ended)}
    for life in lives:
        now, then = _counted(life.today), _counted(life.at(at))
        for name in (now.keys() | then.keys()) & sums.keys():
            sums[name] += then.get(name, 0) - now.get(name, 0)
        for name in (now.keys() | then.keys()) - sums.keys():
            counters[name] += int(then.get(name, 0)) - int(now.get(name, 0))
    _count_minutes(counters, events, at)
    found = counting.statistics({**counters, **sums}, at)
    return replace(
        found, p50_duration=today.p50_duration, p95_duration=today.p95_duration, p99_duration=today.p99_duration
    )


def _counted(session: Session | None) -> dict[str, float]:
    if session is None:
        return {}
    return {
        name: value for name, value in counting.deltas(None, session, 0.0).items() if not name.startswith("minute:")
    }


def _count_minutes(counters: Counter[str], events: Sequence[Event], at: float) -> None:
    for event in reversed(events):
        if event.ts < at - 600:
            break
        kind = "created" if event.type == "session.created" else "ended" if event.type in _ENDS else ""
        if kind:
            counters[f"minute:{kind}:{int(event.ts // 60)}"] += 1


async def with_percentiles(found: Statistics, lives: Iterable[Life], at: float, duration_at: DurationAt) -> Statistics:
    """The figures with the percentiles as they were, to the one per cent that they are told to.

    Args:
        found: The other figures.
        lives: The sessions that something has happened to since.
        at: Seconds since the epoch.
        duration_at: Asks for one duration; it is asked only where some have ended or were let go since.
    """
    ended = sum(found.by_status[status.value] for status in FINAL)
    if all(_duration(life.today) == _duration(life.at(at)) for life in lives):
        return found
    if ended <= 0:
        return replace(found, p50_duration=0.0, p95_duration=0.0, p99_duration=0.0)
    durations = await asyncio.gather(*(duration_at(counting.rank(ended, share)) for share in (0.50, 0.95, 0.99)))
    values = [0.0 if value is None else round(counting.bucket_value(counting.bucket(value)), 6) for value in durations]
    return replace(found, p50_duration=values[0], p95_duration=values[1], p99_duration=values[2])


def _duration(session: Session | None) -> float | None:
    return session.duration if session is not None and session.status in FINAL else None


Members = dict[str, Counter[str]]
"""What to add to groups' counts by status."""


def members_then(lives: Iterable[Life], at: float) -> Members:
    """How the counts of groups differ from today's.

    Args:
        lives: The sessions that something has happened to since.
        at: Seconds since the epoch.
    """
    found: Members = {}
    for life in lives:
        for session, sign in ((life.today, -1), (life.at(at), 1)):
            if session is not None and session.group_id is not None:
                found.setdefault(session.group_id, Counter())[session.status.value] += sign
    return found


def group_then(today: Group, members: Members, events: Iterable[Event], at: float) -> Group | None:
    """A group as it was; nothing where it wasn't there yet.

    Args:
        today: The group now.
        members: How its counts differ.
        events: What happened to groups since.
        at: Seconds since the epoch.
    """
    if today.created_at > at:
        return None
    counts = Counter(dict(today.counts))
    for status, number in members.get(today.id, Counter()).items():
        counts[status] += number
    since = [event for event in events if event.group_id == today.id and event.ts > at]
    ended_at = today.ended_at
    if since:
        # What came first since tells what it was: only what was open is ended, and only what had ended opened again.
        ended_at = None if since[0].type == "group.ended" else at
    return replace(today, counts={key: value for key, value in counts.items() if value > 0}, ended_at=ended_at)


def course_until(history: History, course: Course, events: Sequence[Event], at: float, known_from: float) -> None:
    """Fill a history with the seconds before a time; what nobody saw is a gap.

    Args:
        history: To be filled; it is empty.
        course: What was seen of percentile and success.
        events: What happened up to then.
        at: Seconds since the epoch.
        known_from: The time from which on all events are known.
    """
    counts: list[float | None] = [None if at - KEPT + second < known_from - 1 else 0.0 for second in range(KEPT)]
    for event in reversed(events):
        second = KEPT - 1 - int(at - event.ts)
        if second < 0:
            break
        counts[second] = (counts[second] or 0.0) + 1
    history.put_events(counts)
    p95: list[float | None] = [None] * KEPT
    success: list[float | None] = [None] * KEPT
    for ts, one, other in course:
        second = KEPT - 1 - int(at - ts) if ts <= at else -1
        if 0 <= second < KEPT:
            p95[second], success[second] = one, other
    history.p95, history.success = deque(p95, maxlen=KEPT), deque(success, maxlen=KEPT)
