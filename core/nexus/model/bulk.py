"""The same done to many sessions: what is asked, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec

BulkAction = Literal["end", "extend", "resume", "fork", "signal", "patch", "undo"]
Outcome = Literal["done", "unchanged", "planned", "drifted", "refused", "untried"]

BULK_ACTIONS: tuple[str, ...] = get_args(BulkAction)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
MOST_IN_BULK = 10_000
"""Sessions in one request; a filter that matches more is refused, and nothing is done."""


class BulkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, to which sessions.

    Those of ``ids``, or those that ``q`` matches when the request comes. ``versions`` freezes what was seen: a session
    that has another version by now is left alone and told as ``drifted``.
    """

    action: str
    ids: tuple[str, ...] | None = None
    q: str | None = None
    versions: Mapping[str, int] = {}
    dry_run: bool = False
    status: str = "completed"
    reason: str | None = None
    seconds: float = 600.0
    checkpoint_id: str | None = None
    inputs: Mapping[str, Any] | None = None
    name: str | None = None
    payload: Any = None
    patch: Mapping[str, Any] | None = None


class BulkItem(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one session.

    ``outcome`` is ``done``, ``unchanged`` (it was so already), ``planned`` (in a dry run: it would be done),
    ``drifted`` (its version is another than the one given), ``refused`` (``error`` says why), or ``untried`` (the
    store went away).
    """

    session_id: str
    outcome: Outcome
    status: str | None = None
    """The session's status after it, or as it is."""
    version: int | None = None
    made: str | None = None
    """The session that a fork made."""
    error: Mapping[str, Any] | None = None
    """The problem: ``code``, ``title``, ``status``, ``detail`` and ``details``, as HTTP tells problems."""


class BulkReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came of all."""

    action: str
    dry_run: bool
    items: tuple[BulkItem, ...]

    @property
    def matched(self) -> int:
        """How many sessions it was about."""
        return len(self.items)

    @property
    def counts(self) -> dict[str, int]:
        """How many came to which outcome; every outcome is there."""
        found: dict[str, int] = {outcome: 0 for outcome in OUTCOMES}  # noqa: C420 - wider keys
        for item in self.items:
            found[item.outcome] += 1
        return found
