"""What a server says to admins: of tokens, namespaces and the audit. Declared as ``answers`` are."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from nexus.channels.wire.answers import Time
from nexus.model.audit import AuditBreak, AuditHead
from nexus.model.namespace import DEFAULT
from nexus.model.token import Scope


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A token, without its secret."""

    name: Annotated[str, Meta(description="the actor of all that it does")]
    scope: Scope
    created_at: Time
    created_by: str
    expires_at: Time | None
    last_used_at: Annotated[str, Meta(description="to within a minute")] | None
    namespace: Annotated[str, Meta(description="where whoever shows it acts")] = DEFAULT


class NewTokenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A token just made."""

    name: str
    scope: Scope
    token: Annotated[str, Meta(description="the secret: shown this once, and kept only as a digest")]
    created_at: Time
    created_by: str
    expires_at: Time | None
    namespace: str = DEFAULT


class TokenList(msgspec.Struct, frozen=True, kw_only=True):
    """All tokens by name."""

    items: tuple[TokenAnswer, ...]
    next_cursor: None = None


class NamespaceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A namespace."""

    name: str
    created_at: Time
    created_by: str
    removing: Annotated[bool, Meta(description="its removal was cut short: it lets nobody in")]


class NamespaceContentsAnswer(NamespaceAnswer, frozen=True, kw_only=True):
    """A namespace with how much is in it."""

    sessions: int
    live: Annotated[int, Meta(description="of the sessions, those that are live")]
    groups: int
    tokens: int


class NamespaceList(msgspec.Struct, frozen=True, kw_only=True):
    """All namespaces by name, without the store itself."""

    items: tuple[NamespaceAnswer, ...]
    next_cursor: None = None


class AuditAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One change, or one that was refused."""

    seq: Annotated[int, Meta(description="of its chain, without gaps")]
    chain: Annotated[str, Meta(description="the shard's; empty for a store in one place")]
    at: Time
    actor: str
    channel: str
    action: str
    target_kind: str
    target: str
    outcome: Annotated[str, Meta(description="`done` or `refused`")]
    code: Annotated[str, Meta(description="the error's, where it was refused")] | None
    reason: str | None
    version_before: int | None
    version_after: int | None
    hash: Annotated[str, Meta(description="hex, over this record and the hash before it")]


class AuditList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the audit."""

    items: tuple[AuditAnswer, ...]
    next_cursor: str | None


class AuditTrimAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What retention has trimmed from the front of a chain."""

    chain: str
    count: Annotated[int, Meta(description="the number of the last record that was trimmed")]
    hash: Annotated[str, Meta(description="that record's")]
    records: Annotated[int, Meta(description="how many the last trim took")]
    at: Time
    actor: str
    reason: str


class AuditVerdictAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a verification."""

    intact: bool
    records: Annotated[int, Meta(description="how many were checked")]
    heads: Annotated[tuple[AuditHead, ...], Meta(description="where each chain ends: note them elsewhere")]
    broken: Annotated[AuditBreak, Meta(description="the first record that is not as it was written")] | None
    trimmed: Annotated[
        tuple[AuditTrimAnswer, ...], Meta(description="what was trimmed from the front of a chain, as its anchor tells")
    ] = ()
