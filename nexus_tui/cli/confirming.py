"""Asking before something is done that can't be taken back."""

from __future__ import annotations

import sys

import typer

from nexus.errors import InvalidInput
from nexus_tui.cli.diagnostics import ExitCode
from nexus_tui.cli.invocation import Invocation


def confirm(call: Invocation, what: str, *, shown: str) -> None:
    """Go on only if the user says yes; where nobody can be asked, ``--yes`` has to.

    Args:
        call: Who asks.
        what: What would be done.
        shown: What ``--dry-run`` shows: ``it`` or ``them``.

    Raises:
        InvalidInput: There is no terminal to ask on.
        Exit: The answer was no; nothing is to be done.
    """
    if not sys.stdin.isatty():
        raise InvalidInput(f"this would {what}: give --yes to do it, --dry-run to see {shown}", field="yes")
    if not call.say.ask(f"{what}?"):
        call.say.note("nothing was done")
        raise typer.Exit(ExitCode.DONE)
