"""The namespaces of a store: documents in it, so that every process of the store knows the same ones."""

from __future__ import annotations

import asyncio
import secrets
from typing import Final

import msgspec
from msgspec.structs import replace

from nexus.errors import InvalidInput, NamespaceExists, NamespaceNotFound
from nexus.model import Caller
from nexus.model.audit import AuditEntry
from nexus.model.namespace import DEFAULT, Namespace, check_namespace
from nexus.sessions.clock import Clock
from nexus.stores.base import Conflict, Store

KIND: Final = "namespace"
FRESH: Final = 1.0
"""Seconds for which what was read is believed: so long one that was removed may still let somebody in."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Namespace).decode


class Names:
    """See the module's docstring; used on one event loop.

    Args:
        store: The store itself.
        clock: When.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, Namespace] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def create(self, name: str, caller: Caller) -> Namespace:
        """Make a namespace.

        Raises:
            InvalidInput: The name is none, or ``default``, which there always is.
            NamespaceExists: There is one of that name.
        """
        if check_namespace(name, "name") == DEFAULT:
            raise InvalidInput("name 'default' is the store itself: choose another", field="name", value=name)
        now = self._clock.now()
        made = Namespace(
            name=name, place=f"{name}-{secrets.token_hex(4)}", created_at=now, created_by=caller.actor
        )  # fmt: skip
        try:
            await self._put(name, _encode(made), None, self._entry("namespace.create", name, caller))
        except Conflict:
            raise NamespaceExists(
                f"there is a namespace {name} already, or it is being removed: choose another name",
                field="name", value=name,
            ) from None  # fmt: skip
        return made

    async def all(self) -> list[Namespace]:
        """All of them by name, those that are being removed too."""
        return [_decode(body) for body in (await self._store.documents(KIND)).values()]

    async def get(self, name: str) -> Namespace:
        """One of them, one that is being removed too.

        Raises:
            NamespaceNotFound: There is none of that name.
        """
        body = (await self._store.documents(KIND)).get(check_namespace(name, "name"))
        if body is None:
            raise not_found(name)
        return _decode(body)

    async def known(self, oldest: float = FRESH) -> dict[str, Namespace]:
        """Those that let somebody in, by name, as of ``oldest`` seconds ago at most.

        Raises:
            StoreUnavailable: They can't be read.
        """
        loop = asyncio.get_running_loop()
        if loop.time() - self._read_at >= oldest:
            async with self._reading:
                if loop.time() - self._read_at >= oldest:
                    begun = loop.time()
                    self._known = {one.name: one for one in await self.all() if not one.removing}
                    self._read_at = begun
        return self._known

    async def find(self, name: str) -> Namespace | None:
        """One that lets somebody in; one that isn't known is looked for in what the store has now."""
        return (await self.known()).get(name) or (await self.known(0.0)).get(name)

    async def begin_removal(self, name: str, caller: Caller) -> Namespace:
        """Say that a namespace lets nobody in any more; nothing changes where somebody has said so already.

        Raises:
            NamespaceNotFound: There is none of that name.
        """
        while True:
            found = await self.get(name)
            if found.removing:
                return found
            after = replace(found, removing=True)
            try:
                await self._put(name, _encode(after), _encode(found), self._entry("namespace.remove", name, caller))
            except Conflict:
                continue
            return after

    async def forget(self, namespace: Namespace) -> None:
        """End a removal: the name is free again. Nothing happens where it isn't this namespace's any more."""
        try:
            await self._put(namespace.name, None, _encode(namespace), None)
        except Conflict:
            return

    async def _put(self, name: str, body: bytes | None, expected: bytes | None, entry: AuditEntry | None) -> None:
        try:
            await self._store.put_document(KIND, name, body, expected=expected, audit=entry)
        finally:
            self._read_at = float("-inf")

    def _entry(self, action: str, name: str, caller: Caller) -> AuditEntry:
        return AuditEntry(
            at=round(self._clock.now(), 6), actor=caller.actor, channel=caller.channel, action=action,
            target_kind="namespace", target=name,
        )  # fmt: skip


def not_found(name: str, field: str = "namespace") -> NamespaceNotFound:
    """The refusal of a name that names no namespace, or none that the caller may know of."""
    return NamespaceNotFound(f"there is no namespace {name}", field=field, value=name)
