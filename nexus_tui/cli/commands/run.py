"""``nexus run``: run a workflow in a session."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from nexus.errors import InvalidInput, WorkflowNotFound
from nexus.model import RunResult, RunStatus, WorkflowInfo
from nexus.service import Service
from nexus_tui.cli.diagnostics import ExitCode
from nexus_tui.cli.documents import read_object
from nexus_tui.cli.executing import warn_if_nobody
from nexus_tui.cli.following import showing_progress
from nexus_tui.cli.inputs import parse_inputs
from nexus_tui.cli.invocation import Invocation, alone, command
from nexus_tui.cli.streams import stdout_to_stderr
from nexus_tui.cli.views import RUN

app = alone()


@command(app, "run", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
async def run(
    call: Invocation,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The workflow.")],
    session: Annotated[str | None, typer.Option("--session", metavar="ID", help="Made if it doesn't exist.")] = None,
    inputs: Annotated[
        str | None, typer.Option("--inputs", metavar="JSON", help="All inputs: JSON, @FILE, or - for stdin.")
    ] = None,
    background: Annotated[bool, typer.Option("--background", help="Don't wait for the end.")] = False,
    interval: Annotated[
        int | None, typer.Option("--checkpoint-interval", metavar="N", help="Steps between two checkpoints.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--idempotency-key", metavar="KEY", help="Given again, it gives the first result."),
    ] = None,
) -> ExitCode:
    """Run a workflow in a session: nexus run NAME --session ID --key value …

    Every further --key value is an input, typed by the workflow's schema (nexus workflows show NAME): --flag and
    --no-flag for booleans, a key again for each item of a list, JSON for objects. An input that is called like
    an option of this command goes behind --, or into --inputs.
    """
    if name.startswith("-"):
        raise InvalidInput(f"name the workflow before its inputs: nexus run NAME {name} …", field="name", value=name)
    base = read_object(inputs, "inputs")
    async with call.target.open_service() as service:
        info = await _info(call, service, name)
        given = parse_inputs(call.extra, info.input_schema, base)
        result = await _execute(call, service, name, given, session, background, interval, key)
        call.output.record(result.to_dict(), RUN)
        return await _told(call, service, result)


async def _info(call: Invocation, service: Service, name: str) -> WorkflowInfo:
    try:
        return await service.get_workflow(name)
    except WorkflowNotFound as error:
        if call.target.remote or call.target.app is not None:
            raise
        raise WorkflowNotFound(
            f"there is no workflow {name!r}, since no app was found: give --app MODULE:ATTR, set NEXUS_APP, "
            "or put nexus_app.py here",
            **error.details,
        ) from None


async def _execute(
    call: Invocation,
    service: Service,
    name: str,
    given: dict[str, Any],
    session: str | None,
    background: bool,
    interval: int | None,
    key: str | None,
) -> RunResult:
    async with showing_progress(call, service, session if not background else None):
        try:
            with stdout_to_stderr():
                return await service.execute(
                    name,
                    given,
                    session_id=session,
                    background=background,
                    checkpoint_interval=interval,
                    idempotency_key=key,
                )
        except asyncio.CancelledError:
            call.say.status("")
            call.say.note(_interrupted(call, session))
            raise


def _interrupted(call: Invocation, session: str | None) -> str:
    named = session or "ID"
    if call.target.remote:
        return f"interrupted: the run goes on at the server; nexus sessions end {named} stops it"
    return (
        f"interrupted: what was committed stays, and the run waits for a worker; nexus sessions resume {named} goes on "
        f"with it here, nexus sessions end {named} stops it"
    )


async def _told(call: Invocation, service: Service, result: RunResult) -> ExitCode:
    if result.status is RunStatus.FAILED:
        call.say.note(f"failed: {result.error}; nexus sessions resume {result.session_id} goes on from the last commit")
        return ExitCode.FAILED
    if result.status is RunStatus.CANCELLED:
        call.say.note(f"cancelled: {result.error or 'the session was ended'}")
        return ExitCode.FAILED
    if result.status is RunStatus.SUSPENDED:
        run = await service.get_run(result.session_id)
        if run is not None and run.wait is not None:
            call.say.note(f"suspended: nexus sessions signal {result.session_id} {run.wait.signal} lets it go on")
    elif result.status is RunStatus.IN_PROGRESS:
        await warn_if_nobody(call, service)
    return ExitCode.DONE
