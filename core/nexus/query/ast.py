"""What a filter means: a flat list of terms, all of which must hold.

Every kind of term is a class of its own, so that a store can translate the kinds it can index
and leave the rest to `nexus.query.predicate`. Terms are frozen, hashable and compare by value.
There is no nesting: alternatives live inside one term, as its tuple of values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from nexus.model.status import Status
    from nexus.query.globs import Glob

GlobField = Literal["id", "workflow", "group", "user", "owner", "parent", "run", "checkpoint", "error"]
DurationField = Literal["age", "idle", "expires", "duration"]
NumberField = Literal["step", "version"]
Root = Literal["meta", "state"]
OrderOp = Literal["<", "<=", ">", ">="]
CompareOp = Literal["=", "!=", "<", "<=", ">", ">="]
Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class StatusTerm:
    """The session's status is one of ``statuses``. ``live`` and ``final`` are spelled out by the parser."""

    statuses: tuple[Status, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ChannelTerm:
    """The session has been used from at least one of ``channels``; looks at `Session.channels`."""

    channels: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class GlobTerm:
    """A text field matches at least one of ``patterns``; a field that is ``None`` matches none.

    Case counts, except in ``error``, whose patterns the parser puts between stars when they have
    no wildcard, so that ``error:timeout`` looks for a part. ``field`` is the name in the language: see `ATTRIBUTES` for
    the session's.
    """

    field: GlobField
    patterns: tuple[Glob, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class DurationTerm:
    """A length of time compares with ``seconds``.

    ``age`` is now - created_at; ``idle`` now - last_activity; ``expires`` expires_at - now, and
    matches nothing where expires_at is ``None``; ``duration`` ended_at - created_at, or now -
    created_at for a session that hasn't ended.
    """

    field: DurationField
    op: OrderOp
    seconds: float
    negated: bool = False


@dataclass(frozen=True, slots=True)
class NumberTerm:
    """A counter of the session compares with ``value``."""

    field: NumberField
    op: CompareOp
    value: int
    negated: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PathTerm:
    """A value inside ``metadata`` or ``state`` compares with one of ``values``.

    ``=`` holds when one of ``values`` is equal or matches, ``!=`` when none is; the other
    operators have one value, a number or text. A path that leads nowhere matches nothing, ``!=``
    included. `nexus.query.scalars` has the rules of
    comparison.
    """

    root: Root
    path: tuple[str, ...]
    op: CompareOp
    values: tuple[Scalar | Glob, ...]
    negated: bool = False

    def _key(self) -> tuple[object, ...]:
        # Python holds that True == 1 == 1.0. The language doesn't, and a cache keyed by terms must not.
        kinds = tuple(type(value) for value in self.values)
        return self.root, self.path, self.op, self.values, kinds, self.negated

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, PathTerm) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())


@dataclass(frozen=True, slots=True)
class WordTerm:
    """At least one of ``texts`` stands somewhere in the id, the workflow or the user, whatever its case."""

    texts: tuple[str, ...]
    negated: bool = False


Term = StatusTerm | ChannelTerm | GlobTerm | DurationTerm | NumberTerm | PathTerm | WordTerm


@dataclass(frozen=True, slots=True)
class Query:
    """All of ``terms`` must hold. Without any, every session matches."""

    terms: tuple[Term, ...] = ()


ATTRIBUTES: dict[GlobField, str] = {
    "id": "id",
    "workflow": "workflow",
    "group": "group_id",
    "user": "user_id",
    "owner": "owner",
    "parent": "parent_id",
    "run": "run_id",
    "checkpoint": "last_checkpoint",
    "error": "error",
}
"""The session's attribute behind each field of a `GlobTerm`."""
