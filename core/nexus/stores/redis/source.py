"""What a filter leaves to look at: which ranges of which index hold every session that can pass."""

from __future__ import annotations

from typing import Final

import msgspec

from nexus.model import Status
from nexus.query import GlobTerm, PathTerm, Query, StatusTerm
from nexus.stores.redis import entries
from nexus.stores.redis.keys import Keys

_HEADED: Final = {"group": "group", "parent": "parent"}
_ALL: Final = frozenset(Status)


class Range(msgspec.Struct, frozen=True):
    """Part of one index: all entries that start with ``head``; what comes behind it sorts by time and id."""

    key: bytes
    head: bytes = b""

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


def source_of(query: Query, keys: Keys) -> Source:
    """Work out where to look."""
    statuses = _statuses(query)
    others = [term for term in query.terms if not isinstance(term, StatusTerm)]
    needs_state = any(isinstance(term, PathTerm) and term.root == "state" for term in others)
    heads = next((found for term in others if (found := _heads(term, keys)) is not None), None)
    if heads is not None:
        return Source(by_created=heads, exact=False, narrow=True, whole=False, needs_state=needs_state)
    whole = statuses == _ALL
    if whole:
        ranges: tuple[Range, ...] = (Range(keys.index["created"]),)
    else:
        ranges = tuple(Range(keys.index["status"], status.encode() + b"\0") for status in sorted(statuses))
    return Source(by_created=ranges, exact=not others, narrow=False, whole=whole, needs_state=needs_state)


def _statuses(query: Query) -> frozenset[Status]:
    found = _ALL
    for term in query.terms:
        if isinstance(term, StatusTerm):
            named = frozenset(term.statuses)
            found = found - named if term.negated else found & named
    return found


def _heads(term: object, keys: Keys) -> tuple[Range, ...] | None:
    if not isinstance(term, GlobTerm) or term.negated or term.field not in _HEADED:
        return None
    literals = {pattern.literal for pattern in term.patterns}
    if None in literals:
        return None
    key = keys.index[_HEADED[term.field]]
    return tuple(Range(key, literal.encode() + b"\0") for literal in sorted(filter(None, literals)))
