"""A token: who somebody is and what they may do, without the secret that shows it."""

from __future__ import annotations

import re
from typing import Any, Literal, get_args

import msgspec

from nexus.errors import InvalidInput
from nexus.model.keyed import Keyed
from nexus.model.namespace import DEFAULT
from nexus.model.session import iso

Scope = Literal["run", "read", "operate", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class Token(Keyed, msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token as it is kept: its secret is known by its digest alone."""

    name: str
    scope: Scope
    digest: str
    """SHA-256 of the secret, in hex. The secret is 256 random bits, so that no slower digest would add anything."""
    created_at: float
    created_by: str
    expires_at: float | None = None
    last_used_at: float | None = None
    """To within a minute."""
    namespace: str = DEFAULT
    """Where whoever shows it acts; tokens of two namespaces may have one name."""
    newer: bytes = b""
    """What a newer version of Nexus has added to it, as encoded; kept as it is (``stores/newer.py``)."""

    def is_over(self, now: float) -> bool:
        """Whether it has expired."""
        return self.expires_at is not None and self.expires_at <= now

    def to_dict(self) -> dict[str, Any]:
        """What may be shown, as JSON values."""
        return {
            "name": self.name, "scope": self.scope, "namespace": self.namespace, "created_at": iso(self.created_at),
            "created_by": self.created_by, "expires_at": iso(self.expires_at), "last_used_at": iso(self.last_used_at),
        }  # fmt: skip


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token just made, with its secret, which is shown this once."""

    token: Token
    secret: str

    def to_dict(self) -> dict[str, Any]:
        """``name``, ``scope`` and ``token``, which is the secret; its namespace and expiry, if it has them."""
        shown: dict[str, Any] = {"name": self.token.name, "scope": self.token.scope, "token": self.secret}
        if self.token.namespace != DEFAULT:
            shown["namespace"] = self.token.namespace
        return shown if self.token.expires_at is None else {**shown, "expires_at": iso(self.token.expires_at)}


def check_token_name(name: object) -> str:
    """A token's name, which is the actor of all that it does.

    Raises:
        InvalidInput: It is none. Without a colon it can't pass for a local user or the system.
    """
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    raise InvalidInput(
        f"name {str(name)[:80]!r} is no name of a token: use 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit",
        field="name", value=str(name)[:80],
    )  # fmt: skip


def check_scope(scope: object) -> Scope:
    """A scope.

    Raises:
        InvalidInput: It is none.
    """
    for known in SCOPES:
        if scope == known:
            return known
    raise InvalidInput(
        f"scope {str(scope)[:40]!r} is none: use {', '.join(SCOPES)}", field="scope", value=str(scope)[:40]
    )
