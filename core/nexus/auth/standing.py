"""Whether those who came in may stay: what they left open ends soon after what they have shown does.

Streams and long waits are watched here, all by one task that looks at each proof twice a second, so that a revoked or
expired token, or a key that its provider has withdrawn, ends them within the two seconds in which it also stops
letting anybody in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from nexus.errors import AuthenticationRequired, NexusError
from nexus.model.caller import Proof

T = TypeVar("T")
EVERY: Final = 0.5
"""Seconds between two looks."""
_log = logging.getLogger("nexus.auth")


class Standings:
    """Everything that is open in one process, by what it was opened with; used on one event loop.

    Args:
        stands: Says whether a proof is good still.
    """

    def __init__(self, stands: Callable[[Proof], Awaitable[bool]]) -> None:
        self._stands = stands
        self._open: dict[Proof, list[Callable[[], object]]] = {}
        self._looking: asyncio.Task[None] | None = None

    @contextmanager
    def watching(self, proof: Proof | None, over: Callable[[], object]) -> Iterator[None]:
        """Call ``over``, once, if the proof ends while the context is open; never for ``None``."""
        if proof is None:
            yield
            return
        self._open.setdefault(proof, []).append(over)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="nexus-standing")
        try:
            yield
        finally:
            self._leave(proof, over)

    async def while_good(self, proof: Proof | None, work: Awaitable[T]) -> T:
        """Wait for something for as long as the proof is good.

        Raises:
            AuthenticationRequired: It ended before; the work is cancelled.
        """
        task = asyncio.ensure_future(work)
        ended = False

        def end() -> None:
            nonlocal ended
            ended = True
            task.cancel()

        with self.watching(proof, end):
            try:
                return await task
            except asyncio.CancelledError:
                asking = asyncio.current_task()
                if not ended or (asking is not None and asking.cancelling()):
                    raise
        raise AuthenticationRequired(
            "the token was revoked or has expired while this was waited for: ask again with another",
            field="authorization",
        )

    async def close(self) -> None:
        """Look no more."""
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    def _leave(self, proof: Proof, over: Callable[[], object]) -> None:
        waiting = self._open.get(proof)
        if waiting is None or over not in waiting:
            return
        waiting.remove(over)
        if not waiting:
            del self._open[proof]

    async def _look(self) -> None:
        while self._open:
            await asyncio.sleep(EVERY)
            for proof in tuple(self._open):
                if not await self._still(proof):
                    for over in self._open.pop(proof, ()):
                        over()
        self._looking = None

    async def _still(self, proof: Proof) -> bool:
        try:
            return await self._stands(proof)
        except NexusError as error:
            # Nothing new gets in meanwhile; what is open has no more to tell than the store that can't be read.
            _log.debug("it can't be told whether a token is good still: %s", error)
            return True
