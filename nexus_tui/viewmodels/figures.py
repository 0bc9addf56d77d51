"""Statistics in words: the counts by status and the figures of the tiles."""

from __future__ import annotations

from nexus.model import Statistics, Status
from nexus_tui.horizon import Expiring
from nexus_tui.viewmodels.words import NOTHING, STATUS_MARKS
from nexus_widgets import Tone, clean, compact, duration

SHORT_ORDER = (Status.IN_PROGRESS, Status.ACTIVE, Status.SUSPENDED, Status.FAILED)
"""What an operator looks at first; the final ones follow where there is room."""

_ABOUT = "≈"


def status_counts(statistics: Statistics | None) -> list[tuple[Status, int]]:
    """How many sessions stand where, in the order of display; every status is there."""
    counts = statistics.by_status if statistics else {}
    return [(status, int(counts.get(status.value, 0))) for status in STATUS_MARKS]


def rate(per_second: float) -> str:
    """A rate: ``0``, ``0.4``, ``12``, ``4,982``."""
    return f"{per_second:.1f}" if 0 < per_second < 10 and per_second != int(per_second) else f"{per_second:,.0f}"


def p95(statistics: Statistics | None, *, approximate: bool = False) -> str:
    """The 95th percentile of durations; a dash before anything has finished, and ``≈`` before an approximate one."""
    if statistics is None or not statistics.finished:
        return NOTHING
    return f"{_ABOUT if approximate else ''}{duration(statistics.p95_duration)}"


def success(statistics: Statistics | None) -> tuple[str, Tone]:
    """The share of finished sessions that completed, and whether that is good."""
    if statistics is None or not statistics.finished:
        return NOTHING, "plain"
    percent = statistics.success_rate
    # 100 is said of all and of nothing less.
    shown = "100 %" if percent >= 100 else f"{min(percent, 99.9):.1f} %"
    return shown, "good" if percent >= 99 else "warn" if percent >= 90 else "bad"


def channel_shares(statistics: Statistics | None, *, least: float = 0.005) -> str:
    """Where sessions came in, the greatest share first: ``api 61 %  mcp 30 %  cli 9 %``."""
    counts = statistics.by_channel if statistics else {}
    whole = sum(counts.values())
    if not whole:
        return ""
    shares = sorted(((name, count / whole) for name, count in counts.items()), key=lambda pair: (-pair[1], pair[0]))
    return "  ".join(f"{clean(name, limit=12)} {share * 100:.0f} %" for name, share in shares if share >= least)


def percentiles(statistics: Statistics | None, *, approximate: bool = False) -> str:
    """The median and the 99th percentile, with ``≈`` where they are approximate."""
    if statistics is None or not statistics.finished:
        return "nothing has ended yet"
    about = _ABOUT if approximate else ""
    return f"p50 {about}{duration(statistics.p50_duration)}  p99 {about}{duration(statistics.p99_duration)}"


def expiring(horizon: Expiring | None) -> tuple[str, Tone]:
    """How many sessions expire soon: ``expiring <5m 14  <1h 310  <1d 2,411``."""
    if horizon is None:
        return "", "muted"
    told = "  ".join(f"<{within} {compact(number)}" for within, number in horizon.counts)
    return f"expiring {told}", "warn" if horizon.counts and horizon.counts[0][1] else "muted"


def turnover(statistics: Statistics | None) -> str:
    """How many come and go."""
    if statistics is None:
        return ""
    return f"+{rate(statistics.created_per_minute)}/min  \u2212{rate(statistics.ended_per_minute)}/min"
