"""Carrying out a plan in parts: each session only at the version that was seen, each result once it is committed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from nexus.errors import NexusError, StoreUnavailable
from nexus.model.bulk import BulkRequest
from nexus_tui.acting.plan import Came, Item, Plan, item_of

if TYPE_CHECKING:
    from nexus_tui.feed import Feed

PART: Final = 200
"""Sessions in one request; between two of them it can be stopped."""
_ROUNDS: Final = 3
"""How often a session that goes on changing is tried again."""


@dataclass(slots=True)
class Doing:
    """A plan on its way: what came of whom so far, and whether it shall stop."""

    plan: Plan
    follow: bool = False
    """Whether a session that has changed is acted on all the same while its status is the one that was seen."""
    items: list[Item] = field(default_factory=list)
    is_stopped: bool = False

    def stop(self) -> None:
        """Stop before the next part; what is done stays done."""
        self.is_stopped = True


async def carry_out(feed: Feed, doing: Doing, told: Callable[[], None]) -> tuple[Item, ...]:
    """Do what was planned, part by part.

    A lost answer leaves its part ``unknown``; whatever stops it leaves the rest ``untried``.

    Args:
        feed: The gateway.
        doing: The plan; its ``items`` grow with each part.
        told: Is called after each part.

    Returns:
        What came of each, in the order of the plan.
    """
    planned, rest = doing.plan.planned, "it was stopped before this one"
    while len(doing.items) < len(planned) and not doing.is_stopped:
        part = planned[len(doing.items) : len(doing.items) + PART]
        try:
            found = await _part(feed, doing, part)
        except StoreUnavailable as error:
            doing.items += [_with(item, "unknown", f"no answer came: {error.message}") for item in part]
            rest = "the connection was lost before this one"
            break
        except NexusError as error:
            doing.items += [_with(item, "refused", error.message) for item in part]
            rest = f"it was refused: {error.message}"
            break
        doing.items += found
        told()
        if any(item.outcome == "untried" for item in found):
            rest = "the store went away before this one"
            break
    doing.items += [_with(item, "untried", rest) for item in planned[len(doing.items) :]]
    return tuple(doing.items)


async def _part(feed: Feed, doing: Doing, part: Sequence[Item]) -> list[Item]:
    request = doing.plan.change.bulk()
    found = {item.session_id: item for item in await _asked(feed, request, part)}
    if doing.follow:
        await _follow(feed, request, part, found)
    await _settle(feed, request, found)
    return [found[item.session_id] for item in part]


async def _follow(feed: Feed, request: BulkRequest, part: Sequence[Item], found: dict[str, Item]) -> None:
    """Try those again that have changed but stand where they stood: a step of a run is no reason to spare it."""
    stood = {item.session_id: item.status for item in part}
    for _ in range(_ROUNDS):
        drifted = [item.session_id for item in found.values() if item.outcome == "drifted"]
        if not drifted:
            return
        report = await feed.bulk(replace(request, ids=tuple(drifted), dry_run=True))
        same = [
            item_of(each)
            for each in report.items
            if each.outcome == "planned" and each.status == stood[each.session_id]
        ]
        if not same:
            return
        for item in await _asked(feed, request, same):
            found[item.session_id] = item


async def _settle(feed: Feed, request: BulkRequest, found: dict[str, Item]) -> None:
    """What has changed so that nothing is left to do went well: a child ends with its parent."""
    drifted = tuple(item.session_id for item in found.values() if item.outcome == "drifted")
    if not drifted or request.action != "end":
        return
    report = await feed.bulk(replace(request, ids=drifted, dry_run=True))
    for each in report.items:
        if each.outcome == "unchanged":
            found[each.session_id] = item_of(each)


async def _asked(feed: Feed, request: BulkRequest, part: Sequence[Item]) -> list[Item]:
    seen = {item.session_id: item.version for item in part if item.version is not None}
    report = await feed.bulk(replace(request, ids=tuple(item.session_id for item in part), versions=seen))
    return [item_of(each, seen.get(each.session_id)) for each in report.items]


def _with(item: Item, outcome: Came, why: str) -> Item:
    return Item(item.session_id, outcome, item.status, item.version, why)
