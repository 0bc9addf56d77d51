"""``nexus checkpoints``: stored snapshots of a session's state."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nexus.service import MAX_LIMIT, Service
from nexus_tui.cli.invocation import Invocation, command, group
from nexus_tui.cli.views import CHECKPOINTS
from nexus_tui.cli.watching import watch

app = group("Stored snapshots of a session's state.")

IdArgument = Annotated[str, typer.Argument(metavar="SESSION", help="The session.")]


@command(app, "list")
async def list_(
    call: Invocation,
    session_id: IdArgument,
    watch_: Annotated[bool, typer.Option("--watch", help="Keep the list up to date.")] = False,
) -> None:
    """List a session's checkpoints, oldest first; those that a resume left behind are superseded."""
    async with call.target.open_service() as service:
        if watch_:
            await watch(call, service, lambda: _all(service, session_id), CHECKPOINTS)
            return
        shown = await _all(service, session_id)
        call.output.rows(shown, CHECKPOINTS, envelope={"items": shown, "next_cursor": None})


async def _all(service: Service, session_id: str) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = await service.list_checkpoints(session_id, cursor=cursor, limit=MAX_LIMIT)
        shown.extend(checkpoint.to_dict() for checkpoint in page.items)
        cursor = page.next_cursor
        if cursor is None:
            return shown


@command(app, "show")
async def show(
    call: Invocation,
    session_id: IdArgument,
    checkpoint_id: Annotated[str, typer.Argument(metavar="CHECKPOINT", help="Such as checkpoint-3.")],
) -> None:
    """Show one checkpoint with its state."""
    async with call.target.open_service() as service:
        call.output.record((await service.get_checkpoint(session_id, checkpoint_id)).to_dict(), CHECKPOINTS)
