"""What errors of a Redis server mean: try again here, look for the server anew, or give up."""

from __future__ import annotations

from typing import Final

import hiredis

from nexus.errors import StoreUnavailable

AGAIN: Final = frozenset({"LOADING", "BUSY", "TRYAGAIN", "NOREPLICAS", "NOSCRIPT", "UNBLOCKED"})
"""The server will be able to, soon; nothing was done."""

ELSEWHERE: Final = frozenset({"MOVED", "ASK", "READONLY", "CLUSTERDOWN", "MASTERDOWN"})
"""Another server is in charge, or will be; nothing was done."""

_SAID: Final = {
    "OOM": ("full", "has reached its maxmemory: raise it, or delete sessions"),
    "MISCONF": ("readonly", "refuses writes because it can't save to its disk"),
    "NOAUTH": ("refused", "wants a password, and the URL has none"),
    "WRONGPASS": ("refused", "refuses the user or the password in the URL"),
    "NOPERM": ("refused", "does not let this user do that"),
    "NOREPLICAS": ("readonly", "refuses writes because it has too few replicas"),
    "LOADING": ("loading", "is still loading its data"),
}


def code_of(error: hiredis.ReplyError) -> str:
    """The first word of the server's error."""
    return str(error).partition(" ")[0]


def refused(error: hiredis.ReplyError, shown: str) -> StoreUnavailable:
    """What to raise for an error of the server.

    Args:
        error: The server's error.
        shown: The store's URL without its password.
    """
    reason, says = _SAID.get(code_of(error), ("failed", "answered with an error"))
    return StoreUnavailable(f"the store {shown} {says} ({str(error)[:200]})", store=shown, reason=reason)


def unreachable(why: object, shown: str) -> StoreUnavailable:
    """What to raise when no server answers in time."""
    return StoreUnavailable(f"the store {shown} can't be reached: {why}", store=shown, reason="unreachable")


def closed(shown: str) -> StoreUnavailable:
    """What to raise when the store is used outside its block."""
    return StoreUnavailable(f"the store {shown} is not open: use it inside async with", store=shown, reason="closed")
