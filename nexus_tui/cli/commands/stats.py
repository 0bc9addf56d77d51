"""``nexus stats``: figures over all sessions."""

from __future__ import annotations

from typing import Any

from nexus_tui.cli.invocation import Invocation, alone, command
from nexus_tui.cli.views import FIGURES, Shown

app = alone()


@command(app, "stats")
async def stats(call: Invocation) -> None:
    """Show figures over all sessions; their cost doesn't depend on how many there are."""
    async with call.target.open_service() as service:
        shown = (await service.statistics()).to_dict()
    if call.output.form in {"table", "id"}:
        call.output.rows(_lines(shown), FIGURES)
    else:
        call.output.record(shown, FIGURES)


def _lines(shown: Shown) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for name, value in shown.items():
        if isinstance(value, dict):
            lines.extend({"figure": f"{name}.{key}", "value": count} for key, count in value.items())
        else:
            lines.append({"figure": name, "value": round(value, 3) if isinstance(value, float) else value})
    return lines
