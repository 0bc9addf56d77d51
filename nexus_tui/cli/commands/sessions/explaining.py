"""``nexus sessions why``: why a session stands where it stands, and what would help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nexus_tui.cli.commands.sessions.base import app
from nexus_tui.cli.commands.sessions.reading import IdArgument
from nexus_tui.cli.invocation import Invocation, command
from nexus_widgets.text import clean

if TYPE_CHECKING:
    from nexus_tui.equivalents import Equivalents
    from nexus_tui.viewmodels.why import Explanation

_LABEL = 14


@command(app, "why")
async def why(call: Invocation, session_id: IdArgument) -> None:
    """Say who holds a session, what it waits for, when and why it expires, and what would help."""
    import time

    from nexus_tui.equivalents import Equivalents, place_of
    from nexus_tui.evidence import gather_evidence
    from nexus_tui.viewmodels.why import explain

    async with call.target.open_service() as service:
        found = explain(await gather_evidence(service, session_id, time.time()))
    equivalents = Equivalents(place_of(call.target))
    if call.output.form == "table":
        call.output.text("".join(f"{clean(line, limit=20_000)}\n" for line in _lines(found, equivalents)))
        return
    shown = {
        "id": found.session_id,
        "verdict": found.verdict.text,
        "facts": [{"name": label, "value": value.text} for label, value in found.facts],
        "remedies": [
            {"does": each.text, "command": equivalents.command(*each.command) if each.command else None}
            for each in found.remedies
        ],
    }
    from nexus_tui.cli.views import SESSIONS

    call.output.record(shown, SESSIONS)


def _lines(found: Explanation, equivalents: Equivalents) -> Iterator[str]:
    yield f"{found.session_id}: {found.verdict.text}"
    for label, value in found.facts:
        yield f"  {label:<{_LABEL}}{value.text}"
    for remedy in found.remedies:
        yield f"{remedy.text}:"
        if remedy.command:
            yield f"  {equivalents.command(*remedy.command)}"
