"""What an operator can do to sessions: each change is a value that says how it is done, and what to call it: in words,
as a command line, and as an HTTP request.

A change of one session goes through ``Feed.steer``; one of many is planned and carried out as bulk requests (see
``nexus_tui.acting``). Both are refused in a read-only console, and told only once their commits are done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from nexus.errors import NexusError
from nexus.model import Session
from nexus.model.bulk import BulkRequest
from nexus.service import Service
from nexus_widgets import clean, duration


class Change(Protocol):
    """One change to one session."""

    @property
    def done(self) -> str:
        """What has been done, to stand before the sessions' names: ``extended by 10m:``."""
        ...

    @property
    def doing(self) -> str:
        """What is to be done, to stand before ``12 sessions``: ``extend by 10m``."""
        ...

    @property
    def undoable(self) -> str:
        """Why it can't be undone; empty for what can."""
        ...

    def bulk(self) -> BulkRequest:
        """The request that does it to many; who they are is left out."""
        ...

    def commands(self, session_ids: Sequence[str]) -> list[tuple[str, ...]]:
        """The command lines that do the same, as arguments behind ``nexus``."""
        ...

    def request(self, session_id: str) -> tuple[str, dict[str, Any]]:
        """The request that does the same to one session: what stands behind ``/sessions/ID``, and the body."""
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
    undoable: ClassVar[str] = ""

    @property
    def done(self) -> str:
        return f"Extended by {duration(self.seconds)}"

    @property
    def doing(self) -> str:
        return f"extend by {duration(self.seconds)}"

    def bulk(self) -> BulkRequest:
        return BulkRequest(action="extend", seconds=self.seconds)

    def commands(self, session_ids: Sequence[str]) -> list[tuple[str, ...]]:
        return [("sessions", "extend", "--seconds", f"{self.seconds:g}", *named(session_ids))]

    def request(self, session_id: str) -> tuple[str, dict[str, Any]]:  # noqa: ARG002  the same for all
        return "extend", {"seconds": self.seconds}

    async def apply(self, service: Service, session_id: str) -> Session:
        return await service.extend_session(session_id, self.seconds)


@dataclass(frozen=True, slots=True)
class End:
    """End as ``completed`` or ``cancelled``, with all live descendants."""

    status: str
    reason: str | None = None
    undoable: ClassVar[str] = ""

    @property
    def done(self) -> str:
        return f"Ended as {self.status}"

    @property
    def doing(self) -> str:
        return f"end as {self.status}"

    def bulk(self) -> BulkRequest:
        return BulkRequest(action="end", status=self.status, reason=self.reason)

    def commands(self, session_ids: Sequence[str]) -> list[tuple[str, ...]]:
        reason = ("--reason", self.reason) if self.reason else ()
        return [("sessions", "end", "--status", self.status, *reason, *named(session_ids))]

    def request(self, session_id: str) -> tuple[str, dict[str, Any]]:  # noqa: ARG002  the same for all
        return "end", _without_nothing({"status": self.status, "reason": self.reason})

    async def apply(self, service: Service, session_id: str) -> Session:
        return await service.end_session(session_id, status=self.status, reason=self.reason)


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on with the last run, maybe from a checkpoint, maybe with other inputs."""

    checkpoint_id: str | None = None
    inputs: Mapping[str, Any] | None = None
    undoable: ClassVar[str] = "a run that goes on can be ended, not taken back"

    @property
    def done(self) -> str:
        return f"Resumed from {self.checkpoint_id}" if self.checkpoint_id else "Resumed"

    @property
    def doing(self) -> str:
        return f"resume from {self.checkpoint_id}" if self.checkpoint_id else "resume"

    def bulk(self) -> BulkRequest:
        return BulkRequest(action="resume", checkpoint_id=self.checkpoint_id, inputs=self.inputs)

    def commands(self, session_ids: Sequence[str]) -> list[tuple[str, ...]]:
        where = ("--checkpoint", self.checkpoint_id) if self.checkpoint_id else ()
        inputs = () if self.inputs is None else ("--inputs", json.dumps(self.inputs, ensure_ascii=False))
        return [("sessions", "resume", "--background", *where, *inputs, *named(session_ids))]

    def request(self, session_id: str) -> tuple[str, dict[str, Any]]:  # noqa: ARG002  the same for all
        body = {"checkpoint_id": self.checkpoint_id, "inputs": self.inputs, "background": True}
        return "resume", _without_nothing(body)

    async def apply(self, service: Service, session_id: str) -> Session:
        return await service.resume_session(session_id, checkpoint_id=self.checkpoint_id, inputs=self.inputs)


@dataclass(frozen=True, slots=True)
class Fork:
    """Copy a checkpoint, or the current state, into a new session."""

    checkpoint_id: str | None = None
    new_session_id: str | None = None
    undoable: ClassVar[str] = "a fork is a session of its own: end it"

    @property
    def done(self) -> str:
        return f"Forked from {self.checkpoint_id}" if self.checkpoint_id else "Forked"

    @property
    def doing(self) -> str:
        return f"fork from {self.checkpoint_id}" if self.checkpoint_id else "fork"

    def bulk(self) -> BulkRequest:
        return BulkRequest(action="fork", checkpoint_id=self.checkpoint_id)

    def commands(self, session_ids: Sequence[str]) -> list[tuple[str, ...]]:
        where = ("--checkpoint", self.checkpoint_id) if self.checkpoint_id else ()
        new = ("--as", self.new_session_id) if self.new_session_id else ()
        return [("sessions", "fork", *where, *new, *named([each])) for each in session_ids]

    def request(self, session_id: str) -> tuple[str, dict[str, Any]]:  # noqa: ARG002  the same for all
        return "fork", _without_nothing({"checkpoint_id": self.checkpoint_id, "session_id": self.new_session_id})

    async def apply(self, service: Service, session_id: str) -> Session:
        return await service.fork_session(
            session_id, checkpoint_id=self.checkpoint_id, new_session_id=self.new_session_id
        )


@dataclass(frozen=True, slots=True)
class Signal:
    """Leave a signal; a run that waits for it goes on."""

    name: str
    payload: Any = None
    undoable: ClassVar[str] = "a signal that is left may be taken at once"

    @property
    def done(self) -> str:
        return f"Signal {clean(self.name, limit=60)} left"

    @property
    def doing(self) -> str:
        return f"leave signal {clean(self.name, limit=60)} in"

    def bulk(self) -> BulkRequest:
        return BulkRequest(action="signal", name=self.name, payload=self.payload)

    def commands(self, session_ids: Sequence[str]) -> list[tuple[str, ...]]:
        what = () if self.payload is None else ("--payload", json.dumps(self.payload, ensure_ascii=False))
        return [("sessions", "signal", *what, *named([each, self.name])) for each in session_ids]

    def request(self, session_id: str) -> tuple[str, dict[str, Any]]:  # noqa: ARG002  the same for all
        return "signal", {"name": self.name, "payload": self.payload}

    async def apply(self, service: Service, session_id: str) -> Session:
        return await service.signal_session(session_id, self.name, self.payload)


@dataclass(frozen=True, slots=True)
class Patch:
    """Apply a JSON merge patch to the state."""

    patch: Mapping[str, Any]
    if_version: int | None = None
    undoable: ClassVar[str] = "what the state was is in its checkpoints, not in the patch"

    @property
    def done(self) -> str:
        return "State patched"

    @property
    def doing(self) -> str:
        return "patch the state of"

    def bulk(self) -> BulkRequest:
        return BulkRequest(action="patch", patch=self.patch)

    def commands(self, session_ids: Sequence[str]) -> list[tuple[str, ...]]:
        version = () if self.if_version is None else ("--if-version", str(self.if_version))
        text = json.dumps(self.patch, ensure_ascii=False)
        return [("sessions", "update", *version, *named([each, text])) for each in session_ids]

    def request(self, session_id: str) -> tuple[str, dict[str, Any]]:  # noqa: ARG002  the same for all
        return "", dict(self.patch)

    async def apply(self, service: Service, session_id: str) -> Session:
        return await service.patch_session(session_id, self.patch, if_version=self.if_version)


@dataclass(frozen=True, slots=True)
class Undo:
    """Take the last change back, where that was an end or an extension."""

    if_version: int | None = None
    undoable: ClassVar[str] = "what was undone can be done again"

    @property
    def done(self) -> str:
        return "Undone"

    @property
    def doing(self) -> str:
        return "undo"

    def bulk(self) -> BulkRequest:
        return BulkRequest(action="undo")

    def commands(self, session_ids: Sequence[str]) -> list[tuple[str, ...]]:
        return [("sessions", "undo", *named(session_ids))]

    def request(self, session_id: str) -> tuple[str, dict[str, Any]]:  # noqa: ARG002  the same for all
        return "undo", {}

    async def apply(self, service: Service, session_id: str) -> Session:
        return await service.undo_session(session_id, if_version=self.if_version)


def named(arguments: Sequence[str]) -> tuple[str, ...]:
    """Ids as a command line's last arguments: one may begin with a dash, and must not read as an option.

    Args:
        arguments: The ids, and what follows them.
    """
    return ("--", *arguments) if any(each.startswith("-") for each in arguments) else tuple(arguments)


def _without_nothing(body: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if value is not None}
