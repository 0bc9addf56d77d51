"""All that is open of a store in this process: the store itself, and the parts of it that namespaces have.

A part is opened when somebody acts in it. Once started, a process opens the parts of all namespaces, those that come
later too, so that runs are recovered and sessions swept in each, and it closes those that are removed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from nexus.auth.verifier import LETS_NOBODY_IN
from nexus.errors import AuthenticationRequired, NexusError
from nexus.model.namespace import DEFAULT, Namespace
from nexus.namespaces import FRESH, Estate, not_found
from nexus.partition import Partition
from nexus.parts import Parts
from nexus.stores.base import Store
from nexus.tasks import end

_TOGETHER = 8
"""Parts that are opened at once."""
_log = logging.getLogger("nexus.namespaces")


class Spaces:
    """See the module's docstring; used on one event loop.

    Args:
        root: The store itself, open.
        make: Makes the part of a namespace, not opened.
        only: The one namespace that this process has to do with; ``default`` for all.
    """

    def __init__(self, root: Partition, make: Callable[[Namespace], Partition], only: str = DEFAULT) -> None:
        assert root.parts is not None  # noqa: S101 - it is open
        self._root = root
        self._estate: Estate = root.parts.estate
        self._make = make
        self._only = only
        self._parts: dict[str, Partition] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._started = False
        self._watching: asyncio.Task[None] | None = None
        self._estate.opened = self._opened
        self._estate.let_go = self._let_go

    @property
    def root(self) -> Parts:
        """The parts of the store itself."""
        return self.find(DEFAULT)

    async def check_known(self, name: str) -> None:
        """Let nobody in whose namespace is gone.

        Raises:
            AuthenticationRequired: It is; in the words for a token that lets nobody in.
        """
        if name != DEFAULT and await self._estate.names.find(name) is None:
            raise AuthenticationRequired(LETS_NOBODY_IN, field="authorization")

    def find(self, name: str) -> Parts:
        """The open parts of a namespace.

        Raises:
            NamespaceNotFound: It isn't open: nobody let anybody into it, or it is being removed.
        """
        partition = self._root if name == DEFAULT else self._parts.get(name)
        parts = partition.parts if partition is not None else None
        if parts is None:
            raise not_found(name)
        return parts

    async def open(self, name: str) -> Parts:
        """The parts of a namespace, opened if need be, and started where this process is.

        Raises:
            NamespaceNotFound: There is none of that name, or it is being removed.
            StoreUnavailable: It can't be opened.
        """
        if name == DEFAULT:
            return self.find(name)
        namespace = await self._estate.names.find(name)
        if namespace is None:
            raise not_found(name)
        return await self._open(namespace)

    async def _open(self, namespace: Namespace) -> Parts:
        name = namespace.name
        partition = self._parts.get(name)
        if partition is not None and partition.place == namespace.place and self._is_ready(partition):
            return self.find(name)
        async with self._turns.setdefault(name, asyncio.Lock()):
            partition = self._parts.get(name)
            if partition is not None and partition.place != namespace.place:
                await self._close(name)
                partition = None
            partition = partition or self._make(namespace)
            try:
                parts = await (partition.start() if self._started else partition.open())
            except BaseException:
                self._parts.pop(name, None)
                await partition.close(0.0)
                raise
            self._parts[name] = partition
            return parts

    def _is_ready(self, partition: Partition) -> bool:
        return partition.parts is not None and (partition.started or not self._started)

    async def _opened(self, namespace: Namespace) -> Store | None:
        return (await self._open(namespace)).store

    async def _let_go(self, namespace: Namespace) -> None:
        async with self._turns.setdefault(namespace.name, asyncio.Lock()):
            await self._close(namespace.name)

    async def _close(self, name: str, grace: float = 0.0) -> None:
        partition = self._parts.pop(name, None)
        if partition is not None:
            await partition.close(grace)

    async def start(self) -> None:
        """Work in the parts of all namespaces, or of the only one, from now on; opening them goes on behind this."""
        self._started = True
        if self._only != DEFAULT:
            await self.open(self._only)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="nexus-namespaces")

    async def close(self, grace: float) -> None:
        """Close all parts but the store itself."""
        watching, self._watching, self._started = self._watching, None, False
        await end(watching)
        await asyncio.gather(*(self._close(name, grace) for name in list(self._parts)))

    async def _watch(self) -> None:
        refused: set[str] = set()
        while True:
            try:
                await self._look(refused)
            except NexusError as error:
                _log.warning("namespaces can't be looked for: %s", error)
            except Exception:  # noqa: BLE001 - the next look may succeed, and nobody else would take it
                _log.exception("a look for namespaces failed and will be taken again")
            await asyncio.sleep(FRESH)

    async def _look(self, refused: set[str]) -> None:
        known = await self._estate.names.known(FRESH / 2)
        for name, partition in list(self._parts.items()):
            if name not in known or known[name].place != partition.place:
                async with self._turns.setdefault(name, asyncio.Lock()):
                    await self._close(name)
        wanted = [known[name] for name in known if self._only in (DEFAULT, name)]
        missing = [one for one in wanted if one.name not in self._parts]
        for start in range(0, len(missing), _TOGETHER):
            await asyncio.gather(*(self._try_open(one, refused) for one in missing[start : start + _TOGETHER]))

    async def _try_open(self, namespace: Namespace, refused: set[str]) -> None:
        try:
            await self._open(namespace)
            refused.discard(namespace.place)
        except NexusError as error:
            # Said once: it is tried again with each look.
            if namespace.place not in refused:
                refused.add(namespace.place)
                _log.warning("namespace %s can't be opened, and is tried again: %s", namespace.name, error)
