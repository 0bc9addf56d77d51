"""Trust: tokens, what their scopes allow, what is hidden, and whose sessions are whose."""

from nexus.auth.brake import Brake
from nexus.auth.guarded import GuardedService
from nexus.auth.redaction import Rules
from nexus.auth.standing import Standings
from nexus.auth.tokens import Tokens
from nexus.auth.verifier import Verifier

__all__ = ["Brake", "GuardedService", "Rules", "Standings", "Tokens", "Verifier"]
