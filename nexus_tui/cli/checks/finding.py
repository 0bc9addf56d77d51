"""One finding of ``nexus doctor``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Grade = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Args:
        check: What was looked at.
        grade: ``ok``; ``warn``, it works and could be better; ``fail``, commands won't work.
        found: What is there.
        fix: What to do about it; empty where nothing need be done.
    """

    check: str
    grade: Grade
    found: str
    fix: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"check": self.check, "grade": self.grade, "found": self.found, "fix": self.fix}
