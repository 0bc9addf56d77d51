"""The session service: load, decide, commit; and what goes round it: events, groups, cleanup, statistics."""

from nexus.sessions.clock import Clock, SystemClock
from nexus.sessions.engine import ClaimTaken, Engine

__all__ = ["ClaimTaken", "Clock", "Engine", "SystemClock"]
