"""Calls that get an answer or ``StoreUnavailable`` within a bounded time, over connections that come and go.

A call whose connection breaks is made again on a new one. That is right for everything that this
store does: reads change nothing, beats and trims say what shall be, and a commit carries a number
by which the server recognises it (``commits.py``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import hiredis

from nexus.stores.redis import faults
from nexus.stores.redis.locate import connect_primary
from nexus.stores.redis.nodes import Nodes, load_scripts
from nexus.stores.redis.scripts import Script
from nexus.stores.redis.together import Together
from nexus.stores.redis.urls import Place
from nexus.stores.redis.wire import Lost, Wire, Word, pack

_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.5


class Client:
    """The commands of one store; for one event loop.

    Args:
        place: The store's URL.
        slot_key: One of its keys.
        timeout: Seconds that one attempt may take to connect or to be answered.
        patience: Seconds after which a call that no server answers is ``StoreUnavailable``.
        nodes: Connections that are shared with others; without them the client has one of its own.
    """

    def __init__(
        self, place: Place, slot_key: bytes, *, timeout: float, patience: float, nodes: Nodes | None = None
    ) -> None:
        self._nodes = nodes
        self._place = place
        self._slot_key = slot_key
        self._timeout = timeout
        self._patience = patience
        self._wire: Wire | None = None
        self._connect = Together(self._connected)
        self._closed = False
        self.trouble = ""
        """What was wrong when the last call had to be made again."""
        self.breaks = 0
        """How many calls had to be made again."""

    async def call(self, *words: Word) -> Any:
        """One command."""
        return (await self.pipeline([pack(words)]))[0]

    async def calls(self, commands: Sequence[tuple[Word, ...]], *, since: float | None = None) -> list[Any]:
        """Several commands in their order, in one round trip; others' may come in between.

        Args:
            commands: They.
            since: When the caller first tried, by the loop's clock; ``None`` for now.
        """
        return await self.pipeline([pack(words) for words in commands], since=since)

    def begin(self, commands: Sequence[tuple[Word, ...]]) -> list[asyncio.Future[Any]] | None:
        """Send commands now, once, for who makes those that fail again by ``calls``.

        Returns:
            As ``Wire.call`` gives them; ``None`` if there is no connection now.
        """
        wire = self._wire
        return None if wire is None or not wire.open else [wire.call(*words) for words in commands]

    async def run(self, script: Script, keys: Sequence[Word], arguments: Sequence[Word]) -> Any:
        """One script."""
        return await self.call("EVALSHA", script.sha, len(keys), *keys, *arguments)

    async def pipeline(self, packed: Sequence[bytes], *, since: float | None = None) -> list[Any]:
        """Packed commands, made again until they are answered.

        Raises:
            StoreUnavailable: No server answered in time, or one refused.
        """
        loop = asyncio.get_running_loop()
        begun, pause, why = loop.time() if since is None else since, _FIRST_PAUSE, ""
        while True:
            try:
                wire = self._wire
                if wire is None or not wire.open:
                    wire = await self._connect()
                replies = await self._ask(wire, packed)
            except Lost as lost:
                why = str(lost)
            else:
                error = next((reply for reply in replies if isinstance(reply, hiredis.ReplyError)), None)
                if error is None:
                    return replies
                why = str(error)
                await self._settle(error, wire)
            self.breaks += 1
            self.trouble = why
            if loop.time() - begun + pause >= self._patience:
                raise faults.unreachable(why, self._place.shown)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def another(self) -> Wire:
        """A connection of one's own, for calls that block.

        Raises:
            Lost: There is none now.
            StoreUnavailable: The server refuses.
        """
        if self._closed:
            raise faults.closed(self._place.shown)
        try:
            if self._nodes is not None:
                return await self._nodes.another(self._slot_key)
            return await connect_primary(self._place, self._slot_key, timeout=self._timeout)
        except hiredis.ReplyError as error:
            raise self._refusal(error) from None

    async def close(self) -> None:
        """Drop the connection; calls from now on are ``StoreUnavailable``."""
        self._closed = True
        await self._connect.stop()
        wire, self._wire = self._wire, None
        if wire is not None and self._nodes is None:
            wire.close()
            await wire.closed

    @staticmethod
    async def _ask(wire: Wire, packed: Sequence[bytes]) -> list[Any]:
        if len(packed) == 1:
            return [await wire.send(packed[0])]
        waiting = [wire.send(one) for one in packed]
        # Every one is awaited, so that none of them complains of an exception that nobody took.
        replies = await asyncio.gather(*waiting, return_exceptions=True)
        for reply in replies:
            if isinstance(reply, Lost):
                raise reply
        return replies

    async def _settle(self, error: hiredis.ReplyError, wire: Wire) -> None:
        code = faults.code_of(error)
        if code == "NOSCRIPT":
            # A connection loads the scripts; they were flushed since.
            wire.close("the server forgot its scripts")
        elif code in faults.ELSEWHERE:
            self._leave(wire, str(error))
        elif code not in faults.AGAIN:
            raise faults.refused(error, self._place.shown)

    async def _connected(self) -> Wire:
        if self._closed:
            raise faults.closed(self._place.shown)
        if self._wire is not None and self._wire.open:
            return self._wire
        self._wire = wire = await self._shared(self._nodes) if self._nodes is not None else await self._own()
        return wire

    async def _own(self) -> Wire:
        wire = await self.another()
        try:
            await load_scripts(wire, self._place.shown)
        except BaseException:
            wire.close()
            raise
        return wire

    async def _shared(self, nodes: Nodes) -> Wire:
        try:
            return await nodes.shared(self._slot_key)
        except hiredis.ReplyError as error:
            raise self._refusal(error) from None

    def _refusal(self, error: hiredis.ReplyError) -> Exception:
        """What to raise when a server answers a greeting with an error."""
        if faults.code_of(error) in faults.AGAIN | faults.ELSEWHERE:
            return Lost(str(error))
        return faults.refused(error, self._place.shown)

    def _leave(self, wire: Wire, why: str) -> None:
        """Look for the server anew. Others may have good use for a shared connection."""
        if self._nodes is None:
            wire.close(why)
        else:
            self._nodes.look_again()
            if self._wire is wire:
                self._wire = None
