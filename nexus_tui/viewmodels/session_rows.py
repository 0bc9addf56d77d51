"""Sessions as rows of a table: which columns there are, what each cell says, and what each sorts by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from nexus.model import FINAL, Event, Session, Status
from nexus.stores.base import SortField
from nexus_tui.viewmodels.event_lines import event_words
from nexus_tui.viewmodels.words import (
    ID_WIDTH,
    NOTHING,
    STATUS_MARKS,
    channel_path,
    channel_tone,
    moment,
    short_id,
    since,
    span,
    until,
)
from nexus_widgets import Column, Row, Toned, clean
from nexus_widgets.rows import Cell


@dataclass(frozen=True, slots=True)
class Context:
    """What cells need besides their session."""

    now: float
    last_events: Mapping[str, Event]
    """The last event seen of a session; only of those that had one while the console watched."""
    known: bool = True
    """Whether the connection stands; without it a status is only what it was."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column: its place in the table, its cell, and the order it stands for."""

    column: Column
    cell: Callable[[Session, Context], Cell]
    sort: SortField | None = None
    about: str = ""
    """What it says, for the chooser of columns."""


def _status(session: Session, context: Context) -> Cell:
    # Cleanup may not have been by yet: what is past its time is expired, whatever the record says.
    status = Status.EXPIRED if session.is_due(context.now) else session.status
    mark = STATUS_MARKS[status]
    return Toned(mark.text, mark.tone) if context.known else Toned(f"? {mark.word}", "muted")


def _channels(session: Session, _: Context) -> Cell:
    return Toned(channel_path(session.channels), channel_tone(session.channels[-1] if session.channels else None))


def _expires(session: Session, context: Context) -> Cell:
    if session.status in FINAL:
        return Toned(NOTHING, "muted")
    at = session.expires_at
    soon = at is not None and at - context.now < 300
    return Toned(until(at, context.now), "warn" if soon else "plain" if at is not None else "muted")


def _last_event(session: Session, context: Context) -> Cell:
    ago = since(session.last_activity, context.now)
    event = context.last_events.get(session.id)
    return Toned(f"{ago:<5} {event_words(event)}" if event else ago, "muted")


def _text(name: str, limit: int = 200) -> Callable[[Session, Context], Cell]:
    def cell(session: Session, _: Context) -> Cell:
        value = getattr(session, name)
        return Toned(NOTHING, "muted") if value is None else clean(value, limit=limit)

    return cell


def _id(session: Session, _: Context) -> Cell:
    return short_id(session.id)


def _age(session: Session, context: Context) -> Cell:
    return since(session.created_at, context.now)


def _duration(session: Session, _: Context) -> Cell:
    return span(session.duration)


FIELDS: dict[str, Field] = {
    field.column.key: field
    for field in (
        Field(Column("id", "ID", ID_WIDTH, priority=10), _id, SortField.ID, "session id"),
        Field(Column("status", "STATUS", 13, priority=9), _status, SortField.STATUS, "where it stands"),
        Field(
            Column("workflow", "WORKFLOW", 12, min_width=10, flex=3, priority=7),
            _text("workflow"), SortField.WORKFLOW, "workflow of its last run",
        ),
        Field(
            Column("channels", "CH", 7, flex=1, priority=5),
            _channels, SortField.CHANNEL, "channels it was used from, in order",
        ),
        Field(Column("step", "STEP", 5, "right", priority=6), _text("step"), SortField.STEP, "steps completed"),
        Field(Column("age", "AGE", 6, "right", priority=4), _age, SortField.CREATED, "time since it was created"),
        Field(
            Column("expires", "EXPIRES", 7, "right", priority=8),
            _expires, SortField.EXPIRES, "time until it expires",
        ),
        Field(
            Column("last", "LAST EVENT", 13, min_width=9, flex=4, priority=3),
            _last_event, SortField.ACTIVITY, "time since it was last used, and what happened",
        ),
        Field(Column("group", "GROUP", 12, min_width=8, priority=2), _text("group_id"), SortField.GROUP, "its group"),
        Field(Column("user", "USER", 12, min_width=8, priority=2), _text("user_id"), SortField.USER, "its user"),
        Field(Column("owner", "OWNER", 14, min_width=8, priority=1), _text("owner"), None, "who made it"),
        Field(Column("parent", "PARENT", 14, min_width=8, priority=1), _text("parent_id"), None, "its parent"),
        Field(
            Column("checkpoint", "CHECKPOINT", 14, priority=1),
            _text("last_checkpoint"), None, "newest checkpoint of its history",
        ),
        Field(
            Column("duration", "DURATION", 8, "right", priority=1),
            _duration, SortField.DURATION, "from creation to end",
        ),
        Field(Column("version", "VERSION", 7, "right", priority=1), _text("version"), SortField.VERSION, "commits"),
        Field(
            Column("created", "CREATED", 20, priority=1),
            lambda session, _: moment(session.created_at), SortField.CREATED, "when it was created",
        ),
        Field(
            Column("error", "ERROR", 30, min_width=10, flex=2, priority=1),
            _text("error"), None, "what its last run failed with",
        ),
    )
}  # fmt: skip
"""Every column by key, in their order on the screen."""

_CHOSEN = 8
DEFAULT_FIELDS = ("id", "status", "workflow", "channels", "step", "age", "expires", "last")
"""The columns shown until somebody chooses others."""


def columns(keys: Sequence[str]) -> tuple[Column, ...]:
    """The columns of these keys; those without an order of their own can't be sorted by.

    Args:
        keys: Keys of ``FIELDS``, from left to right.
    """
    return tuple(map(_column, keys))


def _column(key: str) -> Column:
    field = FIELDS[key]
    # What somebody chose goes before what is there for everybody when not all of it fits.
    priority = field.column.priority if key in DEFAULT_FIELDS else _CHOSEN
    return replace(field.column, sortable=field.sort is not None, priority=priority)


def session_row(session: Session, keys: Sequence[str], context: Context) -> Row:
    """A session's row; its key is the session's id.

    Args:
        session: The session.
        keys: The columns shown, from left to right.
        context: What cells need besides.
    """
    return Row(session.id, tuple(FIELDS[key].cell(session, context) for key in keys))
