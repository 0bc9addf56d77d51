"""The audit entry of a change: worked out from what it says, so that no transition can forget it."""

from __future__ import annotations

import time
from typing import Final

from nexus.model import Event
from nexus.model.audit import LONGEST, AuditEntry
from nexus.model.change import Change

SYSTEM: Final = "system"
"""The actor of what Nexus does by itself where no event names one."""

_ACTIONS: Final = {
    "session.forked": "fork",
    "session.reopened": "undo",
    "session.unextended": "undo",
    "session.ended": "end",
    "session.expired": "expire",
    "session.deleted": "delete",
    "session.created": "create",
    "session.resumed": "resume",
    "session.updated": "patch",
    "session.extended": "extend",
    "session.synced": "sync",
    "session.signalled": "signal",
    "group.created": "group.create",
    "group.ended": "group.end",
}
"""What an event shows to have been done. Of several, the first in this order counts: an end also cancels a run."""
_OF_RUNS: Final = ("run.completed", "run.failed", "run.suspended")
"""What counts among the facts that one commit of a run tells."""


def entry_of(change: Change) -> AuditEntry | None:
    """The entry of a change; ``None`` where it changes neither a session nor a group."""
    if change.audit is not None:
        return change.audit
    target = change.session_id or change.group_id
    if target is None:
        return None
    fact = change.events[0] if change.events else None
    group = change.session_id is None
    if group:
        after = None if change.group_after is None else change.group_after.version
    else:
        after = None if change.after is None else change.after.session.version
    return AuditEntry(
        at=round(fact.ts if fact is not None else time.time(), 6),
        actor=(fact.actor if fact is not None else None) or SYSTEM,
        channel=(fact.channel if fact is not None else None) or "",
        action=_action(change),
        target_kind="group" if group else "session",
        target=target,
        reason=_reason(change.events),
        version_before=change.expected,
        version_after=after,
    )


def _action(change: Change) -> str:
    if len(change.events) == 1:  # as most have: nothing is to be chosen
        only = change.events[0].type
        return _ACTIONS.get(only, only)
    kinds = [event.type for event in change.events]
    for kind, action in _ACTIONS.items():
        if kind in kinds:
            return action
    for kind in _OF_RUNS:
        if kind in kinds:
            return kind
    if kinds:
        return kinds[0]
    if change.expected is None:
        return "create"
    return "delete" if change.after is None and change.group_after is None else "update"


def _reason(events: tuple[Event, ...]) -> str | None:
    for event in events:
        if event.type in ("session.ended", "group.ended"):
            given = event.data.get("reason")
            return given[:LONGEST] if isinstance(given, str) else None
    return None
