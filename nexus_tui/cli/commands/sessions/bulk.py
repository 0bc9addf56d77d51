"""``nexus sessions end|extend|resume|undo``: one session, several, or all that a filter matches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

import typer
from msgspec.structs import replace

from nexus.errors import NexusError, StoreUnavailable, error_from_code
from nexus.model import Session
from nexus.model.bulk import BulkItem, BulkRequest
from nexus.service import Service
from nexus_tui.cli.commands.sessions.base import app
from nexus_tui.cli.commands.sessions.reading import IdsArgument, QueryOption
from nexus_tui.cli.confirming import confirm
from nexus_tui.cli.diagnostics import ExitCode, exit_code
from nexus_tui.cli.documents import read_object
from nexus_tui.cli.invocation import Invocation, command
from nexus_tui.cli.selection import check_ending, chosen
from nexus_tui.cli.streams import stdout_to_stderr
from nexus_tui.cli.views import BULK, SESSIONS

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would happen, and do nothing.")]

Act = Callable[[Service, str], Awaitable[Session]]

_CHUNK = 200
"""Sessions in one request: small enough for progress to be seen."""


@command(app, "end")
async def end(
    call: Invocation,
    ids: IdsArgument = None,
    query: QueryOption = None,
    status: Annotated[str, typer.Option(help="completed or cancelled.")] = "completed",
    reason: Annotated[str | None, typer.Option(help="Kept with the event.")] = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
) -> ExitCode:
    """End sessions, and their live children with them."""

    async def act(service: Service, session_id: str) -> Session:
        return await service.end_session(session_id, status=status, reason=reason)

    check_ending(status)
    request = BulkRequest(action="end", status=status, reason=reason)
    return await _each(call, request, ids, query, act, yes=yes, dry_run=dry_run)


@command(app, "extend")
async def extend(
    call: Invocation,
    ids: IdsArgument = None,
    query: QueryOption = None,
    seconds: Annotated[float, typer.Option(help="How far expires_at moves.")] = 600.0,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
) -> ExitCode:
    """Move expires_at, beyond max age too."""

    async def act(service: Service, session_id: str) -> Session:
        return await service.extend_session(session_id, seconds)

    request = BulkRequest(action="extend", seconds=seconds)
    return await _each(call, request, ids, query, act, yes=yes, dry_run=dry_run)


@command(app, "undo")
async def undo(
    call: Invocation,
    ids: IdsArgument = None,
    query: QueryOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
) -> ExitCode:
    """Undo the last change of sessions, where that was an end or an extension; what it ended goes on."""

    async def act(service: Service, session_id: str) -> Session:
        return await service.undo_session(session_id)

    return await _each(call, BulkRequest(action="undo"), ids, query, act, yes=yes, dry_run=dry_run)


@command(app, "resume")
async def resume(
    call: Invocation,
    ids: IdsArgument = None,
    query: QueryOption = None,
    checkpoint: Annotated[str | None, typer.Option(metavar="ID", help="Go back to this one first.")] = None,
    inputs: Annotated[str | None, typer.Option(metavar="JSON", help="New inputs: JSON, @FILE, or -.")] = None,
    workflow: Annotated[str | None, typer.Option(metavar="NAME", help="Where no run says which.")] = None,
    background: Annotated[bool, typer.Option("--background", help="Don't wait for the run's end.")] = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
) -> ExitCode:
    """Go on with the last run of sessions, from where it was or from a checkpoint."""
    document = read_object(inputs, "inputs")

    async def act(service: Service, session_id: str) -> Session:
        with stdout_to_stderr():
            return await service.resume_session(
                session_id, checkpoint_id=checkpoint, inputs=document, workflow=workflow, background=background
            )

    request = BulkRequest(action="resume", checkpoint_id=checkpoint, inputs=document)
    one_by_one = not background or workflow is not None
    return await _each(call, request, ids, query, act, yes=yes, dry_run=dry_run, one_by_one=one_by_one)


async def _each(
    call: Invocation,
    request: BulkRequest,
    ids: list[str] | None,
    query: str | None,
    act: Act,
    *,
    yes: bool,
    dry_run: bool,
    one_by_one: bool = False,
) -> ExitCode:
    """Do it to one session and show it, or to many and tell what came of each.

    Those that a filter matches are frozen with their versions before anything is asked: what changes meanwhile is
    left alone.
    """
    async with call.target.open_service() as service:
        versions = await chosen(service, ids or [], query)
        if dry_run:
            items = await _in_parts(call, service, replace(request, dry_run=True), versions)
            call.output.rows([_row(request.action, item) for item in items], BULK)
            planned = sum(item.outcome == "planned" for item in items)
            call.say.note(f"{planned:,} would be done; nothing was")
            return ExitCode.DONE
        if len(versions) == 1 and query is None:
            return _ended(call, request.action, await act(service, next(iter(versions))))
        _confirm(call, request.action, len(versions), yes=yes)
        if one_by_one:
            return await _report(call, request.action, service, list(versions), act)
        items = await _in_parts(call, service, request, versions)
        call.output.rows([_row(request.action, item) for item in items], BULK)
        return _worst(call, items)


async def _in_parts(
    call: Invocation, service: Service, request: BulkRequest, versions: dict[str, int | None]
) -> list[BulkItem]:
    """What came of each, asked for in parts, so that progress is seen."""
    items: list[BulkItem] = []
    ids = list(versions)
    for start in range(0, len(ids), _CHUNK):
        part = tuple(ids[start : start + _CHUNK])
        seen = {one: version for one in part if (version := versions[one]) is not None}
        report = await service.bulk(replace(request, ids=part, versions=seen))
        items.extend(report.items)
        call.say.status(f"{len(items):,} of {len(ids):,}")
        if report.counts["untried"] or any(_store_is_away(item) for item in report.items):
            items.extend(BulkItem(session_id=one, outcome="untried") for one in ids[len(items) :])
            break
    call.say.status("")
    return items


def _row(action: str, item: BulkItem) -> dict[str, Any]:
    error = item.error
    row: dict[str, Any] = {
        "id": item.session_id, "action": action, "outcome": item.outcome, "status": item.status,
        "error": None if error is None else f"{error['detail']} [{error['code']}]",
    }  # fmt: skip
    return row if error is None else {**row, "problem": _rebuilt(error).problem()}


def _rebuilt(error: Mapping[str, Any]) -> NexusError:
    return error_from_code(error["code"], error["detail"], error["details"])


def _worst(call: Invocation, items: list[BulkItem]) -> ExitCode:
    """The first refusal gives the exit code."""
    untried = sum(item.outcome == "untried" for item in items)
    if untried:
        call.say.warn(f"stopped: {untried:,} were not tried")
    for item in items:
        if item.error is not None:
            return exit_code(_rebuilt(item.error))
    return ExitCode.DONE


def _store_is_away(item: BulkItem) -> bool:
    return item.error is not None and item.error["code"] == StoreUnavailable.code


def _ended(call: Invocation, action: str, session: Session) -> ExitCode:
    call.output.record(session.to_dict(), SESSIONS)
    if action == "resume" and session.status == "failed":
        call.say.note(f"failed: {session.error}")
        return ExitCode.FAILED
    return ExitCode.DONE


def _confirm(call: Invocation, action: str, count: int, *, yes: bool) -> None:
    if count and not yes:
        confirm(call, f"{action} {count:,} session{'' if count == 1 else 's'}", shown="them")


async def _report(call: Invocation, action: str, service: Service, sessions: list[str], act: Act) -> ExitCode:
    """Do it to each and tell how each went; the first refusal gives the exit code."""
    worst = ExitCode.DONE
    rows: list[dict[str, Any]] = []
    for one in sessions:
        row: dict[str, Any] = {"id": one, "action": action, "outcome": "done", "status": None, "error": None}
        try:
            session = await act(service, one)
            row["status"] = session.status.value
            if action == "resume" and session.status == "failed":
                row["error"], worst = session.error, worst or ExitCode.FAILED
        except NexusError as error:
            row["error"] = f"{error.message} [{error.code}]"
            row["outcome"], row["problem"] = "refused", error.problem()
            worst = worst or exit_code(error)
            if isinstance(error, StoreUnavailable):
                call.say.warn(f"stopped: {len(sessions) - len(rows) - 1:,} were not tried")
                rows.append(row)
                break
        rows.append(row)
        call.say.status(f"{len(rows):,} of {len(sessions):,}")
    call.say.status("")
    call.output.rows(rows, BULK)
    return worst
