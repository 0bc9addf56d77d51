"""``nexus sessions end|extend|resume``: one session, several, or all that a filter matches."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from nexus.errors import InvalidInput, NexusError, StoreUnavailable
from nexus.model import Session
from nexus.service import Service
from nexus_tui.cli.commands.sessions.base import app
from nexus_tui.cli.commands.sessions.reading import IdsArgument, QueryOption
from nexus_tui.cli.diagnostics import ExitCode, exit_code, problem
from nexus_tui.cli.documents import read_object
from nexus_tui.cli.invocation import Invocation, command
from nexus_tui.cli.selection import chosen
from nexus_tui.cli.streams import stdout_to_stderr
from nexus_tui.cli.views import BULK, SESSIONS

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would happen, and do nothing.")]

Act = Callable[[Service, str], Awaitable[Session]]


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

    if status not in {"completed", "cancelled"}:
        raise InvalidInput(
            f"--status {status!r} ends nothing: use completed or cancelled", field="status", value=status
        )
    return await _each(call, "end", ids, query, act, yes=yes, dry_run=dry_run)


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

    return await _each(call, "extend", ids, query, act, yes=yes, dry_run=dry_run)


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

    return await _each(call, "resume", ids, query, act, yes=yes, dry_run=dry_run)


async def _each(
    call: Invocation, action: str, ids: list[str] | None, query: str | None, act: Act, *, yes: bool, dry_run: bool
) -> ExitCode:
    async with call.target.open_service() as service:
        sessions = await chosen(service, ids or [], query)
        if dry_run:
            shown = [{"id": one, "action": action, "status": "would be done", "error": None} for one in sessions]
            call.output.rows(shown, BULK)
            call.say.note(f"{len(sessions):,} would be done; nothing was")
            return ExitCode.DONE
        if len(sessions) == 1 and query is None:
            return _ended(call, action, await act(service, sessions[0]))
        _confirm(call, action, len(sessions), yes=yes)
        return await _report(call, action, service, sessions, act)


def _ended(call: Invocation, action: str, session: Session) -> ExitCode:
    call.output.record(session.to_dict(), SESSIONS)
    if action == "resume" and session.status == "failed":
        call.say.note(f"failed: {session.error}")
        return ExitCode.FAILED
    return ExitCode.DONE


def _confirm(call: Invocation, action: str, count: int, *, yes: bool) -> None:
    if yes or not count:
        return
    what = f"{count:,} session{'' if count == 1 else 's'}"
    if not sys.stdin.isatty():
        raise InvalidInput(f"this would {action} {what}: give --yes to do it, --dry-run to see them", field="yes")
    if not call.say.ask(f"{action} {what}?"):
        call.say.note("nothing was done")
        raise typer.Exit(ExitCode.DONE)


async def _report(call: Invocation, action: str, service: Service, sessions: list[str], act: Act) -> ExitCode:
    """Do it to each and tell how each went; the first refusal gives the exit code."""
    worst = ExitCode.DONE
    rows: list[dict[str, Any]] = []
    for one in sessions:
        row: dict[str, Any] = {"id": one, "action": action, "status": None, "error": None}
        try:
            session = await act(service, one)
            row["status"] = session.status.value
            if action == "resume" and session.status == "failed":
                row["error"], worst = session.error, worst or ExitCode.FAILED
        except NexusError as error:
            row["error"] = f"{error.message} [{error.code}]"
            row["problem"] = problem(error)
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
