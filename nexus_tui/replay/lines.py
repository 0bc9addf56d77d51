"""The format of a recording: JSON lines, ``nexus-recording/1``.

The first line says what it is: ``{"format": "nexus-recording/1", "recorded_at", "source"}``. What was there when
recording began stands at ``recorded_at``; events of before may be among it. Each further line has a
``kind``: ``event`` (an event as `nexus events -o jsonl` shows it), ``session`` (a session as it was ``at`` a time,
maybe with its ``run``), ``checkpoint`` (with its state), ``group``, or ``gap`` (events were lost before this line).
All shapes are those of the HTTP interface. Readers skip kinds and fields that they don't know.
"""

from __future__ import annotations

from typing import Any

import msgspec

from nexus.channels.wire import shown
from nexus.model import Checkpoint, Event, Group, Run, Session, iso

FORMAT = "nexus-recording/1"


def header(source: str, at: float) -> bytes:
    """The first line.

    Args:
        source: What was recorded, in words and without passwords.
        at: When, in seconds since the epoch.
    """
    return _line({"format": FORMAT, "recorded_at": iso(at), "source": source})


def event_line(event: Event) -> bytes:
    """An event."""
    return _line({"kind": "event", "event": shown.event(event)})


def session_line(session: Session, run: Run | None, at: float) -> bytes:
    """A session as it was at a time, with its run where that is known."""
    line: dict[str, Any] = {"kind": "session", "at": iso(at), "session": shown.session(session)}
    if run is not None:
        line["run"] = shown.run(run)
    return _line(line)


def checkpoint_line(checkpoint: Checkpoint) -> bytes:
    """A checkpoint with its state."""
    return _line({"kind": "checkpoint", "checkpoint": shown.checkpoint(checkpoint)})


def group_line(group: Group, at: float) -> bytes:
    """A group as it was at a time."""
    return _line({"kind": "group", "at": iso(at), "group": shown.group(group)})


def gap_line(at: float) -> bytes:
    """Events were lost before this line."""
    return _line({"kind": "gap", "at": iso(at)})


def _line(value: Any) -> bytes:
    return msgspec.json.encode(value) + b"\n"
