"""Sessions as rows of a table: which columns there are, what each cell says, and what each sorts by.

To add a column: one ``Field`` in ``FIELDS`` (its place in the table of all columns, its cell, the ``SortField`` that
orders it or ``None``, and what it says); its key in ``STANDARD_FIELDS`` where everybody should see it. The chooser, the
command line, the config file, saved views and the guide of columns read nothing else. A column that only some consoles
need is put between the standard ones by ``columns(keys)``'s caller: ``SessionsPane`` takes the keys to start with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from types import MappingProxyType
from typing import Any

from nexus.model import FINAL, Event, Session, Status
from nexus.stores.base import SortField
from nexus_tui.merged.names import parted
from nexus_tui.merged.standing import Standing
from nexus_tui.viewmodels.event_lines import words_beside
from nexus_tui.viewmodels.words import (
    ID_WIDTH,
    NOTHING,
    STATUS_MARKS,
    channel_path,
    channel_tone,
    moment,
    since,
    span,
    until,
)
from nexus_widgets import Column, Row, Toned, clean
from nexus_widgets.rows import Cell, LateRow


@dataclass(frozen=True, slots=True)
class Context:
    """What cells need besides their session."""

    now: float
    last_events: Mapping[str, Event]
    """The last event seen of a session; only of those that had one while the console watched."""
    known: bool = True
    """Whether the connection stands; without it a status is only what it was."""
    contexts: Standing | None = None
    """The contexts that sessions are in, where they are several."""
    is_doubtful: Callable[[str], bool] = lambda _: False
    """Whether what a session was is not known exactly, in the past."""

    def knows(self, session: Session) -> bool:
        """Whether what a session is can be known now."""
        return self.known and (self.contexts is None or self.contexts.knows(session.id))


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
    if context.is_doubtful(session.id):
        return Toned(f"\u2248 {mark.word}", mark.tone)
    return Toned(mark.text, mark.tone) if context.knows(session) else Toned(f"? {mark.word}", "muted")


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
    return Toned(f"{ago:<5} {words_beside(session.status, event)}" if event else ago, "muted")


def _id(session: Session, context: Context) -> Cell:
    return clean(session.id if context.contexts is None else parted(session.id)[1], limit=200)


def _where(session: Session, context: Context) -> Cell:
    if context.contexts is None:
        return Toned(NOTHING, "muted")
    name = clean(parted(session.id)[0], limit=64)
    return Toned(name) if context.contexts.knows(session.id) else Toned(f"{name} ✖", "bad")


def _text(name: str, limit: int = 200) -> Callable[[Session, Context], Cell]:
    def cell(session: Session, _: Context) -> Cell:
        value = getattr(session, name)
        return Toned(NOTHING, "muted") if value is None else clean(value, limit=limit)

    return cell


def _age(session: Session, context: Context) -> Cell:
    return since(session.created_at, context.now)


def _duration(session: Session, _: Context) -> Cell:
    return span(session.duration)


_ROOMY = 140
"""Cells from which on ids grow."""
FIELDS: dict[str, Field] = {
    field.column.key: field
    for field in (
        Field(
            Column("id", "ID", ID_WIDTH, "middle", flex=3, flex_from=_ROOMY, max_width=40, priority=10),
            _id, SortField.ID, "session id",
        ),
        Field(Column("status", "STATUS", 13, priority=9), _status, SortField.STATUS, "where it stands"),
        Field(
            Column("workflow", "WORKFLOW", 12, min_width=10, flex=3, max_width=36, priority=7),
            _text("workflow"), SortField.WORKFLOW, "workflow of its last run",
        ),
        Field(
            Column("channels", "CH", 7, flex=1, max_width=16, priority=5),
            _channels, SortField.CHANNEL, "channels it was used from, in order",
        ),
        Field(Column("step", "STEP", 5, "right", priority=6), _text("step"), SortField.STEP, "steps completed"),
        Field(Column("age", "AGE", 6, "right", priority=3), _age, SortField.CREATED, "time since it was created"),
        Field(
            Column("expires", "EXPIRES", 7, "right", priority=8),
            _expires, SortField.EXPIRES, "time until it expires",
        ),
        Field(
            Column("last", "LAST EVENT", 16, flex=4, max_width=60, priority=4),
            _last_event, SortField.ACTIVITY, "time since it was last used, and what happened",
        ),
        Field(
            Column("group", "GROUP", 12, min_width=8, flex=1, max_width=24, priority=2),
            _text("group_id"), SortField.GROUP, "its group",
        ),
        Field(
            Column("user", "USER", 12, min_width=8, flex=1, max_width=24, priority=2),
            _text("user_id"), SortField.USER, "its user",
        ),
        Field(
            Column("owner", "OWNER", 14, min_width=8, flex=1, max_width=30, priority=1),
            _text("owner"), None, "who made it",
        ),
        Field(
            Column("parent", "PARENT", 14, "middle", min_width=8, flex=1, max_width=40, priority=1),
            _text("parent_id"), None, "its parent",
        ),
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
            Column("error", "ERROR", 24, min_width=10, flex=4, priority=1),
            _text("error"), None, "what its last run failed with",
        ),
    )
}  # fmt: skip
"""Every column by key, in their order on the screen."""

STANDARD_FIELDS = ("id", "status", "workflow", "channels", "step", "age", "expires", "last")
"""The columns that everybody sees until somebody chooses others."""
_WIDE_FIELDS = {"group": 150, "user": 165, "duration": 180, "owner": 200, "error": 225, "created": 260}
"""Columns that come by themselves, each once the table has so many cells."""
DEFAULT_FIELDS = (*STANDARD_FIELDS, *_WIDE_FIELDS)
"""The columns shown until somebody chooses others, as far as there is room."""
_CHOSEN = 8
_OWN_WIDTH = 14
_OWN = {"meta": "metadata", "state": "state"}
_OWN_KEY = re.compile(r"(meta|state)\.([^\s:,]{1,60})")
_DEEP = 8


WHERE = Field(Column("where", "WHERE", 10, min_width=6, flex=1, priority=9), _where, None, "the context it is in")
"""The column that a table of several contexts begins with, and no other has."""


def field_of(key: str) -> Field | None:
    """The column of a key: one of ``FIELDS``, or ``meta.KEY`` and ``state.KEY`` for a value of a session's own.

    Args:
        key: The key; a dot goes into an object, as in ``meta.customer.name``.
    """
    found = WHERE if key == WHERE.column.key else FIELDS.get(key)
    return found if found is not None else _own(key)


@cache
def _own(key: str) -> Field | None:
    written = _OWN_KEY.fullmatch(key)
    if written is None or not key.isprintable():
        return None
    names = written[2].split(".")
    if len(names) > _DEEP or not all(names):
        return None
    attribute = _OWN[written[1]]

    def cell(session: Session, _: Context) -> Cell:
        value = _value_at(getattr(session, attribute), names)
        return Toned(NOTHING, "muted") if value is None else clean(_short(value), limit=200)

    label = clean(names[-1].upper(), limit=20)
    column = Column(key, label, max(_OWN_WIDTH, min(len(label), 20)), min_width=6, flex=1, max_width=40)
    return Field(column, cell, None, f"what stands in its {attribute} as {clean(written[2], limit=60)}")


def _value_at(value: Any, names: Sequence[str]) -> Any:
    # A key may have dots of its own: the whole name goes before its parts.
    if isinstance(value, Mapping) and (whole := ".".join(names)) in value:
        return value[whole]
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return f"{{{len(value)}}}" if isinstance(value, dict) else f"[{len(value)}]"
    return str(value)


def why_not_sorted(key: str) -> str:
    """Why nothing can be sorted by a column; empty where it can.

    Args:
        key: A column.
    """
    field = field_of(key)
    if field is not None and field.sort is not None:
        return ""
    able = ", ".join(each for each, known in FIELDS.items() if known.sort is not None)
    named = field.column.label.lower() if field is not None else clean(key, limit=30)
    told = "the store keeps no order of it" if field is not None else "there is no such column"
    return f"Can't sort by {named!r}: {told}. Sort by one of {able}"


def columns(keys: Sequence[str], widths: Mapping[str, int] = MappingProxyType({})) -> tuple[Column, ...]:
    """The columns of these keys; those without an order of their own can't be sorted by.

    Args:
        keys: Keys of ``field_of``, from left to right. The default ones come and go with the width of the table.
        widths: Cells that somebody gave to some.
    """
    chosen = tuple(key for key in keys if key != WHERE.column.key) != DEFAULT_FIELDS
    return tuple(_column(key, widths.get(key, 0), chosen=chosen) for key in keys)


def _column(key: str, width: int, *, chosen: bool) -> Column:
    field = field_of(key)
    assert field is not None, key  # noqa: S101  only columns that there are come here
    column = replace(field.column, sortable=field.sort is not None)
    if chosen and key not in STANDARD_FIELDS:
        # What somebody chose goes before what is there for everybody when not all of it fits.
        column = replace(column, priority=_CHOSEN)
    if not chosen:
        column = replace(column, from_width=_WIDE_FIELDS.get(key, 0))
    return replace(column, width=width, min_width=min(column.least, width), flex=0) if width else column


def session_row(session: Session, keys: Sequence[str], context: Context) -> Row:
    """A session's row; its key is the session's id.

    Args:
        session: The session.
        keys: The columns shown, from left to right.
        context: What cells need besides.
    """
    return next(session_rows((session,), keys, context))


def session_rows(sessions: Iterable[Session], keys: Sequence[str], context: Context) -> Iterator[Row]:
    """Sessions' rows, whose cells are made when they are looked at: most rows of a window are not on the screen.

    Args:
        sessions: The sessions.
        keys: The columns shown, from left to right.
        context: What cells need besides; a row tells of the events that were the last ones when it is looked at.
    """
    cells = tuple(field.cell for field in map(field_of, keys) if field is not None)

    def made(session: Session) -> tuple[Cell, ...]:
        return tuple([cell(session, context) for cell in cells])

    for session in sessions:
        yield LateRow(session.id, partial(made, session))
