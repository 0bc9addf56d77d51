"""Connections to the nodes of a cluster, one to each, shared by the shards whose slots it has.

So a process has three connections for sixteen shards on three nodes, and what is asked of all shards goes out in
three writes. Which node has which slot is asked of the cluster once, and again after anything that may mean that
it changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

import hiredis

from nexus.stores.redis import faults
from nexus.stores.redis.locate import Owners, owners_by
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
        self._seeds = list(place.hosts)
        self._look = Together(self._looked)
        self._connecting: dict[Address, Together[Wire]] = {}
        self._wires: dict[Address, Wire] = {}

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
        connect_once = self._connecting.get(address)
        if connect_once is None:
            connect_once = self._connecting[address] = Together(partial(self._connected, address))
        return await connect_once()

    async def another(self, key: bytes) -> Wire:
        """A connection of one's own to the node that has a key's slot; raises as ``shared`` does."""
        if asyncio.get_running_loop().time() - self._known_at > _FRESH:
            self._stale = True
        return await connect(self._place, *await self._address(key), timeout=self._timeout)

    def first_of_each(self, keys: Sequence[bytes]) -> list[int]:
        """Which of the keys are the first on their nodes, as far as is known now."""
        first: dict[Address | None, int] = {}
        for place, key in enumerate(keys):
            first.setdefault(self._owner(slot_of_key(key)), place)
        return sorted(first.values())

    async def close(self) -> None:
        """Drop all shared connections."""
        await self._look.stop()
        for connecting in self._connecting.values():
            await connecting.stop()
        for wire in self._wires.values():
            wire.close()
            await wire.closed
        self._wires.clear()

    async def _connected(self, address: Address) -> Wire:
        try:
            wire = await connect(self._place, *address, timeout=self._timeout)
            try:
                await load_scripts(wire, self._place.shown)
            except BaseException:
                wire.close()
                raise
        except Lost:
            self._stale = True
            raise
        # Not before it knows the scripts: others use it as soon as it stands here.
        self._wires[address] = wire
        return wire

    async def _address(self, key: bytes) -> Address:
        if self._stale:
            await self._look()
        slot = slot_of_key(key)
        address = self._owner(slot)
        if address is None:
            self._stale = True
            raise Lost(f"the cluster knows no node for slot {slot}")
        return address

    def _owner(self, slot: int) -> Address | None:
        return next((address for low, high, address in self._owners if low <= slot <= high), None)

    async def _looked(self) -> None:
        """Ask the cluster which node has which slots: any node that answers, beginning with the one that did last."""
        for seed in list(self._seeds):
            try:
                owners = await owners_by(self._place, seed, self._timeout)
            except Lost as error:
                self._seeds.remove(seed)
                self._seeds.append(seed)
                why = f"{seed[0]}:{seed[1]}: {error}"
                continue
            others = [address for *_, address in owners]
            # Those in the URL may all be gone one day, while others have come.
            self._seeds = list(dict.fromkeys([seed, *self._place.hosts, *others]))
            self._owners, self._stale = owners, False
            self._known_at = asyncio.get_running_loop().time()
            return
        raise Lost(f"no node of the cluster answers ({why})")


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
