"""What every transition is told: when it happens, who acts, and the limits that hold."""

from __future__ import annotations

from typing import Any

import msgspec

from nexus.model import Event, Session


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Limits that the transitions apply; durations in seconds, ``None`` meaning never, sizes in bytes."""

    timeout: float | None = 3600.0
    max_age: float | None = None
    max_checkpoints: int = 100
    max_recoveries: int = 3
    max_state_bytes: int = 1 << 20


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """When, who, and through which channel; ``""`` for what Nexus does by itself, which is no use of a session."""

    now: float
    actor: str
    channel: str

    def event(self, kind: str, session: Session, *, duration: float | None = None, **data: Any) -> Event:
        """A draft of a fact about ``session`` as it is after the change."""
        return Event(
            type=kind,
            ts=self.now,
            session_id=session.id,
            group_id=session.group_id,
            channel=self.channel or None,
            actor=self.actor,
            version=session.version,
            duration=duration,
            data={key: value for key, value in data.items() if value is not None},
        )
