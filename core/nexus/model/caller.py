"""Who acts, through which door, where, and what they may do."""

from __future__ import annotations

import msgspec

from nexus.model.namespace import DEFAULT


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller has shown at the door, so that what it left open can end with that; never the secret itself."""

    kind: str
    """``token`` for one of Nexus's own, ``jwt`` for one of an identity provider."""
    key: str
    """What has to be known still: the digest of the token's secret, or the thumbprint of the key that signed."""
    expires_at: float | None = None


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Bound to a service once per request; every event of that request carries it."""

    actor: str
    channel: str
    scope: str = "admin"
    """``run``, ``read``, ``operate`` or ``admin``; without auth everybody local is ``admin``."""
    reveal: bool = False
    """Asks to see on a terminal what rules hide there; only an admin may."""
    namespace: str = DEFAULT
    """Where it acts: to it nothing exists elsewhere."""
    proof: Proof | None = None
    """What it came in by; ``None`` where nobody is asked."""

    @property
    def account(self) -> str:
        """On whom limits are counted: actors of the same name in two namespaces are two."""
        return self.actor if self.namespace == DEFAULT else f"{self.namespace}/{self.actor}"
