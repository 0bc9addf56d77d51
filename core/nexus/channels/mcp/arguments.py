"""Arguments of the operator tools: one frozen record each, which gives the input schema and does the checking.

The SDK hands arguments on as they came, so everything is checked here: names that don't exist, with the one that
was probably meant; types, without guessing (``"5"`` is no number); ranges.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from nexus.channels.mcp.schemas import Schema, schema_of
from nexus.channels.wire.asked import LONGEST, CheckpointName, Cursor, Filter, Id, Limit, Reason
from nexus.errors import InvalidInput
from nexus.model import jsonvalue
from nexus.service import DEFAULT_LIMIT, DEFAULT_SORT

_PATH = re.compile(r"`\$\.([A-Za-z_]+)")
_MISSING = re.compile(r"missing required field `([A-Za-z_]+)`")

Query = Annotated[
    Filter,
    Meta(
        description="Filter; terms side by side mean and: status:failed,active -status:completed channel:api "
        "workflow:index* group:NAME user:42 age>10m idle<30s step>=10 meta.key=value state.a.b=value, or bare words.",
    ),
]
SessionId = Annotated[Id, Meta(description="The session's id.")]


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all: names that are not listed are refused."""


class ListSessions(Arguments, frozen=True, kw_only=True):
    """``nexus_sessions_list``."""

    q: Query = ""
    sort: Annotated[str, Meta(description="A session field to sort by; - in front for descending.")] = DEFAULT_SORT
    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = None


class GetSession(Arguments, frozen=True, kw_only=True):
    """``nexus_session_get``."""

    session_id: SessionId


class ExtendSession(Arguments, frozen=True, kw_only=True):
    """``nexus_session_extend``."""

    session_id: SessionId
    seconds: Annotated[float, Meta(description="Seconds by which expires_at moves.", ge=-LONGEST, le=LONGEST)]


class EndSession(Arguments, frozen=True, kw_only=True):
    """``nexus_session_end``."""

    session_id: SessionId
    status: Annotated[Literal["completed", "cancelled"], Meta(description="How it ended.")] = "completed"
    reason: Reason | None = None


class ResumeSession(Arguments, frozen=True, kw_only=True):
    """``nexus_session_resume``."""

    session_id: SessionId
    checkpoint_id: CheckpointName | None = None
    inputs: Annotated[dict[str, Any], Meta(description="New inputs; the recorded ones if left out.")] | None = None


class ForkSession(Arguments, frozen=True, kw_only=True):
    """``nexus_session_fork``."""

    session_id: SessionId
    checkpoint_id: CheckpointName | None = None
    new_session_id: Annotated[Id, Meta(description="The new session's id; one is made if left out.")] | None = None


class GetStatistics(Arguments, frozen=True, kw_only=True):
    """``nexus_statistics``."""


class ListEvents(Arguments, frozen=True, kw_only=True):
    """``nexus_events``."""

    session_id: Annotated[Id, Meta(description="Only this session's; the newest of all if left out.")] | None = None
    q: Annotated[Query, Meta(description="Filter over the events' sessions, with type:run.* besides.")] = ""
    limit: Limit = DEFAULT_LIMIT
    cursor: Annotated[Cursor, Meta(description="next_cursor of the page before; needs session_id.")] | None = None
    newest: Annotated[bool, Meta(description="The session's last events instead of its first.")] = False


A = TypeVar("A", bound=Arguments)


def input_schema(kind: type[Arguments]) -> Schema:
    """The JSON Schema of one tool's arguments, in words that every client's validator knows."""
    schema = schema_of(kind)
    for name in ("title", "description", *(() if schema.get("required") else ("required",))):
        schema.pop(name, None)
    _drop_formats(schema)
    return schema


def _drop_formats(node: Any) -> None:
    """Take out formats of our own (``nexus-filter``): strict validators refuse a schema with one they don't know."""
    if isinstance(node, dict):
        if str(node.get("format", "")).startswith("nexus-"):
            del node["format"]
        for value in node.values():
            _drop_formats(value)
    elif isinstance(node, list):
        for value in node:
            _drop_formats(value)


def read(kind: type[A], given: Mapping[str, Any]) -> A:
    """Check and convert what a client sent.

    Raises:
        InvalidInput: Names the argument, what is wrong with it, and what would fit.
    """
    jsonvalue.check(dict(given), "arguments")
    refuse_unknown(given, kind.__struct_fields__)
    try:
        return msgspec.convert(dict(given), kind)
    except msgspec.ValidationError as error:
        raise _named(str(error), given) from None


def refuse_unknown(given: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse names that are not ``known``.

    Raises:
        InvalidInput: Names the first, and the one that was probably meant.
    """
    for name in given:
        if name not in known:
            hint = closest(name, known) or f"; it takes {', '.join(known) or 'none'}"
            raise InvalidInput(f"there is no argument {name[:80]!r}{hint}", field=name[:80])


def closest(name: str, known: Sequence[str]) -> str:
    """``; did you mean X?`` for a name that was probably mistyped, or nothing."""
    close = get_close_matches(name[:200], known, 1)
    return f"; did you mean {close[0]}?" if close else ""


def _named(message: str, given: Mapping[str, Any]) -> InvalidInput:
    missing = _MISSING.search(message)
    if missing is not None:
        return InvalidInput(f"{missing[1]} is missing: give it", field=missing[1])
    found = _PATH.search(message)
    if found is None:
        return InvalidInput(f"the arguments do not fit: {message}", field="arguments")
    rule = message.partition(" - at ")[0].replace("`", "")
    shown = repr(given.get(found[1]))[:80]
    return InvalidInput(f"{found[1]} = {shown} does not fit: {rule[:1].lower()}{rule[1:]}", field=found[1])
