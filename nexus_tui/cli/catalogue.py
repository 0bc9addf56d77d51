"""The commands by name, each with one line of help and the module that is imported when it is wanted.

``nexus --help`` reads this table only; a command's module, and all that it needs, is imported when the command
is called, completed or asked for its own help.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from nexus_tui.cli.parameters import lighten

CATALOGUE: dict[str, str] = {
    "run": "Run a workflow in a session.",
    "sessions": "List, show, change, watch and move sessions.",
    "groups": "Named sets of sessions: list, show, create, end, wait.",
    "checkpoints": "Stored snapshots of a session's state.",
    "events": "What happened, and what happens now.",
    "stats": "Figures over all sessions.",
    "workflows": "What can be run, and with which inputs.",
    "console": "Watch and steer sessions, live, in the terminal.",
    "serve": "Serve HTTP and MCP.",
    "dev": "Server, example workflows and console together.",
    "mcp": "Serve MCP over stdin and stdout.",
    "worker": "Execute runs of the store until told to stop.",
    "contexts": "Names for stores and servers, and which one commands act on.",
    "tokens": "Who may come in, and what they may do.",
    "namespaces": "Tenants apart in one store: list, create, show, remove.",
    "audit": "Who changed what: list, verify, export.",
    "verify": "Try whether a store keeps the promises.",
    "doctor": "Check store, server, app and terminal.",
    "config": "The settings in force, and where each comes from.",
}
"""Every command of ``nexus``: its module is ``nexus_tui.cli.commands.<name>``, which has a Typer called ``app``."""


class Catalogue(TyperGroup):
    """The root group: knows all commands by name and loads the one that is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, text in CATALOGUE.items():
            self.commands[name] = TyperCommand(name, help=text, rich_markup_mode=self.rich_markup_mode)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the command that the line names, then let Typer find it."""
        if args and args[0] in CATALOGUE:
            self.commands[args[0]] = load_command(args[0], self.rich_markup_mode)
        return super().resolve_command(ctx, args)


def load_command(name: str, markup: Any = None) -> Any:
    """Import a command's module and build its Typer command."""
    app: typer.Typer = import_module(f"nexus_tui.cli.commands.{name}").app
    app.rich_markup_mode = markup
    built = typer.main.get_command(app)
    built.name = name
    lighten(built)
    return built
