"""The same done to sessions of several contexts: each context does its part, and says what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, cast

from msgspec.structs import replace

from nexus.errors import InvalidInput, NexusError, PermissionDenied
from nexus.model.bulk import MOST_IN_BULK, BulkItem, BulkReport, BulkRequest, Outcome
from nexus.service import MAX_LIMIT, Service
from nexus_tui.merged.filters import filter_for
from nexus_tui.merged.members import ContextAway, Member
from nexus_tui.merged.names import joined, parted

# No service ever says so of itself; it is the console's own word for an answer that was lost.
_UNKNOWN: Final = cast(Outcome, "unknown")


async def bulk_over(members: Mapping[str, Member], request: BulkRequest) -> BulkReport:
    """Do it, in each context its own part, at the same time.

    Args:
        members: The contexts.
        request: What to do; its ids say where they are.

    Raises:
        InvalidInput: The request contradicts itself, or is about too many.
    """
    parts = _by_filter(members, request) if request.ids is None else _by_name(members, request)
    reports = await asyncio.gather(*(_part(members[name], part) for name, part in parts.items()))
    found = [item for items in reports for item in items]
    if request.ids is None:
        if len(found) > MOST_IN_BULK:
            raise InvalidInput(
                f"{len(found):,} sessions match, over {MOST_IN_BULK:,}: narrow the filter", field="q",
                matched=len(found), most=MOST_IN_BULK,
            )  # fmt: skip
        return BulkReport(action=request.action, dry_run=request.dry_run, items=tuple(found))
    by_id = {item.session_id: item for item in found}
    items = tuple(by_id.get(each) or _nowhere(each, members) for each in request.ids)
    return BulkReport(action=request.action, dry_run=request.dry_run, items=items)


def _by_filter(members: Mapping[str, Member], request: BulkRequest) -> dict[str, BulkRequest]:
    if not request.dry_run:
        # Together they could be too many, which is known only once some are done.
        raise InvalidInput("over several contexts a filter is planned first (dry_run), then done by ids", field="q")
    filters = {name: filter_for(request.q or "", name, members) for name in members}
    return {
        # A filter that says only where leaves nothing, which a service refuses; this one matches all.
        name: replace(request, q=text or "age>=0s")
        for name, text in filters.items()
        if text is not None and members[name].state == "live"
    }


def _by_name(members: Mapping[str, Member], request: BulkRequest) -> dict[str, BulkRequest]:
    ids: dict[str, list[str]] = {}
    for each in request.ids or ():
        where, own = parted(each)
        if where in members:
            ids.setdefault(where, []).append(own)
    versions: dict[str, dict[str, int]] = {}
    for each, version in request.versions.items():
        where, own = parted(each)
        versions.setdefault(where, {})[own] = version
    return {name: replace(request, ids=tuple(own), versions=versions.get(name, {})) for name, own in ids.items()}


async def _part(member: Member, request: BulkRequest) -> list[BulkItem]:
    try:
        report = await member.ask(lambda service: service.bulk(request))
    except PermissionDenied as error:
        return [_refused(member, each, error) for each in await _meant(member, request)]
    except ContextAway as error:
        # In a dry run nothing can have been done; elsewhere the answer may be what was lost.
        outcome: Outcome = "refused" if request.dry_run else _UNKNOWN
        return [_refused(member, each, error, outcome) for each in request.ids or ()]
    return [
        replace(
            item,
            session_id=joined(member.name, item.session_id),
            made=None if item.made is None else joined(member.name, item.made),
        )
        for item in report.items
    ]


async def _meant(member: Member, request: BulkRequest) -> Sequence[str]:
    """Whom a request that was refused as a whole was about, so that each can be named."""
    if request.ids is not None:
        return request.ids
    found: list[str] = []
    cursor: str | None = None
    while True:

        async def ask(service: Service, at: str | None = cursor) -> tuple[list[str], str | None, int]:
            page = await service.list_sessions(request.q or "", limit=MAX_LIMIT, cursor=at)
            return [each.id for each in page.items], page.next_cursor, page.total or 0

        ids, cursor, total = await member.ask(ask)
        if total > MOST_IN_BULK:
            raise InvalidInput(
                f"{total:,} sessions match in {member.name}, over {MOST_IN_BULK:,}", field="q", matched=total,
                most=MOST_IN_BULK,
            )  # fmt: skip
        found += ids
        if cursor is None:
            return found


def _refused(member: Member, own: str, error: NexusError, outcome: Outcome = "refused") -> BulkItem:
    return BulkItem(session_id=joined(member.name, own), outcome=outcome, error=_told(error, member.name))


def _told(error: NexusError, where: str) -> dict[str, object]:
    return {**error.problem(), "details": {**error.details, "context": where}}


def _nowhere(name: str, members: Mapping[str, Member]) -> BulkItem:
    known = ", ".join(members)
    error = InvalidInput(f"{name[:160]} doesn't say in which context: CONTEXT:ID, with one of {known}", field="ids")
    return BulkItem(session_id=name, outcome="refused", error=_told(error, ""))
