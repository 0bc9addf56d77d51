"""``nexus events``: what happened, and what happens now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from nexus.errors import InvalidInput
from nexus.model import Event
from nexus.service import MAX_LIMIT, Service
from nexus_tui.cli.following import telling_connection
from nexus_tui.cli.invocation import Invocation, alone, command
from nexus_tui.cli.selection import filter_errors
from nexus_tui.cli.views import EVENTS

app = alone()


@command(app, "events")
async def events(
    call: Invocation,
    query: Annotated[
        str | None, typer.Option("-q", "--query", metavar="FILTER", help="Filter language, with type: besides.")
    ] = None,
    session: Annotated[str | None, typer.Option("--session", metavar="ID", help="Of one session only.")] = None,
    limit: Annotated[int, typer.Option(help="How many of the past.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens from now.")] = False,
    cursor: Annotated[str | None, typer.Option(help="With --follow: go on behind this place.")] = None,
) -> None:
    """Show the last events, oldest first. With --follow, -o json writes one object a line."""
    if cursor is not None and not follow:
        raise InvalidInput("--cursor goes with --follow", field="cursor")
    if not 0 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"--limit {limit} must be 0 to {MAX_LIMIT}", field="limit", value=limit)
    q = query or ""
    async with call.target.open_service() as service:
        with filter_errors(q):
            await _show(call, service, q, session, limit, cursor, follow=follow)


async def _show(
    call: Invocation, service: Service, q: str, session: str | None, limit: int, cursor: str | None, *, follow: bool
) -> None:
    if not follow:
        shown = [event.to_dict() for event in await _past(service, q, session, limit)]
        call.output.rows(shown, EVENTS, envelope={"items": shown, "next_cursor": None})
        return
    seen: set[int] = set()
    with telling_connection(call, service):
        async for item in service.feed(_joined(q, session), cursor=cursor):
            if cursor is None:
                # Only once the feed stands, so that nothing falls between; what comes in both is shown once.
                cursor = item.cursor
                past = await _past(service, q, session, limit)
                seen.update(event.seq for event in past)
                _rows(call, past)
            if item.trimmed:
                call.say.warn("events between that place and the oldest kept are gone")
            if item.event is not None and item.event.seq not in seen:
                _rows(call, [item.event])


def _rows(call: Invocation, events: Iterable[Event]) -> None:
    for event in events:
        call.output.row(event.to_dict(), EVENTS)
    call.output.flush()


async def _past(service: Service, q: str, session: str | None, limit: int) -> list[Event]:
    if not limit:
        return []
    if session is None:
        return list(await service.recent_events(q, limit))
    if q:
        return list(await service.recent_events(_joined(q, session), limit))
    return list((await service.list_events(session, limit=limit, newest=True)).items)


def _joined(q: str, session: str | None) -> str:
    return q if session is None else f"id={session} {q}".strip()
