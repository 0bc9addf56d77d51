"""``nexus serve``: HTTP and MCP on one port."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus_tui.cli.commands.doctor import DurabilityOption
from nexus_tui.cli.commands.worker import GraceOption
from nexus_tui.cli.handles import allow_many_files
from nexus_tui.cli.invocation import Invocation, alone, command

app = alone()


@command(app, "serve", without=("server", "token", "output"))
async def serve(
    call: Invocation,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="127.0.0.1 if not set otherwise.")] = None,
    port: Annotated[int | None, typer.Option(metavar="N", help="8000 if not set otherwise; 0 is a free one.")] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Allow other addresses without auth.")] = False,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Leave all runs to nexus worker; calls wait for them.")
    ] = False,
    grace: GraceOption = None,
    require_durability: DurabilityOption = None,
) -> None:
    """Serve HTTP and MCP, and execute runs, until SIGTERM or Ctrl+C."""
    allow_many_files()
    core = call.target.local_app(
        embedded_worker=False if no_worker else None, worker_grace=grace, require_durability=require_durability
    )
    if not core.registry.names():
        call.say.warn("no workflows: give --app MODULE:ATTR, set NEXUS_APP, or put nexus_app.py here")

    from nexus.channels.http import serve as serve_http

    await serve_http(
        core,
        host,
        port,
        insecure=insecure,
        ready=lambda url: call.say.note(f"serving on {url}; MCP on {url}/mcp; Ctrl+C stops"),
    )
