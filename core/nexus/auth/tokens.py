"""Tokens in the store: made, listed, revoked. A secret leaves this module once, when it is made."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from msgspec.structs import replace

from nexus.errors import InvalidInput, TokenExists, TokenNotFound
from nexus.model import Caller
from nexus.model.audit import AuditEntry
from nexus.model.namespace import DEFAULT
from nexus.model.token import NewToken, Token, check_scope, check_token_name
from nexus.sessions import arguments
from nexus.sessions.clock import Clock
from nexus.stores.base import Conflict, Store
from nexus.stores.newer import JsonRecord

KIND: Final = "token"
KIND_ELSEWHERE: Final = "token-of-namespace"
"""Tokens of namespaces are documents of another kind, named ``NAMESPACE/NAME``: a process that knows no namespaces
reads past them, where it would let them in to everything."""
_PREFIX: Final = "nexus_"
"""So that scanners of leaked secrets, and people, know what it is."""
_BYTES: Final = 32

_form = JsonRecord(Token)
_encode, _decode = _form.encode, _form.decode


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class Tokens:
    """The tokens of one store, whichever namespace they are of; a caller has to do with those of its own.

    Args:
        store: The store itself, not a namespace's part of it.
        clock: When.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.changes = 0
        """Rises with each change made here, so that what was read before is known to be old."""

    async def create(self, name: str, scope: str, expires_in: float | None, caller: Caller) -> NewToken:
        """Make a token.

        Args:
            name: The actor of all that it does.
            scope: What it may do.
            expires_in: Seconds; ``None`` for never.
            caller: Who makes it.

        Raises:
            TokenExists: There is one of that name.
            InvalidInput: An argument doesn't fit.
        """
        now = self._clock.now()
        lasts = None if expires_in is None else arguments.seconds(expires_in, "expires_in")
        secret = _PREFIX + secrets.token_urlsafe(_BYTES)
        token = Token(
            name=check_token_name(name), scope=check_scope(scope), digest=digest_of(secret), created_at=now,
            created_by=caller.actor, expires_at=None if lasts is None else now + lasts, namespace=caller.namespace,
        )  # fmt: skip
        kind, key = _place(token.name, caller.namespace)
        try:
            await self._store.put_document(
                kind, key, _encode(token), expected=None, audit=_entry("token.create", key, now, caller)
            )
        except Conflict:
            raise TokenExists(
                f"there is a token {name} already: revoke it first, or choose another name", field="name", value=name
            ) from None
        self.changes += 1
        return NewToken(token=token, secret=secret)

    async def all(self) -> list[Token]:
        """The tokens of all namespaces, expired ones too."""
        here, elsewhere = await self._store.documents(KIND), await self._store.documents(KIND_ELSEWHERE)
        return [_decode(body) for body in (*here.values(), *elsewhere.values())]

    async def of(self, namespace: str) -> list[Token]:
        """The tokens of one namespace by name, expired ones too."""
        found = await self._store.documents(_place("", namespace)[0])
        return [token for token in map(_decode, found.values()) if token.namespace == namespace]

    async def revoke(self, name: str, caller: Caller) -> Token:
        """Remove a token; from then on it lets nobody in.

        Raises:
            TokenNotFound: There is none of that name.
        """
        found = await self._revoked(check_token_name(name), caller.namespace, caller)
        if found is None:
            raise TokenNotFound(f"there is no token {name}: nexus tokens list shows all", field="name", value=name)
        return found

    async def drop(self, token: Token, caller: Caller) -> None:
        """Remove a token of any namespace; nothing happens where it is gone."""
        await self._revoked(token.name, token.namespace, caller)

    async def _revoked(self, name: str, namespace: str, caller: Caller) -> Token | None:
        kind, key = _place(name, namespace)
        while True:
            body = (await self._store.documents(kind)).get(key)
            if body is None:
                return None
            try:
                await self._store.put_document(
                    kind, key, None, expected=body, audit=_entry("token.revoke", key, self._clock.now(), caller)
                )
            except Conflict:
                continue
            self.changes += 1
            return _decode(body)

    async def note_use(self, token: Token, now: float) -> None:
        """Write down that a token was used; one that was changed or revoked meanwhile stays as it is."""
        kind, key = _place(token.name, token.namespace)
        body = (await self._store.documents(kind)).get(key)
        if body is None or _decode(body).digest != token.digest:
            return
        used = replace(_decode(body), last_used_at=now)
        try:
            await self._store.put_document(kind, key, _encode(used), expected=body)
        except Conflict:
            return


def _place(name: str, namespace: str) -> tuple[str, str]:
    """The kind and the name of a token's document."""
    return (KIND, name) if namespace == DEFAULT else (KIND_ELSEWHERE, f"{namespace}/{name}")


def _entry(action: str, name: str, now: float, caller: Caller) -> AuditEntry:
    # It stands in the audit of the store itself, where an actor of a namespace needs that in front.
    return AuditEntry(
        at=round(now, 6), actor=caller.account, channel=caller.channel, action=action, target_kind="token", target=name
    )


def check_secret(secret: object) -> str:
    """A secret by its form.

    Raises:
        InvalidInput: It is no text.
    """
    if isinstance(secret, str) and secret:
        return secret
    raise InvalidInput("auth_token is empty: give the token that nexus tokens create has shown", field="auth_token")
