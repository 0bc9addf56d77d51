"""The fields of the language: one table behind the parser, the completion and the error messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from nexus.model.status import FINAL, LIVE, Status
from nexus.query.ast import OrderOp

Kind = Literal["status", "channel", "glob", "duration", "number", "path"]


@dataclass(frozen=True, slots=True)
class Field:
    """What a term may start with.

    Args:
        name: As it is written; ``meta`` and ``state`` are followed by ``.path``.
        kind: Which term it makes.
        detail: A few words for a list of completions.
        example: One term that parses.
    """

    name: str
    kind: Kind
    detail: str
    example: str


FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("status", "status", "where the session stands", "status:failed,active"),
        Field("channel", "channel", "a channel it has been used from", "channel:api"),
        Field("workflow", "glob", "name of the workflow", "workflow:index*"),
        Field("group", "glob", "group it belongs to", "group:batch-7"),
        Field("user", "glob", "user id", "user:42"),
        Field("owner", "glob", "who made it", "owner:local:*"),
        Field("parent", "glob", "id of its parent", "parent:sess_01*"),
        Field("id", "glob", "session id", "id:sess_01*"),
        Field("run", "glob", "id of its current or last run", "run:run_01*"),
        Field("checkpoint", "glob", "its last checkpoint", "checkpoint:checkpoint-3"),
        Field("error", "glob", "part of the error's text", "error:timeout"),
        Field("age", "duration", "time since it was created", "age>10m"),
        Field("idle", "duration", "time since it was last used", "idle<30s"),
        Field("expires", "duration", "time until it expires", "expires<5m"),
        Field("duration", "duration", "time from its start to its end, or until now", "duration>2h"),
        Field("step", "number", "steps completed", "step>=10"),
        Field("version", "number", "commits so far", "version>3"),
        Field("meta", "path", "a value in the metadata", "meta.organization=acme-corp"),
        Field("state", "path", "a value in the state", "state.user.tier=gold"),
    )
}
"""Every field by name, in the order they are offered."""

ALIASES: dict[str, str] = {
    "channels": "channel",
    "group_id": "group",
    "last_checkpoint": "checkpoint",
    "metadata": "meta",
    "parent_id": "parent",
    "run_id": "run",
    "session_id": "id",
    "user_id": "user",
}
"""Names that a session's JSON has for them."""

OPERATORS: dict[Kind, tuple[str, ...]] = {
    "status": (":", "=", "!="),
    "channel": (":", "=", "!="),
    "glob": (":", "=", "!="),
    "duration": get_args(OrderOp),
    "number": (":", "=", "!=", "<", "<=", ">", ">="),
    "path": (":", "=", "!=", "<", "<=", ">", ">="),
}
"""The operators that each kind of field takes. ``:`` reads wildcards, ``=`` compares exactly."""

SPELLINGS: dict[str, str] = {
    "==": "=",
    ":=": "=",
    ":!=": "!=",
    ":<": "<",
    ":<=": "<=",
    ":>": ">",
    ":>=": ">=",
}
"""Other ways to write an operator, as other filter boxes have them."""

STATUS_SETS: dict[str, tuple[Status, ...]] = {
    **{status.value: (status,) for status in Status},
    "canceled": (Status.CANCELLED,),
    "live": tuple(status for status in Status if status in LIVE),
    "final": tuple(status for status in Status if status in FINAL),
}
"""What may stand after ``status:``, and the statuses that it means."""


def find_field(written: str) -> Field | None:
    """The field of this name or alias, in any case."""
    lowered = written.lower()
    return FIELDS.get(ALIASES.get(lowered, lowered))
