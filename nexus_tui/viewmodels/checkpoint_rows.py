"""Checkpoints as rows of a table."""

from __future__ import annotations

from collections.abc import Sequence

from nexus.model import Checkpoint
from nexus_tui.viewmodels.words import clock_time, since
from nexus_widgets import Column, Row, Tone, Toned, clean

CHECKPOINT_COLUMNS = (
    Column("line", "", 3, sortable=False, priority=5),
    Column("id", "CHECKPOINT", 16, min_width=13, flex=1, sortable=False, priority=9),
    Column("step", "STEP", 6, "right", sortable=False, priority=7),
    Column("age", "AGE", 6, "right", sortable=False, priority=6),
    Column("time", "TIME", 8, sortable=False, priority=3),
    Column("notes", "NOTES", 14, min_width=8, flex=1, sortable=False, priority=4),
)


def checkpoint_rows(checkpoints: Sequence[Checkpoint], now: float) -> list[Row]:
    """Newest first. The line at the left runs through the history that counts; branches left behind stand beside it.

    Args:
        checkpoints: Ascending.
        now: Seconds since the epoch.
    """
    return [_row(each, now, newest=each is checkpoints[-1]) for each in reversed(checkpoints)]


def _row(checkpoint: Checkpoint, now: float, *, newest: bool) -> Row:
    notes = []
    if checkpoint.superseded:
        notes.append("superseded")
    if checkpoint.pinned:
        notes.append("forked")
    if newest and not checkpoint.superseded:
        notes.append("newest")
    tone: Tone = "muted" if checkpoint.superseded else "plain"
    line = Toned("│◇", "muted") if checkpoint.superseded else Toned("◆", "info")
    return Row(
        checkpoint.id,
        (
            line,
            Toned(clean(checkpoint.id, limit=40), tone),
            Toned(f"{checkpoint.step}", tone),
            Toned(since(checkpoint.created_at, now), tone),
            Toned(clock_time(checkpoint.created_at), "muted"),
            Toned("  ".join(notes), "warn" if checkpoint.superseded else "muted"),
        ),
    )
