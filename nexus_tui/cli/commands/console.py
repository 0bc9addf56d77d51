"""``nexus console``: watch and steer sessions, live, or play what was recorded."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from nexus.errors import InvalidInput
from nexus.service import DEFAULT_LIMIT, DEFAULT_SORT, MAX_LIMIT
from nexus_tui.cli.diagnostics import ExitCode
from nexus_tui.cli.invocation import Invocation, alone, command

app = alone()


@command(app, "console", without=("output",))
def console(
    call: Invocation,
    read_only: Annotated[bool, typer.Option("--read-only", help="Refuse every change.")] = False,
    theme: Annotated[str | None, typer.Option(metavar="NAME", help="Colours of the console.")] = None,
    replay: Annotated[
        str | None, typer.Option(metavar="FILE", help="Play what nexus events record or export wrote.")
    ] = None,
    dump: Annotated[
        str | None, typer.Option(metavar="json", help="Print what the console would list; needs no terminal.")
    ] = None,
    query: Annotated[str | None, typer.Option("-q", "--query", metavar="FILTER", help="With --dump.")] = None,
    sort: Annotated[
        str, typer.Option(metavar="FIELD", help="With --dump; a leading - sorts downwards.")
    ] = DEFAULT_SORT,
    limit: Annotated[int, typer.Option(help=f"With --dump: rows, up to {MAX_LIMIT}.")] = DEFAULT_LIMIT,
) -> ExitCode:
    """Watch and steer sessions, live, in the terminal; or play a recording, and change nothing."""
    if dump is not None:
        return _dump(call, dump, query or "", sort, limit, replay)
    for name, given in (("query", query), ("sort", sort != DEFAULT_SORT), ("limit", limit != DEFAULT_LIMIT)):
        if given:
            raise InvalidInput(f"--{name} goes with --dump; in the console / filters and s sorts", field=name)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidInput(
            "the console needs a terminal; nexus sessions list --watch, nexus events --follow and "
            "nexus console --dump json work in a pipe", field="terminal",
        )  # fmt: skip
    from nexus_tui.app import run_console

    if replay is None:
        target = replace(call.target, read_only=True) if read_only else call.target
        return ExitCode(run_console(target, read_only=read_only, theme=theme))
    from nexus_tui.replay.player import Player
    from nexus_tui.replay.reading import read_tape
    from nexus_tui.replay.target import ReplayTarget

    player = Player(read_tape(Path(replay)))
    return ExitCode(run_console(ReplayTarget(Path(replay), player), read_only=True, theme=theme, player=player))


def _dump(call: Invocation, form: str, q: str, sort: str, limit: int, replay: str | None) -> ExitCode:
    import asyncio

    if form != "json":
        raise InvalidInput(f"--dump {form!r} is no format: there is json", field="dump", value=form)
    asyncio.run(_print(call, q, sort, limit, replay))
    return ExitCode.DONE


async def _print(call: Invocation, q: str, sort: str, limit: int, replay: str | None) -> None:
    """What ``nexus sessions list -o json`` prints with the same options; of a recording, as it ends."""
    from nexus_tui.cli.output import Output
    from nexus_tui.cli.selection import filter_errors
    from nexus_tui.cli.views import SESSIONS
    from nexus_tui.replay.player import Player
    from nexus_tui.replay.reading import read_tape
    from nexus_tui.replay.target import ReplayTarget

    target: object = call.target
    if replay is not None:
        player = Player(read_tape(Path(replay)), playing=False)
        player.seek(player.tape.end)
        target = ReplayTarget(Path(replay), player)
    assert hasattr(target, "open_service")  # noqa: S101  both kinds have it
    async with target.open_service() as service:
        with filter_errors(q):
            page = await service.list_sessions(q, sort=sort, limit=limit)
    envelope = page.to_dict(total=True)
    Output("json").rows(envelope["items"], SESSIONS, envelope=envelope)
