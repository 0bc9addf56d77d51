"""Data for the demos: the same at every start, without a clock and without chance."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from nexus_widgets.columns import Column
from nexus_widgets.filter_hints import Completion
from nexus_widgets.log_ring import LogEntry
from nexus_widgets.rows import Row, RowWindow
from nexus_widgets.text import duration
from nexus_widgets.timeline_points import PointKind, TimelinePoint
from nexus_widgets.tone import Tone, Toned

STATUSES: tuple[tuple[str, Tone], ...] = (
    ("▶ in progress", "info"),
    ("○ active", "plain"),
    ("✔ completed", "good"),
    ("‖ suspended", "warn"),
    ("✖ failed", "bad"),
    ("✔ completed", "good"),
    ("◇ expired", "muted"),
)
CHANNELS: tuple[tuple[str, Tone], ...] = (("api", "cat1"), ("cli", "cat2"), ("mcp", "cat3"), ("sdk", "cat4"))
WORKFLOWS = ("index-files", "import-orders", "summarise-thread", "nightly-report", "resize-images")
LAST_EVENTS = ("step done", "checkpoint saved", "signal received", "run started", "state updated")
ACTORS = ("alice", "bob", "local:carol", "ci-runner")

COLUMNS = (
    Column("id", "ID", 14, min_width=12, priority=9),
    Column("status", "STATUS", 14, min_width=13, priority=8),
    Column("workflow", "WORKFLOW", 18, min_width=8, flex=1, priority=6),
    Column("channel", "CH", 4, priority=3),
    Column("step", "STEP", 6, justify="right", priority=4),
    Column("age", "AGE", 6, justify="right", priority=5),
    Column("expires", "EXPIRES", 8, justify="right", priority=2),
    Column("last", "LAST EVENT", 18, min_width=10, flex=1, sortable=False, priority=1),
)


def sample_row(number: int) -> Row:
    """Make one session's row.

    Args:
        number: Which session.
    """
    status, tone = STATUSES[number % 7]
    channel, channel_tone = CHANNELS[(number * 5 + number // 3) % 4]
    return Row(
        f"session-{number}",
        (
            f"session-{number}",
            Toned(status, tone),
            WORKFLOWS[(number * 3 + number // 5) % 5],
            Toned(channel, channel_tone),
            str((number * 37) % 149),
            duration((number * 997) % 90_000),
            Toned("55m" if number % 4 else "48s", "plain" if number % 4 else "warn"),
            Toned(LAST_EVENTS[(number * 7) % 5], "muted"),
        ),
    )


@dataclass
class SampleSource:
    """A row source of any length that makes its rows when they are asked for."""

    total: int = 1_000_000
    reverse: bool = False
    shift: int = field(default=0)
    """Rows by which the order has moved on."""

    async def window(self, offset: int, limit: int) -> RowWindow:
        """Make consecutive rows."""
        stop = min(offset + limit, self.total)
        return RowWindow(offset, tuple(sample_row(self._number(index)) for index in range(offset, stop)), self.total)

    async def locate(self, key: str) -> int | None:
        """Find a row by its key."""
        number = int(key.removeprefix("session-"))
        index = (self.total - 1 - number if self.reverse else number) + self.shift
        return index % self.total if self.total else None

    def _number(self, index: int) -> int:
        number = (index - self.shift) % self.total
        return self.total - 1 - number if self.reverse else number


def wave(count: int, period: float = 40.0, noise: float = 0.2) -> list[float]:
    """Make a series that goes up and down.

    Args:
        count: Values.
        period: Values from one top to the next.
        noise: Share of a second, faster wave.
    """
    return [
        (math.sin(number / period * math.tau) + 1) / 2 * (1 - noise) + (math.sin(number * 1.7) + 1) / 2 * noise + 0.05
        for number in range(count)
    ]


def state(step: int) -> dict[str, object]:
    """Make a session's state as it was at a step.

    Args:
        step: Which step.
    """
    return {
        "cursor": {"page": step, "token": f"tok_{step:04}"},
        "files": [{"path": f"docs/chapter-{number}.md", "size": 1024 * (number + 1)} for number in range(step)],
        "done": step > 3,
        "ratio": round(step / 7, 3),
        "owner": None,
        "odd key with spaces": 'quotes " and a tab\tinside',
        "labels": ["nightly", "eu-west"] if step < 4 else ["nightly", "eu-west", "retry"],
        "limits": {"retries": 3, "budget": {"tokens": 250_000, "spent": step * 31_250}},
    }


def entries(count: int) -> list[LogEntry]:
    """Make log entries.

    Args:
        count: How many.
    """
    made: list[LogEntry] = []
    for number in range(count):
        channel, tone = CHANNELS[(number * 5) % 4]
        failed = number % 11 == 10
        text = f"✖ run failed: order {number} has no address" if failed else f"checkpoint-{number % 9 + 1} saved"
        made.append(
            LogEntry(
                time=f"{3 + number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}",
                subject=f"session-{(number * 13) % 400}",
                text=text,
                channel=channel,
                actor=ACTORS[number % 4],
                tone="bad" if failed else "plain",
                channel_tone=tone,
            )
        )
    return made


def points(count: int) -> list[TimelinePoint]:
    """Make the points of a session's life.

    Args:
        count: How many.
    """
    made: list[TimelinePoint] = []
    ts = 0.0
    for number in range(count):
        channel, tone = CHANNELS[number // 6 % 3]
        kind: PointKind = "step"
        if number == 0:
            kind = "run"
        elif number % 17 == 16:
            kind = "error"
        elif number % 13 == 12:
            kind = "signal"
        elif number % 5 == 4:
            kind = "checkpoint"
        label = {"checkpoint": f"checkpoint-{number // 5 + 1} saved", "error": "rate limited, retried"}.get(
            kind, f"{kind} {number}"
        )
        made.append(TimelinePoint(ts, label, kind, channel, "bad" if kind == "error" else tone))
        ts += 3.0 + (number * 7) % 11 + (60.0 if number % 9 == 8 else 0.0)
    return made


FILTER_WORDS = (
    Completion("status:", "one or more, apart by commas"),
    Completion("channel:", "api, cli, mcp or sdk"),
    Completion("workflow:", "a name, * for any part"),
    Completion("age>", "older than: 10m, 2h, 3d"),
    Completion("idle<", "used within: 30s"),
    Completion("expires<", "about to expire: 5m"),
)
STATUS_WORDS = ("active", "in_progress", "suspended", "failed", "completed", "cancelled", "expired")


def complete(text: str, cursor: int) -> list[Completion]:
    """Complete a filter.

    Args:
        text: What is written.
        cursor: Where, in characters.
    """
    word = text[:cursor].rsplit(" ", 1)[-1]
    if word.startswith("status:"):
        start = cursor - len(word.removeprefix("status:").rsplit(",", 1)[-1])
        return [Completion(each, start=start) for each in STATUS_WORDS if each.startswith(text[start:cursor])]
    return [each for each in FILTER_WORDS if word and each.insert.startswith(word) and each.insert != word]
