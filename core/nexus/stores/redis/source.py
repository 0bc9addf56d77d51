"""What a filter leaves to look at: which ranges of which index hold every session that can pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from nexus.model import Status
from nexus.query import GlobTerm, PathTerm, Query, StatusTerm
from nexus.stores.redis import entries
from nexus.stores.redis.links import Link

_HEADED: Final = {"group": "group", "parent": "parent"}
_ALL: Final = frozenset(Status)


class Range(msgspec.Struct, frozen=True):
    """Part of one index of one shard: all entries that start with ``head``; what comes behind sorts by time and id."""

    key: bytes
    head: bytes = b""
    link: int = 0
    """Which shard."""

    @property
    def ends(self) -> tuple[bytes, bytes]:
        """Its lower and upper end, as Redis takes them."""
        return entries.under(self.head[:-1].decode()) if self.head else (b"-", b"+")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where to look for the sessions that pass."""

    by_created: tuple[Range, ...]
    """Ranges that together hold all that can pass, each sorted by creation."""
    exact: bool
    """Whether everything in the ranges passes."""
    narrow: bool
    """Whether they hold far fewer than all sessions, as one group does."""
    whole: bool
    """Whether they hold all sessions."""
    needs_state: bool
    """Whether the filter looks into the state."""
    due_by: float | None = None
    """A time (seconds since the epoch) by which all that can pass is due, where those are few: they are looked up by
    that, and the ranges aren't walked."""


def ranges_of(links: Sequence[Link], index: str, head: bytes = b"") -> tuple[Range, ...]:
    """The same range of all shards."""
    return tuple([Range(link.keys.index[index], head, number) for number, link in enumerate(links)])


def source_of(query: Query, links: Sequence[Link]) -> Source:
    """Work out where to look."""
    statuses = statuses_of(query)
    others = [term for term in query.terms if not isinstance(term, StatusTerm)]
    needs_state = any(isinstance(term, PathTerm) and term.root == "state" for term in others)
    heads = next((found for term in others if (found := _heads(term, links)) is not None), None)
    if heads is not None:
        return Source(by_created=heads, exact=False, narrow=True, whole=False, needs_state=needs_state)
    whole = statuses == _ALL
    if whole:
        ranges = ranges_of(links, "created")
    else:
        named = [status.encode() + b"\0" for status in sorted(statuses)]
        ranges = tuple(one for head in named for one in ranges_of(links, "status", head))
    return Source(by_created=ranges, exact=not others, narrow=False, whole=whole, needs_state=needs_state)


def statuses_of(query: Query) -> frozenset[Status]:
    """The statuses that the filter's terms on status leave."""
    found = _ALL
    for term in query.terms:
        if isinstance(term, StatusTerm):
            named = frozenset(term.statuses)
            found = found - named if term.negated else found & named
    return found


def _heads(term: object, links: Sequence[Link]) -> tuple[Range, ...] | None:
    if not isinstance(term, GlobTerm) or term.negated or term.field not in _HEADED:
        return None
    literals = {pattern.literal for pattern in term.patterns}
    if None in literals:
        return None
    index = _HEADED[term.field]
    named = sorted(filter(None, literals))
    return tuple(one for literal in named for one in ranges_of(links, index, literal.encode() + b"\0"))
