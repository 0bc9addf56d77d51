"""``nexus contexts``: names for places, and which of them commands act on."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nexus.errors import InvalidInput
from nexus_tui.cli.contexts import Contexts, Place, read_contexts, write_contexts
from nexus_tui.cli.invocation import Invocation, command, group
from nexus_tui.cli.target import without_password
from nexus_tui.cli.views import CONTEXTS

app = group("Names for stores and servers: list, add, use, remove.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The context's name.")]


@command(app, "list", without=("store", "server", "token", "place", "namespace", "app"))
def list_(call: Invocation) -> None:
    """List contexts by name; passwords and tokens are never shown."""
    contexts = read_contexts()
    shown = [_shown(contexts, name) for name in sorted(contexts.places)]
    call.output.rows(shown, CONTEXTS, envelope={"items": shown, "next_cursor": None})


@command(app, "add", without=("place", "app"))
def add(
    call: Invocation,
    name: NameArgument,
    read_only: Annotated[bool, typer.Option("--read-only", help="Refuse every change there.")] = False,
    use: Annotated[bool, typer.Option("--use", help="Act there from now on.")] = False,
) -> None:
    """Name a place: --store URL, or --server URL with --token TOKEN if it wants one; maybe a --namespace there."""
    target = call.target
    if target.origin not in ("--store", "--server"):
        raise InvalidInput("which place? give --store URL, or --server URL", field="server")
    place = Place(
        store=target.store, server=target.server, token=target.token, read_only=read_only, namespace=target.namespace
    )
    contexts = read_contexts().added(name, place, use=use)
    write_contexts(contexts)
    call.output.record(_shown(contexts, name), CONTEXTS)


@command(app, "use", without=("store", "server", "token", "place", "namespace", "app"))
def use(
    call: Invocation,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The context's name.")] = None,
    none: Annotated[bool, typer.Option("--none", help="Act on the default store again.")] = False,
) -> None:
    """Act there from now on, unless an option or the environment says otherwise."""
    if (name is None) != none:
        raise InvalidInput("give the NAME of a context, or --none", field="name")
    contexts = read_contexts().used(name)
    write_contexts(contexts)
    if name is not None:
        call.output.record(_shown(contexts, name), CONTEXTS)


@command(app, "remove", without=("store", "server", "token", "place", "namespace", "app"))
def remove(call: Invocation, name: NameArgument) -> None:
    """Forget a context; what it names stays as it is."""
    before = read_contexts()
    write_contexts(before.removed(name))
    call.output.record(_shown(before, name), CONTEXTS)


def _shown(contexts: Contexts, name: str) -> dict[str, Any]:
    place = contexts.get(name)
    return {
        "name": name, "current": name == contexts.current,
        "store": None if place.store is None else without_password(place.store),
        "server": None if place.server is None else without_password(place.server),
        "namespace": place.namespace, "token": place.token is not None, "read_only": place.read_only,
    }  # fmt: skip
