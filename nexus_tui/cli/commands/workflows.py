"""``nexus workflows``: what can be run, and with which inputs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nexus.model import WorkflowInfo
from nexus_tui.cli.invocation import Invocation, command, group
from nexus_tui.cli.schemas import wanted
from nexus_tui.cli.views import WORKFLOWS

app = group("What can be run, and with which inputs.")


@command(app, "list")
async def list_(call: Invocation) -> None:
    """List the registered workflows by name."""
    async with call.target.open_service() as service:
        infos = await service.list_workflows()
    if not infos and not call.target.remote and call.target.app is None:
        call.say.note("no app was found: give --app MODULE:ATTR, set NEXUS_APP, or put nexus_app.py here")
    if call.output.form in {"table", "id"}:
        call.output.rows([_row(info) for info in infos], WORKFLOWS)
    else:
        shown = [info.to_dict() for info in infos]
        call.output.rows(shown, WORKFLOWS, envelope={"items": shown, "next_cursor": None})


@command(app, "show")
async def show(call: Invocation, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Show one workflow with its input schema."""
    async with call.target.open_service() as service:
        info = await service.get_workflow(name)
    call.output.record({**info.to_dict()}, WORKFLOWS)


def _row(info: WorkflowInfo) -> dict[str, Any]:
    schema = info.input_schema
    required = set(schema.get("required", ()))
    names = [
        f"--{name} {'|'.join(sorted(wanted(part, schema).types))}" if name in required else f"[--{name}]"
        for name, part in schema.get("properties", {}).items()
    ]
    first = info.description.strip().splitlines()[:1]
    return {"name": info.name, "inputs": " ".join(names), "description": first[0] if first else ""}
