"""Connections to the nodes of a cluster, one to each, shared by the shards whose slots it has.

So a process has three connections for sixteen shards on three nodes, and what is asked of all shards goes out in
three writes. Which node has which slot is asked of the cluster once, and again after anything that may mean that
it changed.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

import hiredis

from nexus.stores.redis import faults
from nexus.stores.redis.locate import Owners, read_owners
from nexus.stores.redis.scripts import SCRIPTS
from nexus.stores.redis.slots import slot_of_key
from nexus.stores.redis.together import Together
from nexus.stores.redis.urls import Place
from nexus.stores.redis.wire import Lost, Wire, connect

Address = tuple[str, int]

_FRESH: Final = 1.0
"""Seconds for which the cluster isn't asked again for connections that block."""


class Nodes:
    """See the module's docstring; for one event loop.

    Args:
        place: The store's URL.
        timeout: Seconds for each of connecting and answering.
    """

    def __init__(self, place: Place, timeout: float) -> None:
        self._place = place
        self._timeout = timeout
        self._owners: Owners = ()
        self._known_at = float("-inf")
        self._stale = True
        self._look = Together(self._look_around)
        self._connecting: dict[Address, Together[Wire]] = {}
        self._wires: dict[Address, Wire] = {}

    @property
    def connections(self) -> int:
        """How many are open."""
        return sum(wire.open for wire in self._wires.values())

    def look_again(self) -> None:
        """Say that slots may have moved."""
        self._stale = True

    async def shared(self, key: bytes) -> Wire:
        """The connection to the node that has a key's slot, with the scripts loaded.

        Raises:
            Lost: It can't be reached, or nobody is in charge now.
            hiredis.ReplyError: It refuses the password.
            StoreUnavailable: It refuses the scripts.
        """
        address = await self._address(key)
        wire = self._wires.get(address)
        if wire is not None and wire.open:
            return wire
        connecting = self._connecting.get(address)
        if connecting is None:
            connecting = self._connecting[address] = Together(partial(self._connected, address))
        return await connecting()

    async def another(self, key: bytes) -> Wire:
        """A connection of one's own to the node that has a key's slot; raises as ``shared`` does."""
        if asyncio.get_running_loop().time() - self._known_at > _FRESH:
            self._stale = True
        return await self._connect(await self._address(key))

    async def close(self) -> None:
        """Drop all shared connections."""
        await self._look.stop()
        for connecting in self._connecting.values():
            await connecting.stop()
        for wire in self._wires.values():
            wire.close()
            await wire.closed
        self._wires.clear()

    async def _connect(self, address: Address) -> Wire:
        return await connect(self._place, *address, timeout=self._timeout)

    async def _connected(self, address: Address) -> Wire:
        wire: Wire | None = None
        try:
            wire = await self._connect(address)
            await load_scripts(wire, self._place.shown)
        except BaseException as error:
            if wire is not None:
                wire.close()
            if isinstance(error, Lost):
                self._stale = True
            raise
        self._wires[address] = wire
        return wire

    async def _look_around(self) -> None:
        self._owners = await read_owners(self._place, self._timeout)
        self._known_at = asyncio.get_running_loop().time()
        self._stale = False

    async def _address(self, key: bytes) -> Address:
        if self._stale:
            await self._look()
        slot = slot_of_key(key)
        for low, high, address in self._owners:
            if low <= slot <= high:
                return address
        self._stale = True
        raise Lost(f"the cluster knows no node for slot {slot}")


async def load_scripts(wire: Wire, shown: str) -> None:
    """Make the scripts known to a server.

    Args:
        wire: A connection to it, which is closed if it refuses.
        shown: The store's URL without its password.

    Raises:
        Lost: It can't take them now.
        StoreUnavailable: It doesn't take them.
    """
    for script in SCRIPTS:
        reply = await wire.call("SCRIPT", "LOAD", script.text)
        if isinstance(reply, hiredis.ReplyError):
            wire.close(str(reply))
            if faults.code_of(reply) in faults.AGAIN | faults.ELSEWHERE:
                raise Lost(str(reply))
            raise faults.refused(reply, shown)
