"""How far the archive is behind the store: from the facts that the store's health gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from nexus_tui.cli.checks.finding import Finding

FACTS: Final = frozenset({"archive", "archive_pending", "archive_lag_seconds", "archive_trouble"})
_BEHIND: Final = 60.0
"""Seconds over which an archive is called behind: what Redis lost now would be missing for good."""


def archived(facts: Mapping[str, str]) -> Iterator[Finding]:
    """Whether what is committed reaches the archive; nothing where the store has none."""
    if "archive" not in facts:
        return
    pending, lag = facts.get("archive_pending", "0"), float(facts.get("archive_lag_seconds", "0"))
    found = f"{facts['archive']}: {pending} commits wait, the oldest for {lag:.1f} s"
    if trouble := facts.get("archive_trouble"):
        yield Finding("archive", "fail", f"{found}: {trouble}", "see docs/archive.md, When the database is away")
    elif lag > _BEHIND:
        yield Finding("archive", "warn", found, "see that a server or worker with session_persistence runs")
    else:
        yield Finding("archive", "ok", found)
