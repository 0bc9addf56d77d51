"""Whose sessions are whose: what a caller that has only its own may not even know of."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from nexus.errors import SessionNotFound
from nexus.model import Caller, Session

OWN_ONLY: Final = "run"
"""The scope to which nothing exists that it doesn't own."""


def check_visible(session: Session, caller: Caller) -> None:
    """Refuse a session that the caller may not know of, in the words for one that isn't there.

    Raises:
        SessionNotFound: It is such a one.
    """
    if caller.scope == OWN_ONLY and session.owner != caller.actor:
        raise not_found(session.id)


def not_found(session_id: str) -> SessionNotFound:
    """The refusal of an id that names no session."""
    return SessionNotFound(f"there is no session {session_id}", session_id=session_id)


def reaching_below(caller: Caller) -> Caller:
    """The caller as what follows from its own change acts: on all that hangs on what is its own."""
    return replace(caller, scope="admin") if caller.scope == OWN_ONLY else caller
