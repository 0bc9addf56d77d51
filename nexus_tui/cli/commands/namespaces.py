"""``nexus namespaces``: tenants apart in one store."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from nexus.model.namespace import DEFAULT, NamespaceContents
from nexus_tui.cli.confirming import confirm
from nexus_tui.cli.invocation import Invocation, command, group
from nexus_tui.cli.target import Target
from nexus_tui.cli.views import NAMESPACE, NAMESPACES

app = group("Namespaces: tenants apart in one store. List, create, show, remove.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The namespace's name.")]
_WITHOUT = ("namespace",)


@command(app, "list", without=_WITHOUT)
async def list_(call: Invocation) -> None:
    """List namespaces by name; the store itself, which is default, isn't among them."""
    async with _root(call).open_service() as service:
        shown = [namespace.to_dict() for namespace in await service.list_namespaces()]
        call.output.rows(shown, NAMESPACES, envelope={"items": shown, "next_cursor": None})


@command(app, "create", without=_WITHOUT)
async def create(call: Invocation, name: NameArgument) -> None:
    """Make a namespace; nexus tokens create --namespace NAME lets somebody into it."""
    async with _root(call).open_service() as service:
        call.output.record((await service.create_namespace(name)).to_dict(), NAMESPACES)


@command(app, "show", without=_WITHOUT)
async def show(call: Invocation, name: NameArgument) -> None:
    """Show a namespace and how much is in it."""
    async with _root(call).open_service() as service:
        call.output.record((await service.get_namespace(name)).to_dict(), NAMESPACE)


@command(app, "remove", without=_WITHOUT)
async def remove(
    call: Invocation,
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask; all that is in it goes too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, and change nothing.")] = False,
) -> None:
    """Remove a namespace with all that is in it; one that holds something only if that is confirmed."""
    async with _root(call).open_service() as service:
        held = await service.get_namespace(name)
        if dry_run:
            call.output.record(held.to_dict(), NAMESPACE)
            return
        _confirm(call, held, yes=yes)
        # What came in since it was asked is named by a refusal, unless all of it was meant.
        everything = yes or not held.empty
        call.output.record((await service.remove_namespace(name, everything=everything)).to_dict(), NAMESPACE)


def _root(call: Invocation) -> Target:
    """The store itself, whatever the environment or the context name."""
    return replace(call.target, namespace=None if call.target.remote else DEFAULT)


def _confirm(call: Invocation, held: NamespaceContents, *, yes: bool) -> None:
    if yes or held.empty or held.namespace.removing:
        return
    what = (
        f"remove namespace {held.namespace.name} with {held.sessions:,} sessions ({held.live:,} live), {held.groups:,}"
        f" groups and {held.tokens:,} tokens"
    )
    confirm(call, what, shown="it")
