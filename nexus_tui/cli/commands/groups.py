"""``nexus groups``: named sets of sessions."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from nexus.errors import InvalidInput
from nexus.service import DEFAULT_LIMIT, MAX_LIMIT, Service
from nexus_tui.cli.documents import read_object
from nexus_tui.cli.invocation import Invocation, command, group
from nexus_tui.cli.selection import every
from nexus_tui.cli.views import GROUPS
from nexus_tui.cli.watching import watch

app = group("Named sets of sessions: list, show, create, end, wait.")

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The group.")]


@command(app, "list")
async def list_(
    call: Invocation,
    limit: Annotated[int, typer.Option(help=f"Rows of a page, up to {MAX_LIMIT}.")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, typer.Option(help="next_cursor of the page before.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All pages.")] = False,
    watch_: Annotated[bool, typer.Option("--watch", help="Keep the list up to date.")] = False,
) -> None:
    """List groups, newest first."""
    if watch_ and (all_ or cursor):
        raise InvalidInput("--watch shows the first page: leave out --all and --cursor", field="watch")
    async with call.target.open_service() as service:
        if watch_:
            await watch(call, service, lambda: _first(service, limit), GROUPS)
        elif all_:
            found = every(lambda at: service.list_groups(cursor=at or cursor, limit=MAX_LIMIT))
            shown = [one.to_dict() async for one in found]
            call.output.rows(shown, GROUPS, envelope={"items": shown, "next_cursor": None, "total": len(shown)})
        else:
            envelope = (await service.list_groups(cursor=cursor, limit=limit)).to_dict(total=True)
            call.output.rows(envelope["items"], GROUPS, envelope=envelope)


async def _first(service: Service, limit: int) -> list[dict[str, Any]]:
    return [one.to_dict() for one in (await service.list_groups(limit=limit)).items]


@command(app, "show")
async def show(call: Invocation, group_id: IdArgument) -> None:
    """Show one group with how many members stand where."""
    async with call.target.open_service() as service:
        call.output.record((await service.get_group(group_id)).to_dict(), GROUPS)


@command(app, "create")
async def create(
    call: Invocation,
    group_id: Annotated[str | None, typer.Argument(metavar="ID", help="Its name; made if not given.")] = None,
    metadata: Annotated[str | None, typer.Option(metavar="JSON", help="Metadata: JSON, @FILE, or -.")] = None,
) -> None:
    """Create a group; one that had ended is opened again."""
    document = read_object(metadata, "metadata")
    async with call.target.open_service() as service:
        call.output.record((await service.create_group(group_id, metadata=document)).to_dict(), GROUPS)


@command(app, "end")
async def end(
    call: Invocation,
    group_id: IdArgument,
    status: Annotated[str, typer.Option(help="What members end as: completed or cancelled.")] = "completed",
    reason: Annotated[str | None, typer.Option(help="Kept with the events.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask; asked is only on a terminal.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the group and how many would end.")] = False,
) -> None:
    """End a group and all its live members."""
    if status not in {"completed", "cancelled"}:
        raise InvalidInput(
            f"--status {status!r} ends nothing: use completed or cancelled", field="status", value=status
        )
    async with call.target.open_service() as service:
        if dry_run or (not yes and sys.stdin.isatty()):
            found = await service.get_group(group_id)
            live = f"{found.live:,} session{'' if found.live == 1 else 's'}"
            if dry_run:
                call.output.record(found.to_dict(), GROUPS)
                call.say.note(f"{live} would be ended; nothing was")
                return
            if found.live and not call.say.ask(f"end group {group_id} with {live}?"):
                call.say.note("nothing was done")
                return
        ended = await service.end_group(group_id, status=status, reason=reason)
        call.output.record(ended.to_dict(), GROUPS)


@command(app, "wait")
async def wait(
    call: Invocation,
    group_id: IdArgument,
    timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="Give up after this long.")] = None,
) -> None:
    """Wait until no member has work left; exit code 4 if time runs out."""
    async with call.target.open_service() as service:
        call.output.record((await service.wait_group(group_id, timeout)).to_dict(), GROUPS)
