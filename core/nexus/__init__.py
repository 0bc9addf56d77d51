"""Nexus: one durable session record across HTTP, the command line and MCP.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nexus.app import AsyncNexus
    from nexus.errors import NexusError
    from nexus.face import Nexus
    from nexus.http_request import request
    from nexus.model import Event, Group, RunResult, Session, Statistics, Status

_WHERE = {
    "AsyncNexus": "nexus.app",
    "Nexus": "nexus.face",
    "NexusError": "nexus.errors",
    "Event": "nexus.model",
    "Group": "nexus.model",
    "RunResult": "nexus.model",
    "Session": "nexus.model",
    "Statistics": "nexus.model",
    "Status": "nexus.model",
    "request": "nexus.http_request",
}

__all__ = [
    "AsyncNexus",
    "Event",
    "Group",
    "Nexus",
    "NexusError",
    "RunResult",
    "Session",
    "Statistics",
    "Status",
    "request",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'nexus' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
