"""The states of a session and of a run, and the sets of them that rules speak about."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a session stands (contract, chapter 2)."""

    ACTIVE = "active"
    IN_PROGRESS = "in_progress"
    SUSPENDED = "suspended"
    FAILED = "failed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class RunStatus(StrEnum):
    """Where a run stands. ``in_progress`` includes waiting for a process to take it."""

    IN_PROGRESS = "in_progress"
    SUSPENDED = "suspended"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


LIVE = frozenset({Status.ACTIVE, Status.IN_PROGRESS, Status.SUSPENDED})
RUNNING = frozenset({Status.IN_PROGRESS, Status.SUSPENDED})
FINAL = frozenset({Status.COMPLETED, Status.CANCELLED, Status.EXPIRED})
CHANNELS = ("api", "cli", "mcp", "sdk")
