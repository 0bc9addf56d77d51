"""Collecting an outcome: one that was kept for a caller who has it now is forgotten."""

from __future__ import annotations

from nexus.lifecycle.building import advance, change
from nexus.lifecycle.moment import Moment
from nexus.model.change import Change, Claim, Snapshot


def collect(before: Snapshot, moment: Moment, claim: str, value: str) -> Change:
    """Forget what a claim keeps; nothing else about the session changes, and no event tells of it."""
    gone = Claim(key=claim, value=None, expected=value)
    return change(before, advance(before.session), before.run, moment, claims=(gone,))
