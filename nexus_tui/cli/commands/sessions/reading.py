"""``nexus sessions list|show|diff|watch``: looking, and changing nothing."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nexus.errors import InvalidInput
from nexus.model import FINAL, Session, Status
from nexus.service import DEFAULT_LIMIT, DEFAULT_SORT, MAX_LIMIT, Service
from nexus_tui.cli.commands.sessions.base import app
from nexus_tui.cli.diagnostics import ExitCode
from nexus_tui.cli.following import telling_connection
from nexus_tui.cli.invocation import Invocation, command
from nexus_tui.cli.selection import every, filter_errors
from nexus_tui.cli.views import CHANGES, EVENTS, SESSIONS
from nexus_tui.cli.watching import watch

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The session.")]
IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Sessions; - reads ids from stdin.")]
QueryOption = Annotated[str | None, typer.Option("-q", "--query", metavar="FILTER", help="Filter language.")]


@command(app, "list")
async def list_(
    call: Invocation,
    query: QueryOption = None,
    sort: Annotated[str, typer.Option(metavar="FIELD", help="A leading - sorts downwards.")] = DEFAULT_SORT,
    limit: Annotated[int, typer.Option(help=f"Rows of a page, up to {MAX_LIMIT}.")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, typer.Option(help="next_cursor of the page before.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All pages.")] = False,
    watch_: Annotated[bool, typer.Option("--watch", help="Keep the list up to date.")] = False,
) -> None:
    """List sessions, newest first."""
    q = query or ""
    if watch_ and (all_ or cursor):
        raise InvalidInput("--watch shows the first page: leave out --all and --cursor", field="watch")
    async with call.target.open_service() as service:
        with filter_errors(q):
            if watch_:
                await watch(call, service, lambda: _first(service, q, sort, limit), SESSIONS)
            elif all_:
                await _all(call, service, q, sort, cursor)
            else:
                page = await service.list_sessions(q, sort=sort, limit=limit, cursor=cursor)
                envelope = page.to_dict(total=True)
                call.output.rows(envelope["items"], SESSIONS, envelope=envelope)
                _more(call, page.next_cursor, len(page.items), page.total)


async def _first(service: Service, q: str, sort: str, limit: int) -> list[dict[str, Any]]:
    return [session.to_dict() for session in (await service.list_sessions(q, sort=sort, limit=limit)).items]


async def _all(call: Invocation, service: Service, q: str, sort: str, cursor: str | None) -> None:
    found = every(lambda at: service.list_sessions(q, sort=sort, limit=MAX_LIMIT, cursor=at or cursor))
    if call.output.form in {"json", "yaml"} or call.output.drawn:
        shown = [session.to_dict() async for session in found]
        envelope = {"items": shown, "next_cursor": None, "total": len(shown)}
        call.output.rows(shown, SESSIONS, envelope=envelope)
        return
    async for session in found:
        call.output.row(session.to_dict(), SESSIONS)


def _more(call: Invocation, cursor: str | None, shown: int, total: int | None) -> None:
    if cursor is not None and call.output.drawn:
        of = f" of {total:,}" if total is not None else ""
        call.say.note(f"{shown:,}{of} shown; --all shows all, --cursor {cursor} the next page")


@command(app, "show")
async def show(call: Invocation, session_id: IdArgument) -> None:
    """Show one session with its state and metadata."""
    async with call.target.open_service() as service:
        session = await service.get_session(session_id)
        call.output.record(session.to_dict(), SESSIONS)


@command(app, "diff")
async def diff(
    call: Invocation,
    session_id: IdArgument,
    from_: Annotated[str, typer.Argument(metavar="FROM", help="A checkpoint, or start.")],
    to: Annotated[str, typer.Argument(metavar="TO", help="A checkpoint, or current.")] = "current",
) -> None:
    """Compare the states of two checkpoints, or of one and now."""
    async with call.target.open_service() as service:
        shown = (await service.diff(session_id, from_, to)).to_dict()
    if call.output.form in {"json", "yaml"}:
        call.output.record(shown, CHANGES)
        return
    rows = [{"path": path, "change": "added", "from": None, "to": value} for path, value in shown["added"].items()]
    rows += [{"path": path, "change": "removed", "from": value, "to": None} for path, value in shown["removed"].items()]
    rows += [{"path": path, "change": "changed", **pair} for path, pair in shown["changed"].items()]
    call.output.rows(sorted(rows, key=lambda row: str(row["path"])), CHANGES)


@command(app, "watch")
async def watch_session(
    call: Invocation,
    session_id: IdArgument,
    past: Annotated[int, typer.Option("--past", help="Events of before to show first.")] = 10,
) -> ExitCode:
    """Follow one session until it ends or its run fails; exit code 1 if it failed."""
    async with call.target.open_service() as service:
        session = await service.get_session(session_id)
        seen = 0
        if past > 0:
            for event in (await service.list_events(session_id, limit=min(past, MAX_LIMIT), newest=True)).items:
                call.output.row(event.to_dict(), EVENTS)
                seen = event.seq
        call.output.flush()
        if not _over(session):
            with telling_connection(call, service):
                session = await _follow(call, service, session_id, seen)
    if session.status is Status.FAILED:
        call.say.note(f"failed: {session.error}")
        return ExitCode.FAILED
    return ExitCode.DONE


async def _follow(call: Invocation, service: Service, session_id: str, seen: int) -> Session:
    async for item in service.feed(f"id={session_id}"):
        if item.live:
            # Between the look before and the start of the feed it may have ended already.
            session = await service.get_session(session_id)
            if _over(session):
                return session
        if item.event is None or item.event.seq <= seen:
            continue
        call.output.row(item.event.to_dict(), EVENTS)
        call.output.flush()
        session = await service.get_session(session_id)
        if _over(session):
            return session
    return await service.get_session(session_id)


def _over(session: Session) -> bool:
    return session.status in FINAL or session.status is Status.FAILED
