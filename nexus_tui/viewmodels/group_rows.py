"""Groups as rows of a table, and one of them in words."""

from __future__ import annotations

import json

from nexus.model import Group, Status
from nexus_tui.viewmodels.words import NOTHING, STATUS_MARKS, moment, plural, since
from nexus_widgets import Column, Row, Tone, Toned, clean, compact, labelled_bar

_BAR = 16
_SHORT = {
    Status.IN_PROGRESS: "run", Status.ACTIVE: "act", Status.SUSPENDED: "sus", Status.FAILED: "err",
    Status.COMPLETED: "ok", Status.CANCELLED: "can", Status.EXPIRED: "exp",
}  # fmt: skip
"""Words for heads of columns; the pane beneath says them in full."""
_ALWAYS = frozenset({Status.IN_PROGRESS, Status.FAILED})
_ROOM_FOR_ALL = 100


def _count_column(status: Status) -> Column:
    label = f"{STATUS_MARKS[status].glyph} {_SHORT[status]}"
    is_always = status in _ALWAYS
    return Column(
        status.value, label, 5, "right", from_width=0 if is_always else _ROOM_FOR_ALL, priority=5 if is_always else 2
    )


GROUP_COLUMNS = (
    Column("group", "GROUP", 18, "middle", min_width=12, flex=3, priority=9),
    Column("state", "STATE", 9, priority=7),
    Column("done", "DONE", _BAR, priority=8),
    Column("sessions", "SESSIONS", 8, "right", priority=6),
    *(_count_column(status) for status in _SHORT),
    Column("age", "AGE", 6, "right", priority=6),
    Column("owner", "OWNER", 14, min_width=10, flex=1, priority=4),
)


def group_row(group: Group, now: float, *, waited_for: bool) -> Row:
    """A group's row; its key is its id.

    Args:
        group: The group; all its texts are cleaned.
        now: Seconds since the epoch.
        waited_for: Whether somebody here waits for it.
    """
    name = clean(group.id, limit=160)
    state = Toned("◷ awaited", "cat3") if waited_for else group_state(group)
    return Row(
        group.id,
        (
            Toned(name, "muted") if group.ended_at is not None else name,
            state,
            Toned(labelled_bar(group.done, _BAR).plain, "good" if group.done == 1 else "info"),
            compact(group.total),
            *(_count(group, status) for status in _SHORT),
            Toned(since(group.created_at, now), "muted"),
            Toned(clean(group.owner, limit=80), "muted"),
        ),
    )


def group_state(group: Group) -> Toned:
    """Where a group stands: what its sessions still have to do, or that it has ended."""
    if group.ended_at is not None:
        return Toned("✓ ended", "muted")
    for status, word in ((Status.IN_PROGRESS, "at work"), (Status.SUSPENDED, "waits"), (Status.ACTIVE, "active")):
        if group.counts.get(status, 0):
            return Toned(f"{STATUS_MARKS[status].glyph} {word}", STATUS_MARKS[status].tone)
    return Toned("✓ at rest", "good") if group.total else Toned(f"{NOTHING} empty", "muted")


def group_words(group: Group, now: float, *, waited_for: bool) -> list[tuple[str, Toned]]:
    """All that is known of a group, as labelled facts.

    Args:
        group: The group.
        now: Seconds since the epoch.
        waited_for: Whether somebody here waits for it.
    """
    # A glyph stays with its word where the line is broken.
    counts = [f"{mark.glyph}\N{NO-BREAK SPACE}{mark.word}\N{NO-BREAK SPACE}{group.counts[status]:,}"
              for status, mark in STATUS_MARKS.items() if group.counts.get(status, 0)]  # fmt: skip
    made = f"{moment(group.created_at)}, {since(group.created_at, now)} ago, by {clean(group.owner, limit=80)}"
    state = group_state(group)
    waits = "   ◷ you are told when none has work left" if waited_for else ""
    told = f"{state.text}   {plural(group.total, 'session')}, {group.live:,} live{waits}"
    metadata = clean(json.dumps(group.metadata, ensure_ascii=False), limit=600)
    return [
        ("state", Toned(told, state.tone)),
        ("by status", Toned("  ".join(counts) or NOTHING)),
        ("made", Toned(made)),
        *([("ended", Toned(moment(group.ended_at)))] if group.ended_at is not None else []),
        *([("metadata", Toned(metadata, "muted"))] if group.metadata else []),
    ]


def _count(group: Group, status: Status) -> Toned:
    found = group.counts.get(status, 0)
    tone: Tone = STATUS_MARKS[status].tone if found else "muted"
    return Toned(compact(found) if found else NOTHING, tone)
