"""What only an admin may: tokens, namespaces and the audit, refused to all others."""

from __future__ import annotations

from nexus.errors import PermissionDenied
from nexus.model import AuditRecord, AuditVerdict, Caller, Page
from nexus.model.namespace import Namespace, NamespaceContents
from nexus.model.token import NewToken, Token
from nexus.service import DEFAULT_LIMIT


class AdminOnly:
    """That part of ``nexus.service.Service`` for a caller whose scope is less."""

    caller: Caller

    def _denied(self, what: str, scopes: str) -> PermissionDenied:
        return PermissionDenied(
            f"a token of scope {self.caller.scope} may not {what}: that takes one of scope {scopes}",
            scope=self.caller.scope,
        )

    # -- tokens

    async def create_token(self, name: str, scope: str, *, expires_in: float | None = None) -> NewToken:  # noqa: ARG002
        """Only ``admin`` may."""
        raise self._denied(f"make the token {name[:64]}", "admin")

    async def list_tokens(self) -> list[Token]:
        """Only ``admin`` may."""
        raise self._denied("see tokens", "admin")

    async def revoke_token(self, name: str) -> Token:
        """Only ``admin`` may."""
        raise self._denied(f"revoke the token {name[:64]}", "admin")

    # -- namespaces

    async def create_namespace(self, name: str) -> Namespace:  # noqa: ARG002
        """Only ``admin`` may."""
        raise self._denied("make namespaces", "admin")

    async def list_namespaces(self) -> list[Namespace]:
        """Only ``admin`` may."""
        raise self._denied("see namespaces", "admin")

    async def get_namespace(self, name: str) -> NamespaceContents:  # noqa: ARG002
        """Only ``admin`` may."""
        raise self._denied("see namespaces", "admin")

    async def remove_namespace(self, name: str, *, everything: bool = False) -> NamespaceContents:  # noqa: ARG002
        """Only ``admin`` may."""
        raise self._denied("remove namespaces", "admin")

    # -- audit

    async def audit(
        self,
        q: str = "",  # noqa: ARG002
        *,
        cursor: str | None = None,  # noqa: ARG002
        limit: int = DEFAULT_LIMIT,  # noqa: ARG002
        newest: bool = False,  # noqa: ARG002
    ) -> Page[AuditRecord]:
        """Only ``admin`` may."""
        raise self._denied("see the audit", "admin")

    async def verify_audit(self) -> AuditVerdict:
        """Only ``admin`` may."""
        raise self._denied("verify the audit", "admin")
