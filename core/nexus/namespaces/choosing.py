"""Who may act in which namespace."""

from __future__ import annotations

from msgspec.structs import replace

from nexus.errors import PermissionDenied
from nexus.model import Caller
from nexus.model.namespace import DEFAULT, check_namespace
from nexus.namespaces.names import not_found


def choose(caller: Caller, wanted: str | None, only: str) -> Caller:
    """The caller in the namespace where it acts.

    An admin of the store itself may act in any. In another it is known as ``default/NAME``, so that it can't be taken
    for somebody of that namespace.

    Args:
        caller: Who asks, in its own namespace.
        wanted: The namespace that it asks for; ``None`` for its own.
        only: The one that this process serves; ``default`` for all.

    Raises:
        InvalidInput: ``wanted`` is no name of a namespace.
        PermissionDenied: The caller may not choose one.
        NamespaceNotFound: It may not know of the one that it asks for, or that one isn't served here.
    """
    own, administers = caller.namespace, caller.namespace == DEFAULT and caller.scope == "admin"
    name = own if wanted is None else check_namespace(wanted)
    if wanted is None and administers:
        # Where one namespace is served, its store's admin is let into that without asking for it.
        name = only
    if only not in (DEFAULT, name):
        raise not_found(name)
    if name == own:
        return caller
    if own != DEFAULT:
        raise not_found(name)
    if not administers:
        raise PermissionDenied(
            f"a token of scope {caller.scope} may not choose a namespace: that takes one of scope admin that is of no"
            " namespace itself",
            scope=caller.scope, field="namespace",
        )  # fmt: skip
    actor = caller.actor if caller.actor.startswith("local:") else f"{DEFAULT}/{caller.actor}"
    return replace(caller, namespace=name, actor=actor)
