"""An event: an immutable, numbered fact about a session or a group.

Sessions: ``session.created .updated .synced .extended .unextended .resumed .forked .signalled .failed .ended
.reopened .expired .deleted .restored``; runs: ``run.queued .started .woken .step .call .received .progress
.suspended .recovered .released .settled .completed .failed .cancelled``;
``checkpoint.saved``; groups: ``group.created .ended``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from nexus.model.keyed import Keyed
from nexus.model.session import iso


class Event(Keyed, msgspec.Struct, frozen=True, kw_only=True):
    """One fact. ``seq`` is given by the store at commit and rises; 0 in a draft."""

    type: str
    ts: float
    session_id: str | None = None
    group_id: str | None = None
    channel: str | None = None
    actor: str | None = None
    version: int | None = None
    """The session's version that this commit made."""
    duration: float | None = None
    """Seconds from creation to end; on ``session.ended`` and ``session.expired``."""
    data: dict[str, Any] = {}
    seq: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON values, ``ts`` in ISO 8601."""
        return {
            "seq": self.seq, "type": self.type, "ts": iso(self.ts), "session_id": self.session_id,
            "group_id": self.group_id, "channel": self.channel, "actor": self.actor, "version": self.version,
            "duration": self.duration, "data": self.data,
        }  # fmt: skip


class EventBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Events in order, and the cursor that reads on behind the last of them."""

    events: tuple[Event, ...]
    cursor: str
    trimmed: bool = False
    """Events after the cursor that was given had been deleted: there is a gap before these."""
    cursors: tuple[str, ...] = ()
    """The cursor behind each event, where that is not its ``seq``."""

    def cursor_behind(self, place: int) -> str:
        """The cursor that reads on behind one of the events.

        Args:
            place: Which, from 0.
        """
        return self.cursors[place] if self.cursors else str(self.events[place].seq)
