"""``nexus console``: watch and steer sessions, live, or play what was recorded."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nexus.errors import InvalidInput, StoreUnavailable
from nexus.service import DEFAULT_LIMIT, DEFAULT_SORT, MAX_LIMIT
from nexus_tui.cli.choosing import ContextPlaces
from nexus_tui.cli.diagnostics import ExitCode
from nexus_tui.cli.invocation import Invocation, Shared, alone, command, places_of
from nexus_tui.starting import without_collecting

if TYPE_CHECKING:
    from nexus_tui.connection import Opens

app = alone()


@command(app, "console", without=("output",), several=True)
def console(
    call: Invocation,
    read_only: Annotated[bool, typer.Option("--read-only", help="Refuse every change.")] = False,
    theme: Annotated[str | None, typer.Option(metavar="NAME", help="Colours of the console.")] = None,
    replay: Annotated[
        str | None, typer.Option(metavar="FILE", help="Play what nexus events record or export wrote.")
    ] = None,
    all_contexts: Annotated[
        bool, typer.Option("--all-contexts", help="Show all contexts in one list; or several by --context A,B.")
    ] = False,
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
    target = _target(call, replay, read_only=read_only, every=all_contexts)
    if dump is not None:
        return _dump(target, dump, query or "", sort, limit, replay)
    for name, given in (("query", query), ("sort", sort != DEFAULT_SORT), ("limit", limit != DEFAULT_LIMIT)):
        if given:
            raise InvalidInput(f"--{name} goes with --dump; in the console / filters and s sorts", field=name)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidInput(
            "the console needs a terminal; nexus sessions list --watch, nexus events --follow and "
            "nexus console --dump json work in a pipe", field="terminal",
        )  # fmt: skip
    with without_collecting():
        return _run(call, target, replay, read_only=read_only, theme=theme)


def _run(call: Invocation, target: Opens, replay: str | None, *, read_only: bool, theme: str | None) -> ExitCode:
    from nexus_tui.app import run_console

    if replay is None:
        places = ContextPlaces(call.target, read_only=read_only, namespace=_typed_namespace(call))
        return ExitCode(run_console(target, read_only=read_only, theme=theme, places=places))
    from nexus_tui.replay.player import Player
    from nexus_tui.replay.reading import read_tape
    from nexus_tui.replay.target import ReplayTarget

    player = Player(read_tape(Path(replay)))
    return ExitCode(run_console(ReplayTarget(Path(replay), player), read_only=True, theme=theme, player=player))


def _target(call: Invocation, replay: str | None, *, read_only: bool, every: bool) -> Opens:
    """Where to look: one place, or several contexts."""
    from nexus_tui.cli.contexts import read_contexts

    names = places_of(call)
    if every:
        if names:
            raise InvalidInput("--all-contexts and --context are both given: leave one out", field="context")
        if call.target.origin in ("--store", "--server"):
            raise InvalidInput("--all-contexts names places: leave out --store and --server, or it", field="context")
        names = sorted(read_contexts().places)
        if not names:
            raise InvalidInput("there is no context yet: nexus contexts add NAME --server URL makes one",
                               field="context")  # fmt: skip
    if len(names) > 1 and replay is not None:
        raise InvalidInput("--replay plays one recording: leave the contexts out", field="context")
    if len(names) > 1 or every:
        # A token that the command line gave with a context is for that one.
        return ContextPlaces(call.target, read_only=read_only, namespace=_typed_namespace(call)).target(names)
    return replace(call.target, read_only=True) if read_only else call.target


def _typed_namespace(call: Invocation) -> str | None:
    """The namespace that the line itself names, for every context alike."""
    shared = call.context.obj
    return shared.namespace if isinstance(shared, Shared) else None


def _dump(target: Opens, form: str, q: str, sort: str, limit: int, replay: str | None) -> ExitCode:
    import asyncio

    if form != "json":
        raise InvalidInput(f"--dump {form!r} is no format: there is json", field="dump", value=form)
    asyncio.run(_print(target, q, sort, limit, replay))
    return ExitCode.DONE


async def _print(target: Opens, q: str, sort: str, limit: int, replay: str | None) -> None:
    """What ``nexus sessions list -o json`` prints with the same options; of a recording, as it ends."""
    from nexus_tui.cli.output import Output
    from nexus_tui.cli.selection import filter_errors
    from nexus_tui.cli.views import SESSIONS
    from nexus_tui.replay.player import Player
    from nexus_tui.replay.reading import read_tape
    from nexus_tui.replay.target import ReplayTarget

    place: Opens = target
    if replay is not None:
        player = Player(read_tape(Path(replay)), playing=False)
        player.seek(player.tape.end)
        place = ReplayTarget(Path(replay), player)
    contexts = getattr(place, "contexts", None)
    async with place.open_service() as service:
        with filter_errors(q):
            page = await service.list_sessions(q, sort=sort, limit=limit)
    if contexts is not None and (missing := contexts.away):
        raise StoreUnavailable(f"{missing[0].name} is not connected: {missing[0].reason}", context=missing[0].name)
    envelope = page.to_dict(total=True)
    if contexts is not None:
        envelope["items"] = [_with_context(each) for each in envelope["items"]]
    Output("json").rows(envelope["items"], SESSIONS, envelope=envelope)


def _with_context(row: dict[str, Any]) -> dict[str, Any]:
    """A row of several contexts: where it is in a key of its own, and its names as they are there."""
    from nexus_tui.merged.names import parted

    where, own = parted(row["id"])
    names = {key: row[key] and row[key].removeprefix(f"{where}:") for key in ("parent_id", "group_id")}
    return {"context": where, **row, "id": own, **names}
