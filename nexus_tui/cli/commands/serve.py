"""``nexus serve``: HTTP and MCP on one port."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus_tui.cli.invocation import Invocation, alone, command

app = alone()


@command(app, "serve", without=("server", "token", "output"))
async def serve(
    call: Invocation,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="127.0.0.1 if not set otherwise.")] = None,
    port: Annotated[int | None, typer.Option(metavar="N", help="8000 if not set otherwise; 0 is a free one.")] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Allow other addresses without auth.")] = False,
) -> None:
    """Serve HTTP and MCP, and execute runs, until SIGTERM or Ctrl+C."""
    await call.target.local_app().serve(host, port, insecure=insecure)
