"""``nexus config``: the settings in force."""

from __future__ import annotations

from typing import Any

from nexus.settings import explain_settings
from nexus_tui.cli.invocation import Invocation, command, group
from nexus_tui.cli.target import without_password as hidden
from nexus_tui.cli.views import SETTINGS

app = group("The settings in force, and where each comes from.")


@command(app, "show", without=("server", "token"))
def show(call: Invocation) -> None:
    """Show every setting, its value, and where it comes from: argument, environment, file or default."""
    rows = [{"name": name, "value": value, "origin": origin} for name, value, origin in _settings(call)]
    if call.output.form in {"json", "yaml"}:
        call.output.record({row["name"]: {"value": row["value"], "origin": row["origin"]} for row in rows}, SETTINGS)
    else:
        call.output.rows(rows, SETTINGS)


@command(app, "console", without=("server", "token", "output"))
def console(call: Invocation) -> None:
    """Print the console's file as it is in force, with every key and column: a file to start from."""
    import sys

    from nexus_tui.config.printing import printed
    from nexus_tui.config.reading import read_config

    del call
    sys.stdout.write(printed(read_config()))


def _settings(call: Invocation) -> list[tuple[str, Any, str]]:
    target = call.target
    typed = {"store": target.store} if target.origin == "--store" else {}
    settings, origins = explain_settings(typed)
    values = settings.describe()
    if target.app is not None:
        for name, value in target.local_app().settings.describe().items():
            if value != values[name]:
                values[name], origins[name] = value, f"app {target.app}"
    shown = []
    for name, value in values.items():
        origin = "--store" if name == "store" and typed else origins[name]
        shown.append((name, hidden(value) if isinstance(value, str) and "://" in value else value, origin))
    return shown
