"""Contexts as places that the console can go to: read anew each time, so that one made meanwhile is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nexus_tui.cli.contexts import read_contexts
from nexus_tui.cli.target import Target, resolve_target, without_password
from nexus_tui.switching import NamedPlace

if TYPE_CHECKING:
    from nexus_tui.connection import Opens


class ContextPlaces:
    """The contexts of this user."""

    def __init__(self, call: Target, *, read_only: bool = False, namespace: str | None = None) -> None:
        """Take over what was asked of the command line.

        Args:
            call: Where it said to act; its token, its app and whether hidden values are wanted hold elsewhere too.
            read_only: Whether every service refuses every change, whatever its context says.
            namespace: The one that the line itself names, for every context alike.
        """
        # A token that belongs to a context, or to a server that was named, is nobody else's.
        self._token = None if call.origin.startswith(("context ", "--server")) else call.token
        self._app = call.app
        self._reveal = call.reveal
        self._read_only = read_only
        self._namespace = namespace

    def known(self) -> list[NamedPlace]:
        """All of them by name."""
        places = read_contexts().places
        return [
            NamedPlace(name, without_password(place.server or place.store or ""), place.read_only or self._read_only)
            for name, place in sorted(places.items())
        ]

    def target(self, names: Sequence[str]) -> Opens:
        """Where one of them is, or several in one list."""
        if len(names) == 1:
            return self.one(names[0])
        from nexus_tui.merged.target import MergedTarget

        return MergedTarget({name: self.one(name) for name in names})

    def one(self, name: str) -> Target:
        """Where one of them is.

        Args:
            name: Its name.

        Raises:
            InvalidInput: There is none, or its place can't be used.
        """
        target = resolve_target(
            store=None, server=None, token=self._token, app=self._app, context=name, namespace=self._namespace
        )
        return replace(target, read_only=target.read_only or self._read_only, reveal=self._reveal)
