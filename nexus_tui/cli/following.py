"""What a command that waits or follows says on stderr meanwhile: a run's progress, and a lost connection."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from nexus.errors import NexusError
from nexus.model import Event

if TYPE_CHECKING:
    from nexus.service import Service
    from nexus_tui.cli.invocation import Invocation


@asynccontextmanager
async def showing_progress(call: Invocation, service: Service, session_id: str | None) -> AsyncIterator[None]:
    """Show on stderr what a session's run does meanwhile; nothing without a terminal or without a session."""
    if session_id is None or not sys.stderr.isatty() or call.say.as_json:
        yield
        return
    task = asyncio.create_task(_follow(call, service, session_id))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        call.say.status("")


async def _follow(call: Invocation, service: Service, session_id: str) -> None:
    parts: dict[str, str] = {}
    # The line is a courtesy: what goes wrong with it must not stop the run, whose own errors are told.
    with suppress(NexusError):
        async for item in service.feed(f"id={session_id}"):
            if item.event is not None and _read(item.event, parts):
                call.say.status("  ".join(part for part in parts.values() if part))


def _read(event: Event, parts: dict[str, str]) -> bool:
    data: dict[str, Any] = event.data
    if event.type == "run.step":
        parts["step"] = f"step {data.get('step', '?')}"
    elif event.type == "checkpoint.saved":
        parts["checkpoint"] = f"{data.get('checkpoint_id') or data.get('id') or 'checkpoint'} saved"
    elif event.type == "run.progress":
        total = f"/{data['total']:g}" if data.get("total") else ""
        parts["progress"] = f"{data.get('done', 0):g}{total} {data.get('note') or ''}".strip()
    else:
        return False
    return True


@contextmanager
def telling_connection(call: Invocation, service: Service) -> Iterator[None]:
    """Say when the server is lost and when it is back; a feed that is followed goes on without a gap by itself."""
    listen = getattr(service, "on_connection", None)
    if listen is None:
        yield
        return

    lost = False

    def changed(connected: bool) -> None:
        nonlocal lost
        if lost or not connected:
            call.say.note("connected again" if connected else "connection lost: trying again")
        lost = not connected

    forget = listen(changed)
    try:
        yield
    finally:
        forget()
