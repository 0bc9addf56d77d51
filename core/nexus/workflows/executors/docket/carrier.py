"""The carrier: docket as the messenger between the process that leaves a run waiting and one that has room.

A message is the id of a session, under a key that changes with each wait, because docket ignores a key that it knows.
What a message finds when it arrives is up to the store: it may come twice, late, or never. Nothing is read back from
docket, and with ``execution_ttl`` 0 nothing stays behind of a message that has been delivered.

docket is imported and connected in the background; until it is ``up``, and for good if Redis refuses it, the process
works without.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING

from nexus.workflows.executors.docket.consumers import join
from nexus.workflows.executors.docket.noise import reason, tame
from nexus.workflows.executors.docket.places import queue_name, queue_url
from nexus.workflows.executors.docket.receiver import Receiver, end

if TYPE_CHECKING:
    from docket import Docket, TaskCall

_TASK = "run"
_AT_ONCE = 200
_KEPT = timedelta(days=1)
"""How long an undelivered message's record stays; the run itself waits in the store for ever."""
_BOUND = 5.0
"""Seconds that a Redis has to answer."""
_FAREWELL = 2.0
"""Seconds that saying goodbye may take."""
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_log = logging.getLogger("nexus.executor")

Wait = tuple[str, int]
"""A session and the epoch in which its run waits."""


class Carrier:
    """Sends messages, and has them received; used on the event loop.

    Args:
        store_url: The store's URL.
        prefix: The store's prefix.
        receiver: What receives here, if anything does.
    """

    def __init__(self, store_url: str, prefix: str, receiver: Receiver | None) -> None:
        self._store_url = store_url
        self._name = queue_name(prefix)
        self._receiver = receiver
        self._outgoing: dict[Wait, None] = {}
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._docket: Docket | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Whether it carries messages."""
        return self._docket is not None

    def start(self) -> None:
        """Connect in the background, and carry messages until ``stop``."""
        if self._task is None:
            self._stopping.clear()
            self._task = asyncio.create_task(self._work(), name="nexus-carrier")

    def announce(self, session_id: str, epoch: int) -> None:
        """Send word of a run that waits, soon."""
        self._outgoing[session_id, epoch] = None
        self._wake.set()

    async def stop(self) -> None:
        """Send what is left to send, and disconnect; what has been received must have come to an end."""
        task, self._task = self._task, None
        if task is None:
            return
        self._stopping.set()
        self._wake.set()
        await asyncio.wait({task}, timeout=_FAREWELL)
        await end(task)

    async def replace_lost(self, waits: Sequence[Wait]) -> None:
        """Send word again of runs that wait, if docket holds fewer messages than there are."""
        docket = self._docket
        if docket is None or not waits:
            return
        try:
            async with asyncio.timeout(_BOUND), docket.redis() as redis:
                held = await redis.xlen(docket.stream_key)
                if held < len(waits):
                    _log.info("%d runs wait and docket holds %d messages: sending word again", len(waits), held)
                    await docket.replace_many(_calls(docket, waits))
        except Exception as error:  # noqa: BLE001 - whatever docket's client makes of a Redis in trouble
            _log.warning("runs that wait could not be announced: %s", reason(error))

    async def _work(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            begun = asyncio.get_running_loop().time()
            try:
                await self._carry()
            except Exception as error:  # noqa: BLE001 - as above
                _log.warning("docket can't carry runs now, they are found in the store: %s", reason(error))
            finally:
                self._docket = None
            if asyncio.get_running_loop().time() - begun > _LONGEST_PAUSE:
                pause = _FIRST_PAUSE
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _carry(self) -> None:
        """Carry messages until told to stop, or until docket gives up."""
        library = await asyncio.to_thread(import_module, "docket")
        tame()
        url = await queue_url(self._store_url)
        docket: Docket = library.Docket(self._name, url, execution_ttl=timedelta(0))
        docket.tasks.clear()
        docket.register(_leave_to_others if self._receiver is None else self._receiver.receive, [_TASK])
        async with asyncio.timeout(_BOUND) as opening, docket:
            await join(docket)
            opening.reschedule(None)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send(docket), name="nexus-carrier-sends")
                if self._receiver is not None:
                    group.create_task(self._receiver.attend(docket, library), name="nexus-carrier-receives")
                    group.create_task(self._receiver.watch_over(docket), name="nexus-carrier-watches")
                self._docket = docket
                _log.info("runs are carried by docket %s", self._name)

    # -- sending

    async def _send(self, docket: Docket) -> None:
        """Send what is announced until told to stop, and then what is left."""
        self._wake.set()
        while self._outgoing or not self._stopping.is_set():
            await self._wake.wait()
            self._wake.clear()
            batch = list(islice(self._outgoing, _AT_ONCE))
            for wait in batch:
                del self._outgoing[wait]
            if self._outgoing or self._stopping.is_set():
                self._wake.set()
            if batch:
                await self._add(docket, batch)

    async def _add(self, docket: Docket, batch: Sequence[Wait]) -> None:
        try:
            async with asyncio.timeout(_BOUND):
                if len(batch) == 1:
                    await docket.add(_TASK, key=_key(batch[0]))(batch[0][0])
                else:
                    await docket.add_many(_calls(docket, batch))
                # A record that is left behind when its message is lost would stay for ever.
                async with docket.redis() as redis, redis.pipeline() as pipeline:
                    for wait in batch:
                        pipeline.expire(docket.runs_key(_key(wait)), _KEPT)
                    await pipeline.execute()
        except Exception as error:  # noqa: BLE001 - as above
            _log.warning("%d runs that wait could not be announced: %s", len(batch), reason(error))


async def _leave_to_others(session_id: str) -> None:
    """What a message would do in a process that receives none."""


def _key(wait: Wait) -> str:
    return f"run:{wait[0]}:{wait[1]}"


def _calls(docket: Docket, waits: Sequence[Wait]) -> list[TaskCall]:
    return [docket.call(_TASK, key=_key(wait))(wait[0]) for wait in waits]
