"""``nexus console``: watch and steer sessions, live."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from nexus.errors import InvalidInput
from nexus_tui.cli.diagnostics import ExitCode
from nexus_tui.cli.invocation import Invocation, alone, command

app = alone()


@command(app, "console", without=("output",))
def console(
    call: Invocation,
    read_only: Annotated[bool, typer.Option("--read-only", help="Refuse every change.")] = False,
    theme: Annotated[str | None, typer.Option(metavar="NAME", help="Colours of the console.")] = None,
) -> ExitCode:
    """Watch and steer sessions, live, in the terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidInput(
            "the console needs a terminal; nexus sessions list --watch and nexus events --follow work in a pipe",
            field="terminal",
        )
    from nexus_tui.app import run_console

    return ExitCode(run_console(call.target, read_only=read_only, theme=theme))
