"""Every error that Nexus raises on purpose: one tree, one stable code each.

The same ``code`` appears in HTTP problem bodies, in the command line's JSON and in MCP tool
errors, and ``status`` is its HTTP status. Channels translate from here and add nothing: a new
leaf needs a class below and no other edit. Foreign exceptions (sqlite3, OS, JSON) are
translated once, at the edge where they appear, and never reach a caller bare.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "AuthenticationRequired",
    "CheckpointNotFound",
    "Fenced",
    "GroupNotFound",
    "InvalidInput",
    "InvalidTransition",
    "LimitExceeded",
    "NamespaceExists",
    "NamespaceNotEmpty",
    "NamespaceNotFound",
    "NexusError",
    "PayloadTooLarge",
    "PermissionDenied",
    "RateLimited",
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
    "error_from_code",
]


class NexusError(Exception):
    """Root of the tree.

    Args:
        message: One or two sentences that name the field, the value and what would help.
        details: JSON-ready facts for programs (``field``, ``value``, ``column`` …); shown beside
            ``code`` in every channel.
    """

    code: ClassVar[str] = "nexus_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Nexus error"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = details
        self.audited = False
        """Whether the refusal is written down already, on its way out through the layers."""

    def problem(self) -> dict[str, Any]:
        """The error as a problem object (RFC 9457): what HTTP bodies, the CLI's JSON and bulk reports show."""
        facts = {key: value for key, value in self.details.items() if key not in _PROBLEM_KEYS}
        return {
            "type": "about:blank", "title": self.title, "status": self.status, "code": self.code,
            "detail": self.message, **facts,
        }  # fmt: skip


_PROBLEM_KEYS = frozenset({"type", "title", "status", "code", "detail"})


class SessionNotFound(NexusError):
    """No session has this id, or the caller may not know that one does."""

    code, status, title = "session_not_found", 404, "Session not found"


class SessionExpired(NexusError):
    """The session is past ``expires_at``; ``resume`` brings it back, anything else is refused."""

    code, status, title = "session_expired", 410, "Session expired"


class SessionExists(NexusError):
    """The id that was asked for is taken."""

    code, status, title = "session_exists", 409, "Session exists"


class SessionBusy(NexusError):
    """Another run held the session for longer than ``session_lock_timeout``."""

    code, status, title = "session_busy", 409, "Session busy"


class VersionConflict(NexusError):
    """The version the caller expected is no longer the current one."""

    code, status, title = "version_conflict", 412, "Version conflict"


class InvalidTransition(NexusError):
    """The table of allowed transitions has no such step; ``details`` names both states."""

    code, status, title = "invalid_transition", 409, "Invalid transition"


class Fenced(InvalidTransition):
    """A run's commit came after another process had taken the run over; it changed nothing."""


class WorkflowNotFound(NexusError):
    """No workflow of this name is registered in the process that was asked."""

    code, status, title = "workflow_not_found", 404, "Workflow not found"


class CheckpointNotFound(NexusError):
    """The session has no such checkpoint, or no longer keeps it."""

    code, status, title = "checkpoint_not_found", 404, "Checkpoint not found"


class GroupNotFound(NexusError):
    """No group has this name."""

    code, status, title = "group_not_found", 404, "Group not found"


class InvalidInput(NexusError):
    """Something given doesn't fit; ``details["field"]`` names it."""

    code, status, title = "invalid_input", 422, "Invalid input"


class SyncCallInEventLoop(InvalidInput):
    """A synchronous call was made from inside a running event loop, which it would block."""

    code, status, title = "sync_in_event_loop", 500, "Synchronous call in an event loop"


class PayloadTooLarge(NexusError):
    """A body, state or metadata document is over its configured limit."""

    code, status, title = "payload_too_large", 413, "Payload too large"


class LimitExceeded(NexusError):
    """There are as many of something as there may be; ``details`` has ``limit`` and the ``setting`` that says so."""

    code, status, title = "limit_exceeded", 429, "Limit exceeded"


class RateLimited(LimitExceeded):
    """More requests a second than one actor may make; nothing was done. ``details["retry_after"]`` is in seconds."""

    code, status, title = "rate_limited", 429, "Too many requests"


class AuthenticationRequired(NexusError):
    """No valid token came with the call."""

    code, status, title = "unauthenticated", 401, "Authentication required"
    guessed = True
    """Whether a secret was shown that may be a guess: not where there was none, and not one that was good once."""


class PermissionDenied(NexusError):
    """The token is valid and its scope doesn't allow this."""

    code, status, title = "permission_denied", 403, "Permission denied"


class TokenExists(NexusError):
    """A token of this name is there already."""

    code, status, title = "token_exists", 409, "Token exists"


class TokenNotFound(NexusError):
    """No token has this name."""

    code, status, title = "token_not_found", 404, "Token not found"


class NamespaceNotFound(NexusError):
    """There is no namespace of this name, or the caller may not know that there is."""

    code, status, title = "namespace_not_found", 404, "Namespace not found"


class NamespaceExists(NexusError):
    """A namespace of this name is there already, or is still being removed."""

    code, status, title = "namespace_exists", 409, "Namespace exists"


class NamespaceNotEmpty(NexusError):
    """The namespace holds sessions, groups or tokens, and nobody said that they may go; ``details`` counts them."""

    code, status, title = "namespace_not_empty", 409, "Namespace not empty"


class StoreUnavailable(NexusError):
    """The store can't be reached, is locked, read-only, full or damaged; nothing was changed."""

    code, status, title = "store_unavailable", 503, "Store unavailable"


class WaitTimeout(NexusError):
    """What was waited for did not happen in the time given; it may still."""

    code, status, title = "wait_timeout", 504, "Wait timed out"


def _leaves(cls: type[NexusError]) -> list[type[NexusError]]:
    found = [cls]
    for child in cls.__subclasses__():
        found.extend(_leaves(child))
    return found


def error_from_code(code: str, message: str, details: dict[str, Any] | None = None) -> NexusError:
    """Rebuild an error from what a channel carried.

    Args:
        code: The stable code.
        message: The human text.
        details: Facts for programs.

    Returns:
        An instance of the class that owns ``code``; a plain ``NexusError`` for an unknown code.
    """
    facts = {key: value for key, value in (details or {}).items() if key not in ("self", "message")}
    for cls in _leaves(NexusError):
        if cls.code == code:
            return cls(message, **facts)
    return NexusError(message, **{**facts, "code": code})
