"""Events in words: one line of the log, and the last word of a session's row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nexus.model import Event, Status
from nexus_tui.viewmodels.words import NOTHING, channel_tone, clock_time
from nexus_widgets import LogEntry, Tone, clean, duration

_TONES: dict[str, Tone] = {
    "session.failed": "bad",
    "run.failed": "bad",
    "session.expired": "warn",
    "run.suspended": "warn",
    "run.recovered": "warn",
    "run.completed": "good",
    "session.created": "info",
    "session.resumed": "info",
    "session.forked": "info",
    "session.reopened": "info",
    "session.unextended": "info",
    "session.restored": "warn",
    "session.deleted": "muted",
}


def event_line(event: Event) -> LogEntry:
    """An event as a line of the log.

    Args:
        event: The event; all its texts are cleaned.
    """
    return LogEntry(
        time=clock_time(event.ts),
        subject=clean(event.session_id or event.group_id or NOTHING, limit=128),
        text=event_words(event),
        channel=clean(event.channel or "", limit=20),
        actor=clean(event.actor or "", limit=60),
        tone=_TONES.get(event.type, "plain"),
        channel_tone=channel_tone(event.channel),
    )


def event_words(event: Event) -> str:
    """What happened, in a few words and inert: ``checkpoint-4 saved``, ``step 37``, ``run failed: no such file``."""
    say = _WORDS.get(event.type)
    if say is not None:
        try:
            return say(event.data)
        except (KeyError, TypeError, ValueError):
            pass  # A newer server may say something else in an event that we know: its type always reads.
    return clean(event.type.removeprefix("session.").replace(".", " "), limit=60)


def words_beside(status: Status, event: Event) -> str:
    """What happened, beside a status that says a part of it: the error of a failure and the reason of an end come
    first, as a narrow column would cut them off."""
    words = _failed(event.data) if event.type == "session.failed" else event_words(event)
    words = words.removeprefix("ended as ").removeprefix("run failed: ")
    return words.removeprefix(f"{status.value}: ")


def _extended(data: Mapping[str, Any]) -> str:
    return f"extended by {duration(float(data['seconds']))}"


def _part(data: Mapping[str, Any], key: str, limit: int = 120) -> str:
    return clean(data[key], limit=limit)


def _ended(data: Mapping[str, Any]) -> str:
    reason = data.get("reason")
    head = f"ended as {_part(data, 'status')}" if "status" in data else "ended"
    return f"{head}: {clean(reason, limit=120)}" if reason else head


def _failed(data: Mapping[str, Any]) -> str:
    error = data.get("error")
    return f"run failed: {clean(error, limit=160)}" if error else "run failed"


def _progress(data: Mapping[str, Any]) -> str:
    total = data.get("total")
    done = f"{_part(data, 'done')} of {clean(total, limit=30)}" if total is not None else _part(data, "done")
    note = data.get("note")
    return f"progress {done}: {clean(note, limit=80)}" if note else f"progress {done}"


_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "session.extended": _extended,
    "session.signalled": lambda data: f"signal {_part(data, 'name')}",
    "session.ended": _ended,
    "session.failed": lambda _: "failed",
    "session.synced": lambda data: f"used from {_part(data, 'target_channel')}",
    "session.forked": lambda data: f"forked from {_part(data, 'source')}",
    "session.reopened": lambda data: f"its end was undone: {_part(data, 'status')} again",
    "session.unextended": lambda _data: "its extension was undone",
    "session.restored": lambda _data: "put back from the archive",
    "session.resumed": lambda data: f"resumed from {_part(data, 'checkpoint_id')}",
    "run.queued": lambda data: f"run queued: {_part(data, 'workflow')}",
    "run.started": lambda data: f"run started: {_part(data, 'workflow')}",
    "run.call": lambda data: f"call {_part(data, 'name')}",
    "run.failed": _failed,
    "run.step": lambda data: f"step {_part(data, 'step')}",
    "run.progress": _progress,
    "run.suspended": lambda data: f"waits for {_part(data, 'signal')}",
    "checkpoint.saved": lambda data: f"{_part(data, 'checkpoint_id')} saved",
}
