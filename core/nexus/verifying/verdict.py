"""What came of the check of one promise."""

from __future__ import annotations

from typing import Any

import msgspec

SHOWN = 5
"""Breaks of one promise that are told; of more, only how many."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One promise, how much was checked, and where it was broken."""

    promise: str
    """Its short name, which stays the same."""
    says: str
    checked: int
    """How many of ``unit`` were looked at; a promise is not shown to hold by nothing."""
    unit: str
    broken: tuple[str, ...] = ()
    skipped: str = ""
    """Why nothing could be said, where it couldn't."""

    @property
    def kept(self) -> bool:
        """Whether no break was found."""
        return not self.broken

    def to_dict(self) -> dict[str, Any]:
        """JSON values; at most ``SHOWN`` breaks in words."""
        return {
            "promise": self.promise, "says": self.says, "kept": self.kept, "checked": self.checked, "unit": self.unit,
            "breaks": len(self.broken), "broken": list(self.broken[:SHOWN]), "skipped": self.skipped or None,
        }  # fmt: skip
