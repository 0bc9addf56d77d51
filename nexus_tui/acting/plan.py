"""Plan: what a change would do to each of many sessions, frozen with their versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from nexus.model import Status
from nexus.model.bulk import BulkItem, Outcome
from nexus_tui.acting.targets import Targets
from nexus_tui.steering import Change, End

Came = Outcome | Literal["unknown"]
"""What came of a session; ``unknown`` where the answer was lost, so that it may or may not be done."""


@dataclass(frozen=True, slots=True)
class Item:
    """One session: what it is, and what would come of it or came of it."""

    session_id: str
    outcome: Came
    status: str | None = None
    version: int | None = None
    why: str = ""
    """Why not, for what is refused or was not tried."""
    made: str | None = None
    """The session that a fork made."""

    @property
    def went_well(self) -> bool:
        """Whether nothing is left to do."""
        return self.outcome in ("done", "unchanged")

    @property
    def again(self) -> bool:
        """Whether it is worth another plan: it was not tried, or another version was there."""
        return self.outcome in ("drifted", "untried", "unknown")


@dataclass(frozen=True, slots=True)
class Plan:
    """A change and those whom it is about, in the order in which they are acted on."""

    change: Change
    targets: Targets
    planned: tuple[Item, ...]
    left: tuple[Item, ...]
    """Those to whom nothing would be done, each with the reason."""
    away: tuple[str, ...] = ()
    """Contexts whose sessions may match too, and can't be asked now: none of them is in the plan."""

    @property
    def counts(self) -> list[tuple[Status, int]]:
        """How many of the planned ones stand where."""
        found = Counter(item.status for item in self.planned)
        return [(status, found[status.value]) for status in Status if found[status.value]]

    @property
    def ends_group(self) -> bool:
        """Whether it is a group that ends, with all that is live in it."""
        return self.targets.group is not None and isinstance(self.change, End)

    def again(self, items: Sequence[Item]) -> Targets:
        """Whom another plan is about.

        Those that changed are looked at as they are now. Those that may have been done, or were not tried, are still
        meant only as they were seen: nothing is done twice.

        Args:
            items: What came of the planned ones, in their order.
        """
        wanted = [(seen, came) for seen, came in zip(self.planned, items, strict=True) if came.again]
        versions = {
            seen.session_id: seen.version
            for seen, came in wanted
            if came.outcome != "drifted" and seen.version is not None
        }
        return Targets(tuple(seen.session_id for seen, _ in wanted), versions=versions)


def item_of(item: BulkItem, seen: int | None = None) -> Item:
    """What the service told of one session, without what a plan of a hundred thousand need not keep.

    Args:
        item: As the service tells it.
        seen: The version that was asked for.
    """
    why = "" if item.error is None else str(item.error.get("detail", "")).removeprefix(f"session {item.session_id} ")
    if item.outcome == "drifted" and item.version is not None and seen is not None:
        why = f"it has changed: version {item.version:,}, not {seen:,}"
    return Item(item.session_id, item.outcome, item.status, item.version, why, item.made)


def sorted_out(change: Change, targets: Targets, items: Iterable[Item], away: Sequence[str] = ()) -> Plan:
    """A plan of what was found.

    Args:
        change: What is to be done.
        targets: To whom.
        items: What would come of each.
        away: Contexts that could not be asked.
    """
    planned: list[Item] = []
    left: list[Item] = []
    for item in items:
        (planned if item.outcome == "planned" else left).append(item)
    return Plan(change, targets, tuple(planned), tuple(left), tuple(away))
