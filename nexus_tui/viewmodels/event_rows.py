"""Events as rows of a table."""

from __future__ import annotations

from nexus.model import Event
from nexus_tui.viewmodels.event_lines import event_line
from nexus_tui.viewmodels.words import NOTHING, short_id
from nexus_widgets import Column, Row, Toned, clean

EVENT_COLUMNS = (
    Column("time", "TIME", 8, sortable=False, priority=9),
    Column("session", "SESSION", 18, min_width=12, sortable=False, priority=8),
    Column("type", "TYPE", 17, sortable=False, priority=3),
    Column("what", "WHAT HAPPENED", 28, flex=3, sortable=False, priority=7),
    Column("channel", "CH", 4, sortable=False, priority=6),
    Column("actor", "ACTOR", 14, min_width=8, flex=1, sortable=False, priority=5),
    Column("group", "GROUP", 12, min_width=6, sortable=False, priority=2),
    Column("seq", "NO.", 9, "right", sortable=False, priority=1),
)


def event_row(event: Event) -> Row:
    """An event's row; its key is its number.

    Args:
        event: The event; all its texts are cleaned.
    """
    line = event_line(event)
    return Row(
        str(event.seq),
        (
            Toned(line.time, "muted"),
            short_id(event.session_id or event.group_id or NOTHING),
            Toned(clean(event.type, limit=40), "muted"),
            Toned(line.text, line.tone),
            Toned(line.channel, line.channel_tone),
            Toned(line.actor, "muted"),
            Toned(clean(event.group_id, limit=60) if event.group_id else NOTHING, "muted"),
            Toned(f"{event.seq}", "muted"),
        ),
    )
