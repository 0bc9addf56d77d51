"""Which fields of a result a table shows, in which order, and how a person reads each.

A view works on the contract's JSON values, so that a session looks the same from a store and from a server.
``plain`` is for pipes (exact: ids, numbers, ISO times), ``drawn`` for eyes (ages, glyphs and words).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from nexus.model import Status
from nexus_widgets.text import duration

if TYPE_CHECKING:
    from nexus_widgets.tone import Tone

Shown = Mapping[str, Any]
Toned: TypeAlias = "tuple[str, Tone]"

DASH = "\N{EN DASH}"
"""Stands for nothing, to eyes."""


@dataclass(frozen=True, slots=True)
class Column:
    """One field in a table.

    Args:
        key: The field of the JSON object.
        title: Its heading.
        drawn: How a person reads it; by default as in a pipe.
        right: Numbers stand right.
        flexible: It may be shortened where the terminal is narrow.
        wrapped: It is a sentence, and goes over several lines where the terminal is narrow.
        spare: Left out where the terminal is too narrow for all; the highest first, and never at 0.
    """

    key: str
    title: str
    drawn: Callable[[Any, Shown], Toned] | None = None
    right: bool = False
    flexible: bool = False
    wrapped: bool = False
    spare: int = 0

    def plain(self, item: Shown) -> str:
        """The exact value as text; nothing for ``null``, compact JSON for lists and objects."""
        return plain(item.get(self.key))

    def eye(self, item: Shown) -> Toned:
        """What a person reads, and in which tone."""
        if self.drawn is not None:
            return self.drawn(item.get(self.key), item)
        return self.plain(item) or DASH, "plain"


@dataclass(frozen=True, slots=True)
class View:
    """The columns of one kind of result, and the field that ``-o id`` shows."""

    id: str
    columns: tuple[Column, ...]


def plain(value: Any) -> str:
    """A JSON value as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# The console's words and glyphs come with its theme and with Rich: they are imported when somebody looks.


def _status(value: Any, _: Shown) -> Toned:
    from nexus_tui.viewmodels.words import STATUS_MARKS

    try:
        mark = STATUS_MARKS[Status(value)]
    except ValueError:
        return plain(value), "muted"
    return mark.text, mark.tone


def _channels(value: Any, _: Shown) -> Toned:
    from nexus_tui.viewmodels.words import channel_path, channel_tone

    names = list(value or ())
    return channel_path(names) or DASH, channel_tone(names[-1] if names else None)


def _channel(value: Any, _: Shown) -> Toned:
    from nexus_tui.viewmodels.words import channel_tone

    return value or DASH, channel_tone(value)


def seconds_of(iso: Any) -> float | None:
    """An ISO 8601 time as seconds since the epoch."""
    return datetime.fromisoformat(iso).timestamp() if isinstance(iso, str) else None


def _age(value: Any, _: Shown) -> Toned:
    at = seconds_of(value)
    return (DASH if at is None else duration(max(time.time() - at, 0.0))), "plain"


def in_full(value: str) -> str:
    """A time of one record: when it was or will be, and how far that is from now."""
    away = (seconds_of(value) or 0.0) - time.time()
    return f"{value[:19].replace('T', ' ')}Z, {f'in {duration(away)}' if away > 0 else f'{duration(-away)} ago'}"


TIMES = frozenset({"created_at", "last_activity", "expires_at", "ended_at", "ts"})
"""Fields that are times, in whichever object they are."""


def _left(value: Any, item: Shown) -> Toned:
    at = seconds_of(value)
    if at is None or item.get("ended_at") is not None:
        return DASH if item.get("ended_at") is not None else "never", "muted"
    left = at - time.time()
    return (duration(left) if left > 0 else "now"), "warn" if left < 300 else "plain"


def _moment(value: Any, _: Shown) -> Toned:
    return (value[:19].replace("T", " ") + "Z" if isinstance(value, str) else DASH), "muted"


def _clock(value: Any, _: Shown) -> Toned:
    return (value[11:23] if isinstance(value, str) else DASH), "muted"


def _members(_: Any, item: Shown) -> Toned:
    counts = [(name, count) for name, count in (item.get("by_status") or {}).items() if count]
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts) or DASH, "muted"


def _superseded(value: Any, _: Shown) -> Toned:
    return ("superseded", "muted") if value else ("current", "good")


def _open(value: Any, _: Shown) -> Toned:
    return ("○ open", "good") if value == "open" else ("✓ ended", "muted")


def _outcome(value: Any, item: Shown) -> Toned:
    if value == "drifted":
        return "~ drifted", "warn"
    if value in ("refused", "untried") or item.get("error"):
        return f"✖ {plain(value)}", "bad"
    return f"{'·' if value in ('planned', 'unchanged') else '✓'} {plain(value)}", "good"


def _current(value: Any, item: Shown) -> Toned:
    return (f"● {plain(value)}", "good") if item.get("current") else (f"  {plain(value)}", "plain")


def _place(value: Any, item: Shown) -> Toned:
    return plain(value or item.get("server")), "plain"


def _yes(value: Any, _: Shown) -> Toned:
    return ("yes", "plain") if value else (DASH, "muted")


def _grade(value: Any, _: Shown) -> Toned:
    return {"ok": ("✓ ok", "good"), "warn": ("! warn", "warn")}.get(value, ("✖ fail", "bad"))  # type: ignore[return-value]


def _kept(value: Any, promise: Shown) -> Toned:
    if promise.get("skipped"):
        return f"{DASH} {promise['skipped']}", "muted"
    return ("✓ kept", "good") if value else ("✖ broken", "bad")


def _data(value: Any, _: Shown) -> Toned:
    if not isinstance(value, dict) or not value:
        return "", "muted"
    return "  ".join(f"{key}={plain(item)}" for key, item in value.items()), "muted"


SESSIONS = View(
    "id",
    (
        Column("id", "ID"),
        Column("status", "STATUS", _status),
        Column("workflow", "WORKFLOW", flexible=True),
        Column("channels", "CHANNELS", _channels),
        Column("step", "STEP", right=True),
        Column("last_checkpoint", "CHECKPOINT", spare=4),
        Column("group_id", "GROUP", flexible=True, spare=3),
        Column("created_at", "AGE", _age, right=True),
        Column("expires_at", "EXPIRES", _left, right=True, spare=2),
        Column(
            "last_activity", "ACTIVE", lambda value, item: (f"{_age(value, item)[0]} ago", "muted"), right=True, spare=5
        ),
    ),
)
RUN = View(
    "session_id",
    (
        Column("session_id", "SESSION"),
        Column("run_id", "RUN"),
        Column("workflow", "WORKFLOW"),
        Column("status", "STATUS", _status),
        Column("step", "STEP", right=True),
        Column("last_checkpoint", "CHECKPOINT"),
        Column("error", "ERROR", lambda value, _: (value or DASH, "bad" if value else "muted")),
        Column("outputs", "OUTPUTS"),
    ),
)
GROUPS = View(
    "id",
    (
        Column("id", "ID"),
        Column("status", "STATUS", _open),
        Column("total", "MEMBERS", right=True),
        Column("live", "LIVE", right=True),
        Column("by_status", "BY STATUS", _members, flexible=True),
        Column("created_at", "AGE", _age, right=True),
        Column("owner", "OWNER", flexible=True, spare=2),
    ),
)
NAMESPACES = View(
    "name",
    (
        Column("name", "NAME"),
        Column("created_at", "AGE", _age, right=True),
        Column("removing", "REMOVING", _yes),
        Column("created_by", "MADE BY", flexible=True),
    ),
)
NAMESPACE = View(
    "name",
    (
        Column("name", "NAME"),
        Column("sessions", "SESSIONS", right=True),
        Column("live", "LIVE", right=True),
        Column("groups", "GROUPS", right=True),
        Column("tokens", "TOKENS", right=True),
        Column("created_at", "AGE", _age, right=True),
        Column("removing", "REMOVING", _yes),
        Column("created_by", "MADE BY", flexible=True),
    ),
)
CONTEXTS = View(
    "name",
    (
        Column("name", "NAME", _current),
        Column("store", "PLACE", _place, flexible=True),
        Column("namespace", "NAMESPACE", spare=1),
        Column("token", "TOKEN", _yes),
        Column("read_only", "READ-ONLY", _yes),
    ),
)
AUDIT = View(
    "seq",
    (
        Column("chain", "CHAIN", spare=5),
        Column("seq", "SEQ", right=True),
        Column("at", "AGE", _age, right=True),
        Column("actor", "ACTOR", flexible=True),
        Column("channel", "CHANNEL", spare=2),
        Column("action", "ACTION"),
        Column("target", "TARGET", flexible=True),
        Column("outcome", "OUTCOME", lambda value, _: (value, "bad" if value == "refused" else "plain")),
        Column("code", "CODE", spare=3),
        Column("version_before", "FROM", right=True, spare=1),
        Column("version_after", "TO", right=True, spare=1),
        Column("reason", "REASON", flexible=True, spare=4),
    ),
)
TOKENS = View(
    "name",
    (
        Column("name", "NAME"),
        Column("scope", "SCOPE"),
        Column("created_at", "AGE", _age, right=True),
        Column("last_used_at", "USED", _age, right=True),
        Column("expires_at", "EXPIRES", _left, right=True),
        Column("created_by", "MADE BY", flexible=True),
    ),
)
NEW_TOKEN = View(
    "token",
    (
        Column("name", "NAME"),
        Column("scope", "SCOPE"),
        Column("token", "TOKEN", flexible=True),
        Column("expires_at", "EXPIRES", _left, right=True),
    ),
)
CHECKPOINTS = View(
    "id",
    (
        Column("id", "ID"),
        Column("step", "STEP", right=True),
        Column("workflow", "WORKFLOW", flexible=True),
        Column("run_id", "RUN", spare=1),
        Column("created_at", "MADE", _moment),
        Column("superseded", "HISTORY", _superseded),
    ),
)
EVENTS = View(
    "seq",
    (
        Column("seq", "SEQ", right=True),
        Column("ts", "TIME", _clock),
        Column("session_id", "SESSION", lambda value, item: (value or item.get("group_id") or DASH, "plain")),
        Column("type", "EVENT", lambda value, _: (value, "bad" if str(value).endswith("failed") else "info")),
        Column("channel", "CHANNEL", _channel, spare=1),
        Column("actor", "ACTOR", flexible=True, spare=2),
        Column("data", "DATA", _data, flexible=True),
    ),
)
WORKFLOWS = View(
    "name",
    (
        Column("name", "NAME"),
        Column("inputs", "INPUTS", flexible=True),
        Column("description", "DESCRIPTION", flexible=True),
    ),
)
BULK = View(
    "id",
    (
        Column("id", "ID"),
        Column("action", "ACTION"),
        Column("outcome", "RESULT", _outcome),
        Column("status", "STATUS", _status),
        Column("error", "ERROR", lambda value, _: (value or DASH, "bad" if value else "muted"), flexible=True),
    ),
)
CHANGES = View(
    "path",
    (
        Column("path", "PATH"),
        Column("change", "CHANGE", lambda value, _: (value, _CHANGE_TONES.get(value, "plain"))),
        Column("from", "FROM", flexible=True),
        Column("to", "TO", flexible=True),
    ),
)
_CHANGE_TONES: dict[str, Tone] = {"added": "good", "removed": "bad", "changed": "warn"}
CHECKS = View(
    "check",
    (
        Column("check", "CHECK"),
        Column("grade", "GRADE", _grade),
        Column("found", "FOUND", wrapped=True),
        Column("fix", "FIX", wrapped=True),
    ),
)
PROMISES = View(
    "promise",
    (
        Column("promise", "PROMISE"),
        Column("kept", "KEPT", _kept),
        Column("checked", "CHECKED", right=True),
        Column("unit", "OF", spare=1),
        Column("breaks", "BREAKS", right=True),
        Column("says", "WHAT IT SAYS", wrapped=True),
    ),
)
SETTINGS = View("name", (Column("name", "SETTING"), Column("value", "VALUE"), Column("origin", "FROM")))
FIGURES = View(
    "figure",
    (
        Column("figure", "FIGURE"),
        Column("value", "VALUE", right=True),
    ),
)
RESTORED = View("id", (Column("id", "ID"), Column("status", "STATUS", _status), Column("note", "NOTE", wrapped=True)))
