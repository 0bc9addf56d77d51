"""Checkpoints as rows of a table."""

from __future__ import annotations

from collections.abc import Sequence

from nexus.model import Checkpoint
from nexus_tui.viewmodels.branches import Place, branches
from nexus_tui.viewmodels.words import clock_time, since
from nexus_widgets import Column, Row, Tone, Toned, clean

CHECKPOINT_COLUMNS = (
    Column("line", "", 6, sortable=False, priority=5),
    Column("id", "CHECKPOINT", 16, min_width=13, flex=1, sortable=False, priority=9),
    Column("step", "STEP", 6, "right", sortable=False, priority=7),
    Column("age", "AGE", 6, "right", sortable=False, priority=6),
    Column("time", "TIME", 8, sortable=False, priority=3),
    Column("notes", "NOTES", 14, min_width=8, flex=1, sortable=False, priority=4),
)


def checkpoint_rows(
    checkpoints: Sequence[Checkpoint], now: float, places: Sequence[Place] | None = None, current: int | None = None
) -> list[Row]:
    """Newest first. The line at the left runs through the history that counts; branches left behind hang on it.

    Args:
        checkpoints: Ascending.
        now: Seconds since the epoch.
        places: Where each is drawn, the newest first; worked out from what is superseded if not given.
        current: The number that the history which counts has come to; the newest that counts if not given.
    """
    if not checkpoints:
        return []
    if current is None:
        current = max((each.number for each in checkpoints if not each.superseded), default=0)
    drawn = places if places is not None else branches(checkpoints, (), current)
    newest = checkpoints[-1].number
    return [_row(each, now, place, newest, current) for each, place in zip(reversed(checkpoints), drawn, strict=True)]


def _row(checkpoint: Checkpoint, now: float, place: Place, newest: int, current: int) -> Row:
    notes = []
    if checkpoint.superseded:
        notes.append("superseded")
    if checkpoint.pinned:
        notes.append("forked →")
    if checkpoint.number == current:
        notes.append("newest" if current == newest else "here")
    tone: Tone = "muted" if checkpoint.superseded else "plain"
    return Row(
        checkpoint.id,
        (
            Toned(place.line, "muted" if checkpoint.superseded else "info"),
            Toned(clean(checkpoint.id, limit=40), tone),
            Toned(f"{checkpoint.step}", tone),
            Toned(since(checkpoint.created_at, now), tone),
            Toned(clock_time(checkpoint.created_at), "muted"),
            Toned("  ".join(notes), "warn" if checkpoint.superseded else "muted"),
        ),
    )
