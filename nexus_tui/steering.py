"""What an operator can do to sessions: each change is a value that says how it is done and what to call it.

Changes go through ``Feed.steer``, which refuses all of them in a read-only console and reports each session's
outcome once its commit is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from nexus.errors import NexusError
from nexus.model import Session
from nexus.service import Service
from nexus_widgets import clean, duration


class Change(Protocol):
    """One change to one session."""

    @property
    def done(self) -> str:
        """What has been done, to stand before the sessions' names: ``extended by 10m:``."""
        ...

    async def apply(self, service: Service, session_id: str) -> Session:
        """Do it.

        Returns:
            The session after it, or the new one that it made.
        """
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a change for one session: the session after it, or why not."""

    session_id: str
    after: Session | None = None
    error: NexusError | None = None


@dataclass(frozen=True, slots=True)
class Extend:
    """Move ``expires_at``."""

    seconds: float

    @property
    def done(self) -> str:
        return f"Extended by {duration(self.seconds)}"

    async def apply(self, service: Service, session_id: str) -> Session:
        return await service.extend_session(session_id, self.seconds)


@dataclass(frozen=True, slots=True)
class End:
    """End as ``completed`` or ``cancelled``, with all live descendants."""

    status: str
    reason: str | None = None

    @property
    def done(self) -> str:
        return f"Ended as {self.status}"

    async def apply(self, service: Service, session_id: str) -> Session:
        return await service.end_session(session_id, status=self.status, reason=self.reason)


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on with the last run, maybe from a checkpoint, maybe with other inputs."""

    checkpoint_id: str | None = None
    inputs: Mapping[str, Any] | None = None

    @property
    def done(self) -> str:
        return f"Resumed from {self.checkpoint_id}" if self.checkpoint_id else "Resumed"

    async def apply(self, service: Service, session_id: str) -> Session:
        return await service.resume_session(session_id, checkpoint_id=self.checkpoint_id, inputs=self.inputs)


@dataclass(frozen=True, slots=True)
class Fork:
    """Copy a checkpoint, or the current state, into a new session."""

    checkpoint_id: str | None = None
    new_session_id: str | None = None

    @property
    def done(self) -> str:
        return f"Forked from {self.checkpoint_id}" if self.checkpoint_id else "Forked"

    async def apply(self, service: Service, session_id: str) -> Session:
        return await service.fork_session(
            session_id, checkpoint_id=self.checkpoint_id, new_session_id=self.new_session_id
        )


@dataclass(frozen=True, slots=True)
class Signal:
    """Leave a signal; a run that waits for it goes on."""

    name: str
    payload: Any = None

    @property
    def done(self) -> str:
        return f"Signal {clean(self.name, limit=60)} left"

    async def apply(self, service: Service, session_id: str) -> Session:
        return await service.signal_session(session_id, self.name, self.payload)
