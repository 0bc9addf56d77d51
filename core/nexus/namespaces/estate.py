"""The namespaces of a store, as who administers them sees them: made, listed, looked into, removed.

A removal goes in an order in which it can be cut short at any point, and done again to its end. First the store says
that the namespace lets nobody in. Then every process has time to hear of it and to let go. Then its tokens go, its part
of the store, its archive, and last its name. Until that last step the name is taken, and ``remove`` goes on where an
earlier one was cut short.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from nexus.auth import Tokens
from nexus.errors import NamespaceNotEmpty
from nexus.model import Caller
from nexus.model.namespace import Namespace, NamespaceContents
from nexus.namespaces.contents import contents_of
from nexus.namespaces.names import FRESH, Names
from nexus.namespaces.places import settings_in
from nexus.sessions.clock import Clock
from nexus.settings import Settings
from nexus.stores.base import Store
from nexus.stores.opening import open_store, store_url
from nexus.stores.partitions import erase

LETTING_GO: Final = 2.5 * FRESH
"""Seconds in which every process has heard that a namespace is being removed, and has closed its part."""


async def _nowhere(_: Namespace) -> Store | None:
    return None


async def _nothing(_: Namespace) -> None:
    return None


class Estate:
    """See the module's docstring.

    Args:
        names: Which there are.
        tokens: Those of all namespaces.
        settings: The store's own.
        clock: When.
    """

    def __init__(self, names: Names, tokens: Tokens, settings: Settings, clock: Clock) -> None:
        self.names = names
        self._tokens = tokens
        self._settings = settings
        self._clock = clock
        self.opened: Callable[[Namespace], Awaitable[Store | None]] = _nowhere
        """Gives a namespace's part where this process may have it open."""
        self.let_go: Callable[[Namespace], Awaitable[None]] = _nothing
        """Closes a namespace's part in this process."""

    async def contents(self, name: str) -> NamespaceContents:
        """A namespace with how much is in it.

        Raises:
            NamespaceNotFound: There is none of that name.
        """
        namespace = await self.names.get(name)
        store = None if namespace.removing else await self.opened(namespace)
        if store is not None:
            return await self._count(namespace, store)
        own = settings_in(self._settings, namespace)
        async with open_store(store_url(own), prefix=own.session_prefix) as opened:
            return await self._count(namespace, opened)

    async def _count(self, namespace: Namespace, store: Store) -> NamespaceContents:
        return await contents_of(namespace, store, self._tokens, self._clock.now())

    async def remove(self, name: str, caller: Caller, *, everything: bool) -> NamespaceContents:
        """Remove a namespace.

        Args:
            name: Which.
            caller: Who wants it.
            everything: Remove what is in it too.

        Returns:
            What it held.

        Raises:
            NamespaceNotFound: There is none of that name.
            NamespaceNotEmpty: It holds something, and ``everything`` wasn't said; nothing was changed.
            StoreUnavailable: It was cut short; the namespace lets nobody in, and can be removed again.
        """
        held = await self.contents(name)
        if not (held.empty or everything or held.namespace.removing):
            raise NamespaceNotEmpty(
                f"namespace {name} holds {held.sessions:,} sessions ({held.live:,} live), {held.groups:,} groups and"
                f" {held.tokens:,} tokens: say that they go too",
                name=name, sessions=held.sessions, live=held.live, groups=held.groups, tokens=held.tokens,
            )  # fmt: skip
        namespace = await self.names.begin_removal(name, caller)
        await self.let_go(namespace)
        await asyncio.sleep(LETTING_GO if self._shared else 0)
        for token in await self._tokens.of(name):
            await self._tokens.drop(token, caller)
        await self._erase(namespace)
        await self.names.forget(namespace)
        return held

    @property
    def _shared(self) -> bool:
        return not store_url(self._settings).lower().startswith("memory:")

    async def _erase(self, namespace: Namespace) -> None:
        own = settings_in(self._settings, namespace)
        await erase(store_url(own), own.session_prefix)
        if self._settings.session_persistence:
            from nexus.archive.opening import remove_archive

            await remove_archive(self._settings.database_url, namespace.place)
