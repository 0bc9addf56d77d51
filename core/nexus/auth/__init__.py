"""Trust: tokens, what their scopes allow, and whose sessions are whose."""

from nexus.auth.brake import Brake
from nexus.auth.guarded import GuardedService
from nexus.auth.tokens import Tokens
from nexus.auth.verifier import Verifier

__all__ = ["Brake", "GuardedService", "Tokens", "Verifier"]
