"""A process that executes runs, and how long it is believed to be alive."""

from __future__ import annotations

import msgspec


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """One executing process. It beats; when it has not for its lease, others take its runs over."""

    id: str
    host: str
    boot_id: str
    """Changes when the machine restarts, so that a reused pid is not taken for the process."""
    pid: int
    pid_start: str
    """The kernel's start time of that pid, for the same reason; empty where it can't be told."""
    started_at: float
    workflows: tuple[str, ...] = ()
    """The names it can execute."""
    alive: bool = True
    """Whether the store saw a beat within its lease; filled in when read."""
    seen_at: float = 0.0
    """Its last beat, seconds since the epoch; filled in when read."""
