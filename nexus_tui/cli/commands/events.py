"""``nexus events``: what happened, and what happens now; ``nexus events record``: keep it in a file."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from nexus.errors import InvalidInput
from nexus.model import Event
from nexus.service import MAX_LIMIT, Service
from nexus_tui.cli.diagnostics import ExitCode
from nexus_tui.cli.following import telling_connection
from nexus_tui.cli.invocation import Invocation, Shared, alone, command, places_in, share
from nexus_tui.cli.selection import filter_errors
from nexus_tui.cli.views import EVENTS

app = typer.Typer(add_completion=False, rich_markup_mode=None)
_SHARED = ("store", "server", "token", "place", "app", "output", "reveal", "debug")


@command(alone(), "events")
async def events(
    call: Invocation,
    query: Annotated[
        str | None, typer.Option("-q", "--query", metavar="FILTER", help="Filter language, with type: besides.")
    ] = None,
    session: Annotated[str | None, typer.Option("--session", metavar="ID", help="Of one session only.")] = None,
    limit: Annotated[int, typer.Option(help="How many of the past.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens from now.")] = False,
    cursor: Annotated[str | None, typer.Option(help="With --follow: go on behind this place.")] = None,
) -> None:
    """Show the last events, oldest first. With --follow, -o json writes one object a line."""
    if cursor is not None and not follow:
        raise InvalidInput("--cursor goes with --follow", field="cursor")
    if not 0 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"--limit {limit} must be 0 to {MAX_LIMIT}", field="limit", value=limit)
    q = query or ""
    async with call.target.open_service() as service:
        with filter_errors(q):
            await _show(call, service, q, session, limit, cursor, follow=follow)


async def _show(
    call: Invocation, service: Service, q: str, session: str | None, limit: int, cursor: str | None, *, follow: bool
) -> None:
    if not follow:
        shown = [event.to_dict() for event in await _past(service, q, session, limit)]
        call.output.rows(shown, EVENTS, envelope={"items": shown, "next_cursor": None})
        return
    seen: set[int] = set()
    with telling_connection(call, service):
        async for item in service.feed(_joined(q, session), cursor=cursor):
            if cursor is None:
                # Only once the feed stands, so that nothing falls between; what comes in both is shown once.
                cursor = item.cursor
                past = await _past(service, q, session, limit)
                seen.update(event.seq for event in past)
                _rows(call, past)
            if item.trimmed:
                call.say.warn("events between that place and the oldest kept are gone")
            if item.event is not None and item.event.seq not in seen:
                _rows(call, [item.event])


def _rows(call: Invocation, events: Iterable[Event]) -> None:
    for event in events:
        call.output.row(event.to_dict(), EVENTS)
    call.output.flush()


async def _past(service: Service, q: str, session: str | None, limit: int) -> list[Event]:
    if not limit:
        return []
    if session is None:
        return list(await service.recent_events(q, limit))
    if q:
        return list(await service.recent_events(_joined(q, session), limit))
    return list((await service.list_events(session, limit=limit, newest=True)).items)


def _joined(q: str, session: str | None) -> str:
    return q if session is None else f"id={session} {q}".strip()


def _events_or_more(**given: Any) -> None:
    """Show the last events, oldest first. With --follow, -o json writes one object a line."""
    context: typer.Context = given["context"]
    if context.invoked_subcommand is None:
        events(**given)
    else:
        share(context, Shared(**{**{name: given[name] for name in _SHARED}, "place": places_in(given.get("place"))}))


# Both at once: `nexus events` shows events, and `nexus events record` is a command below it.
_events_or_more.__signature__ = inspect.signature(events)  # type: ignore[attr-defined]
_events_or_more.__annotations__ = {
    name: parameter.annotation for name, parameter in inspect.signature(events).parameters.items()
}
app.callback(invoke_without_command=True)(_events_or_more)


@command(app, "record", without=("output",))
async def record(
    call: Invocation,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A new file; - is stdout.")],
    query: Annotated[
        str | None, typer.Option("-q", "--query", metavar="FILTER", help="Only what matches, with type: besides.")
    ] = None,
    past: Annotated[int, typer.Option(help="Events from before the start that are written first.")] = 100,
    seconds: Annotated[float | None, typer.Option("--for", metavar="SECONDS", help="Stop after this long.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> ExitCode:
    """Record events and what they change, until interrupted; nexus console --replay FILE plays it."""
    import asyncio
    import time

    from nexus_tui.replay.recorder import Recorder

    if not 0 <= past <= MAX_LIMIT:
        raise InvalidInput(f"--past {past} must be 0 to {MAX_LIMIT}", field="past", value=past)
    if seconds is not None and not 0 <= seconds < float("inf"):
        raise InvalidInput(f"--for {seconds} must be a number of seconds", field="for", value=seconds)
    q = query or ""
    with _recording_file(file, force=force) as written:
        async with call.target.open_service() as service:

            def write(line: bytes) -> None:
                written.write(line)
                written.flush()

            recorder = Recorder(service, write, time.time, q, past)
            task = asyncio.create_task(recorder.record(call.target.label))
            call.say.note(f"recording {call.target.label} into {file}; Ctrl+C ends it")
            try:
                with filter_errors(q), telling_connection(call, service):
                    await asyncio.wait_for(task, seconds)
            except TimeoutError:
                if not task.cancelled():
                    raise
            except asyncio.CancelledError:
                task.cancel()
            finally:
                await asyncio.gather(task, return_exceptions=True)
            told = recorder.recorded
            call.say.note(f"recorded {told.events:,} events and {told.sessions:,} records of sessions")
    return ExitCode.DONE


@contextmanager
def _recording_file(file: str, *, force: bool) -> Iterator[BinaryIO]:
    """A file to write to; one that is there is not written over without being asked to."""
    import sys

    if file == "-":
        yield sys.stdout.buffer
        return
    path = Path(file)
    try:
        # States may be nobody else's business.
        path.touch(mode=0o600, exist_ok=force)
        opened = path.open("wb")
    except FileExistsError:
        raise InvalidInput(f"{file} is there already: --force writes over it", field="file", value=file) from None
    except OSError as error:
        raise InvalidInput(f"{file} can't be written: {error.strerror}", field="file", value=file) from None
    with opened:
        yield opened
