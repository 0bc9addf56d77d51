"""Nexus: one durable session record across HTTP, the command line and MCP.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nexus.app import AsyncNexus
    from nexus.errors import (
        AuthenticationRequired,
        CheckpointNotFound,
        GroupNotFound,
        InvalidInput,
        InvalidTransition,
        NamespaceExists,
        NamespaceNotEmpty,
        NamespaceNotFound,
        NexusError,
        PayloadTooLarge,
        PermissionDenied,
        SessionBusy,
        SessionExists,
        SessionExpired,
        SessionNotFound,
        StoreUnavailable,
        SyncCallInEventLoop,
        TokenExists,
        TokenNotFound,
        VersionConflict,
        WaitTimeout,
        WorkflowNotFound,
    )
    from nexus.face import Nexus
    from nexus.http_request import request
    from nexus.model import Event, Group, RunResult, Session, Statistics, Status

_WHERE = {
    "AsyncNexus": "nexus.app",
    "Nexus": "nexus.face",
    "Event": "nexus.model",
    "Group": "nexus.model",
    "RunResult": "nexus.model",
    "Session": "nexus.model",
    "Statistics": "nexus.model",
    "Status": "nexus.model",
    "request": "nexus.http_request",
} | dict.fromkeys(
    (
        "AuthenticationRequired",
        "CheckpointNotFound",
        "GroupNotFound",
        "InvalidInput",
        "InvalidTransition",
        "NamespaceExists",
        "NamespaceNotEmpty",
        "NamespaceNotFound",
        "NexusError",
        "PayloadTooLarge",
        "PermissionDenied",
        "SessionBusy",
        "SessionExists",
        "SessionExpired",
        "SessionNotFound",
        "StoreUnavailable",
        "SyncCallInEventLoop",
        "TokenExists",
        "TokenNotFound",
        "VersionConflict",
        "WaitTimeout",
        "WorkflowNotFound",
    ),
    "nexus.errors",
)

__all__ = [
    "AsyncNexus",
    "AuthenticationRequired",
    "CheckpointNotFound",
    "Event",
    "Group",
    "GroupNotFound",
    "InvalidInput",
    "InvalidTransition",
    "NamespaceExists",
    "NamespaceNotEmpty",
    "NamespaceNotFound",
    "Nexus",
    "NexusError",
    "PayloadTooLarge",
    "PermissionDenied",
    "RunResult",
    "Session",
    "SessionBusy",
    "SessionExists",
    "SessionExpired",
    "SessionNotFound",
    "Statistics",
    "Status",
    "StoreUnavailable",
    "SyncCallInEventLoop",
    "TokenExists",
    "TokenNotFound",
    "VersionConflict",
    "WaitTimeout",
    "WorkflowNotFound",
    "request",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'nexus' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
