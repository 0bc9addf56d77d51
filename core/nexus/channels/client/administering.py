"""Tokens, namespaces and the audit of a server: what an admin does there."""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import quote

from nexus.channels.client import decode
from nexus.channels.client.transport import Transport
from nexus.channels.wire import administering, asked
from nexus.errors import InvalidInput
from nexus.model import AuditRecord, AuditVerdict, Page
from nexus.model.namespace import Namespace, NamespaceContents
from nexus.model.token import NewToken, Token
from nexus.service import DEFAULT_LIMIT

A = TypeVar("A")


class Administering:
    """That part of ``nexus.service.Service`` over HTTP."""

    _transport: Transport

    async def _get(self, path: str, kind: type[A], **query: Any) -> A:
        return decode.read(await self._transport.ask("GET", path, query=query), kind)

    async def create_token(self, name: str, scope: str, *, expires_in: float | None = None) -> NewToken:
        """Make a token."""
        body = asked.CreateToken(name=name, scope=scope, expires_in=expires_in)
        data = await self._transport.ask("POST", "/tokens", body=body)
        return decode.new_token(decode.read(data, administering.NewTokenAnswer))

    async def list_tokens(self) -> list[Token]:
        """All tokens by name."""
        return list(map(decode.token, (await self._get("/tokens", administering.TokenList)).items))

    async def revoke_token(self, name: str) -> Token:
        """Remove a token."""
        data = await self._transport.ask("DELETE", path_of("tokens", name))
        return decode.token(decode.read(data, administering.TokenAnswer))

    async def audit(
        self, q: str = "", *, cursor: str | None = None, limit: int = DEFAULT_LIMIT, newest: bool = False
    ) -> Page[AuditRecord]:
        """Who changed what."""
        page = await self._get(
            "/audit", administering.AuditList, q=q, cursor=cursor, limit=limit, newest=newest or None
        )
        return Page(items=tuple(map(decode.audit_record, page.items)), next_cursor=page.next_cursor)

    async def verify_audit(self) -> AuditVerdict:
        """Whether it is all as it was written; the server works that out."""
        data = await self._transport.ask("GET", "/audit/verify", patient=True)
        return decode.audit_verdict(decode.read(data, administering.AuditVerdictAnswer))

    async def create_namespace(self, name: str) -> Namespace:
        """Make a namespace."""
        data = await self._transport.ask("POST", "/namespaces", body=asked.CreateNamespace(name=name))
        return decode.namespace(decode.read(data, administering.NamespaceAnswer))

    async def list_namespaces(self) -> list[Namespace]:
        """All namespaces by name."""
        return list(map(decode.namespace, (await self._get("/namespaces", administering.NamespaceList)).items))

    async def get_namespace(self, name: str) -> NamespaceContents:
        """A namespace with how much is in it."""
        return decode.contents(await self._get(path_of("namespaces", name), administering.NamespaceContentsAnswer))

    async def remove_namespace(self, name: str, *, everything: bool = False) -> NamespaceContents:
        """Remove a namespace."""
        query = {"everything": everything or None}
        data = await self._transport.ask("DELETE", path_of("namespaces", name), query=query, patient=True)
        return decode.contents(decode.read(data, administering.NamespaceContentsAnswer))


def path_of(*segments: str) -> str:
    """A path of names, each quoted.

    Raises:
        InvalidInput: One of them is none.
    """
    for segment in segments:
        if segment in ("", ".", ".."):
            raise InvalidInput(f"{segment!r} is no name: give the id", field="id", value=segment)
    return "/" + "/".join(quote(segment, safe=":") for segment in segments)
