"""The moments of a session's history: points of its timeline, each with the state that was there then."""

from __future__ import annotations

from dataclasses import dataclass

from nexus.model import Checkpoint, Event, Session
from nexus_tui.viewmodels.event_lines import event_words
from nexus_tui.viewmodels.words import channel_tone, clock_time
from nexus_widgets import TimelinePoint, clean
from nexus_widgets.timeline_points import PointKind

_KINDS: dict[str, PointKind] = {
    "checkpoint.saved": "checkpoint",
    "run.started": "run",
    "run.completed": "run",
    "run.recovered": "run",
    "run.failed": "error",
    "session.signalled": "signal",
}
_GLYPHS = {
    "run.completed": "✓",
    "run.suspended": "‖",
    "run.cancelled": "⊘",
    "run.recovered": "↻",
    "session.created": "○",
    "session.resumed": "↺",
    "session.extended": "+",
    "session.ended": "■",
    "session.expired": "◷",
}
_UNTOLD = frozenset({"session.updated", "session.failed", "run.progress", "run.queued", "run.released", "run.woken"})
"""Events that say again what another beside them says, or that come too often to be points."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of the timeline and the checkpoint that held then.

    ``checkpoint_id`` is ``None`` before the first checkpoint, and at the last moment, which is now.
    """

    point: TimelinePoint
    checkpoint_id: str | None = None
    is_now: bool = False


def moments(
    session: Session,
    checkpoints: tuple[Checkpoint, ...],
    events: tuple[Event, ...],
    now: float,
    word: str = "now",
) -> tuple[Moment, ...]:
    """A session's history, oldest first, with now as its last moment.

    Args:
        session: The session.
        checkpoints: All that are kept, ascending.
        events: Its newest events, ascending.
        now: Seconds since the epoch. Of a session that is over, the last moment stands where it ended.
        word: What the last moment is called.
    """
    first = events[0].ts if events else now
    told = {str(event.data.get("checkpoint_id")) for event in events if event.type == "checkpoint.saved"}
    # Events may have been trimmed, or be more than were read: checkpoints from before them are told all the same.
    found = [
        Moment(_checkpoint_point(session, each), each.id)
        for each in checkpoints
        if each.id not in told and each.created_at <= first
    ]
    kept = {each.id for each in checkpoints}
    held = found[-1].checkpoint_id if found else None
    for event in events:
        if event.type in ("checkpoint.saved", "session.resumed"):
            named = event.data.get("checkpoint_id")
            held = named if isinstance(named, str) and named in kept else held
        if event.type not in _UNTOLD:
            found.append(Moment(_event_point(event), held))
    # What is over takes no more room with the time that goes by.
    end = now if session.ended_at is None else session.ended_at
    end = max(end, found[-1].point.ts if found else end)
    last = TimelinePoint(end, word, "step", lane=_lane(session.channels[-1] if session.channels else ""),
                         tone=channel_tone(session.channels[-1] if session.channels else ""), glyph="◉")  # fmt: skip
    return (*found, Moment(last, is_now=True))


def _event_point(event: Event) -> TimelinePoint:
    glyph = _GLYPHS.get(event.type, "")
    kind = _KINDS.get(event.type, "step")
    tone = "bad" if kind == "error" else channel_tone(event.channel)
    words = f"{clock_time(event.ts)}  {event_words(event)}  {clean(event.actor or '', limit=40)}"
    return TimelinePoint(event.ts, words, kind, _lane(event.channel), tone, glyph)


def _checkpoint_point(session: Session, checkpoint: Checkpoint) -> TimelinePoint:
    words = f"{clock_time(checkpoint.created_at)}  {checkpoint.id} saved"
    return TimelinePoint(
        checkpoint.created_at, words, "checkpoint", _lane(session.channel), channel_tone(session.channel)
    )


def _lane(channel: str | None) -> str:
    return clean(channel or "", limit=8)
