"""A group: a named set of sessions, waited for or ended together. Its name is its id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from nexus.model.keyed import Keyed
from nexus.model.session import iso
from nexus.model.status import LIVE, Status


class Group(Keyed, msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One group as of one version, with how many members stand where."""

    id: str
    created_at: float
    owner: str
    metadata: dict[str, Any] = {}
    ended_at: float | None = None
    version: int = 1
    counts: Mapping[str, int] = {}
    """Members by status; filled in when read, not stored with the record."""
    newer: bytes = b""
    """What a newer version of Nexus has added to it, as encoded; kept as it is (``stores/newer.py``)."""

    @property
    def total(self) -> int:
        """Members, ended ones included."""
        return sum(self.counts.values())

    @property
    def live(self) -> int:
        """Members that are active, in progress or suspended."""
        return sum(self.counts.get(status, 0) for status in LIVE)

    @property
    def status(self) -> str:
        """``open`` or ``ended``."""
        return "ended" if self.ended_at is not None else "open"

    @property
    def by_status(self) -> dict[str, int]:
        """Members by each of the seven statuses, 0 where there are none."""
        return {status.value: self.counts.get(status, 0) for status in Status}

    @property
    def done(self) -> float:
        """Fraction of the members that are no longer live, 0 to 1; 0 for an empty group."""
        return (self.total - self.live) / self.total if self.total else 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "id": self.id, "status": self.status,
            "created_at": iso(self.created_at), "ended_at": iso(self.ended_at), "owner": self.owner,
            "metadata": self.metadata, "version": self.version, "total": self.total, "live": self.live,
            "by_status": self.by_status,
        }  # fmt: skip
