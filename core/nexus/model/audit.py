"""Audit: who changed what, and who was refused to; kept in chains in which nothing can be edited or dropped unseen."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from nexus.model.keyed import Keyed
from nexus.model.session import iso

LONGEST = 500
"""Characters of a reason or a target; longer ones are cut."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What a change, or a refusal, brings to the audit: a record without its place in the chain.

    It holds neither state nor metadata, inputs nor secrets: only names, versions, and the reason that the actor gave.
    """

    at: float
    actor: str
    channel: str
    action: str
    target_kind: str
    target: str
    outcome: str = "done"
    code: str | None = None
    reason: str | None = None
    version_before: int | None = None
    version_after: int | None = None


class AuditRecord(Keyed, msgspec.Struct, frozen=True, kw_only=True):
    """One change, or one refused one."""

    seq: int
    """1, 2, 3 … of its chain, without gaps."""
    chain: str
    """``""`` for a store in one place; the shard's name in one that is spread."""
    at: float
    """Seconds since the epoch, whole microseconds."""
    actor: str
    channel: str
    action: str
    """``create``, ``patch``, ``end``, ``extend``, ``undo``, ``resume``, ``fork``, ``signal``, ``sync``, ``run.*``,
    ``expire``, ``delete``, ``group.create``, ``group.end``, ``token.create``, ``token.revoke``, ``authenticate``,
    ``request``, ``audit.trim`` …"""
    target_kind: str
    """``session``, ``group``, ``token``, ``namespace`` or ``store``."""
    target: str
    """Its id or name."""
    outcome: str
    """``done`` or ``refused``."""
    code: str | None = None
    """The error's, where it was refused."""
    reason: str | None = None
    """What the actor gave, or why it was refused."""
    version_before: int | None = None
    version_after: int | None = None
    hash: str
    """Hex; over this record and the hash before it."""

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON values."""
        shown = msgspec.structs.asdict(self)
        shown["at"] = iso(self.at)
        return shown

    @property
    def entry(self) -> AuditEntry:
        """The record without its place in the chain: what its hash is over."""
        return AuditEntry(
            at=self.at, actor=self.actor, channel=self.channel, action=self.action, target_kind=self.target_kind,
            target=self.target, outcome=self.outcome, code=self.code, reason=self.reason,
            version_before=self.version_before, version_after=self.version_after,
        )  # fmt: skip


class StoredAudit(msgspec.Struct, frozen=True):
    """A record as a store keeps it: its number, its entry in bytes, and its hash."""

    seq: int
    document: bytes
    hash: str


class AuditHead(msgspec.Struct, frozen=True, kw_only=True):
    """Where a chain ends: what to note elsewhere, so that a chain that was rewritten is found out."""

    chain: str
    count: int
    """The number of its last record."""
    hash: str
    """That of its last record; ``""`` for a chain without any."""


class AuditTrim(msgspec.Struct, frozen=True, kw_only=True):
    """What a chain says of its own beginning: that records were trimmed, and what the last of them was.

    It stands in the chain as a record, the *anchor*, written in the commit that trims; so what is left is still proved
    to go on from what there was.
    """

    chain: str
    count: int
    """The number of the last record that was trimmed."""
    hash: str
    """That of that record."""
    records: int
    """How many were trimmed with it, by this trim alone."""
    at: float
    actor: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {**msgspec.structs.asdict(self), "at": iso(self.at)}


TRIMMED: Final = "audit.trim"
"""The action of an anchor. Its target is the head that was trimmed up to, as ``COUNT:HASH``."""


def anchor_of(upto: AuditHead, first: int, *, at: float, actor: str, kept: float) -> AuditEntry:
    """The entry that says what was trimmed.

    Args:
        upto: The last record that is.
        first: The number of the first.
        at: When.
        actor: Who trims.
        kept: The seconds for which records are kept.
    """
    return AuditEntry(
        at=round(at, 6), actor=actor, channel="", action=TRIMMED, target_kind="store",
        target=f"{upto.count}:{upto.hash}",
        reason=f"records up to {upto.count} are older than audit_retention = {kept:g} s", version_before=first,
        version_after=upto.count,
    )  # fmt: skip


def trim_of(chain: str, entry: AuditEntry | None) -> AuditTrim | None:
    """What an entry says to have been trimmed; ``None`` for one that is no anchor."""
    if entry is None or entry.action != TRIMMED or entry.outcome != "done":
        return None
    count, _, found = entry.target.partition(":")
    if not count.isdecimal() or len(count) > 18:
        return None
    records = int(count) + 1 - (entry.version_before or 1)
    return AuditTrim(
        chain=chain, count=int(count), hash=found, records=records, at=entry.at, actor=entry.actor,
        reason=entry.reason or "",
    )  # fmt: skip


class AuditBreak(msgspec.Struct, frozen=True, kw_only=True):
    """The first record of a chain that isn't as it was written."""

    chain: str
    seq: int
    problem: str
    """``edited``, ``dropped``, ``added``, ``truncated`` or ``rewritten``."""
    detail: str


class AuditVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a verification."""

    records: int
    """How many were checked."""
    heads: tuple[AuditHead, ...]
    broken: AuditBreak | None = None
    trimmed: tuple[AuditTrim, ...] = ()
    """Of each chain that doesn't begin at 1, what its anchor says."""
    unchecked: tuple[AuditHead, ...] = ()
    """Noted heads that nothing could be said of, because their records were trimmed."""

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return self.broken is None

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        found: dict[str, Any] = {"intact": self.intact, **msgspec.to_builtins(self)}
        return {**found, "trimmed": [each.to_dict() for each in self.trimmed]}
