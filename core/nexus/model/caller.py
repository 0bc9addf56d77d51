"""Who acts, through which door, and what they may do."""

from __future__ import annotations

import msgspec


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Bound to a service once per request; every event of that request carries it."""

    actor: str
    channel: str
    scope: str = "admin"
    """``run``, ``read``, ``operate`` or ``admin``; without auth everybody local is ``admin``."""
    reveal: bool = False
    """Asks to see on a terminal what rules hide there; only an admin may."""
