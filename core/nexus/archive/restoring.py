"""Watches that a live store has not lost its data, and puts them back from the archive when it has.

A store whose mark is missing, while the archive was attached to it, has lost everything: it was flushed, or came back
with an empty disk. Then no commit of a process that knew the mark goes through, and what such a process looks up and
doesn't find it waits for. One process puts back what the archive has, by commits that go through only where there is no
record of that id; it sets the mark last. So nothing newer is overwritten, and one that dies half-way is followed by
another that begins anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Final

from sqlalchemy import Connection

from nexus.archive import audited, ledger, remaking
from nexus.archive.database import Database
from nexus.errors import InvalidInput, StoreUnavailable
from nexus.lifecycle.counting import stale_minutes
from nexus.model.audit import AuditHead
from nexus.model.change import Change
from nexus.stores.archiving import Marks, Outbox, StoreLost

LEASE: Final = 10.0
_PATIENCE: Final = 10.0
"""Seconds that a caller waits for lost data before it is told to try again."""
_POLL: Final = 0.1
_PAGE: Final = 200
_PORTION: Final = 8 << 20
"""Bytes of checkpoints that are read at once."""
_TOGETHER: Final = 64
_BEHIND: Final = 5.0
_SOON: Final = 2.0
_AWAY: Final = 5.0
_log = logging.getLogger("nexus.archive")


class Restorer:
    """Of one store, in one process.

    Args:
        database: The archive's.
        who: This process's name.
        actor: Whom the events of a restore name.
        clock: Seconds since the epoch.
    """

    def __init__(self, database: Database, who: str, actor: str, clock: Callable[[], float]) -> None:
        self._database = database
        self._who = who
        self._actor = actor
        self._clock = clock
        self._marks: dict[str, str] = {}
        self._busy: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._ask_again = 0.0
        self._restores: dict[str, asyncio.Task[None]] = {}

    async def close(self) -> None:
        """Stop what is under way; another process goes on with it."""
        tasks = list(self._restores.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def quiet(self, outbox: Outbox) -> AsyncIterator[None]:
        """Keep this process from putting anything back meanwhile, so that what it has read is archived first."""
        async with self._busy[outbox.name]:
            yield

    # -- the mark

    async def check(self, outbox: Outbox) -> Marks:
        """See that the shard has its mark: attach it the first time, put back what was lost.

        Returns:
            What the outbox says; its mark is ``""`` where archiving was switched off.

        Raises:
            StoreUnavailable: The store or the database is away, or the data are still being put back.
            InvalidInput: The shard is archived in another database.
        """
        marks = await outbox.marks()
        known = self._marks.get(outbox.name)
        if marks.mark is not None and marks.mark in (known, ""):
            return marks
        if marks.mark is None and known is not None:
            await self.restore(outbox)
        else:
            await self.attach(outbox)
        return await outbox.marks()

    async def attach(self, outbox: Outbox) -> None:
        """Learn the shard's mark, or set it the first time.

        Raises:
            StoreUnavailable, InvalidInput: As ``check``.
        """
        shard = outbox.name
        marks = await outbox.marks()
        mark, attached = await self._database.read(lambda one: ledger.attachment(one, shard, outbox.store))
        if mark is None:
            mark = await self._database.write(lambda one: ledger.make_mark(one, shard, outbox.store))
        if marks.mark is None and attached:
            self._marks[shard] = mark
            await self.restore(outbox, patience=None)
            return
        if not marks.mark:
            now = self._clock()
            if attached:
                await self._database.write(lambda one: ledger.begin_anew(one, shard, now))
            await outbox.set_mark(mark, expected=marks.mark)
            marks = await outbox.marks()
        if marks.mark != mark:
            raise elsewhere(outbox, self._database.shown)
        if not attached:
            await self._database.write(lambda one: ledger.set_attached(one, shard))
        self._marks[shard] = mark

    def trust(self, outbox: Outbox, mark: str) -> None:
        """Take the mark that a shard has for the archive's, until the database can be asked."""
        self._marks.setdefault(outbox.name, mark)

    async def lost(self, outboxes: Sequence[Outbox]) -> list[Outbox]:
        """Those that have lost their data, and don't have them back yet."""
        found = await asyncio.gather(*(outbox.marks() for outbox in outboxes))
        pairs = zip(outboxes, found, strict=True)
        return [outbox for outbox, marks in pairs if marks.mark is None and outbox.name in self._marks]

    async def whole(self, outboxes: Sequence[Outbox]) -> bool:
        """Whether no shard had lost its data; by the time this returns, all of it is back.

        Raises:
            StoreUnavailable: It is not, yet.
        """
        lost = await self.lost(outboxes)
        if lost:
            await asyncio.gather(*map(self.restore, lost))
        return not lost

    # -- all of it

    async def restore(self, outbox: Outbox, patience: float | None = _PATIENCE) -> None:
        """Put back what the archive has, or wait for who does.

        Args:
            outbox: Of the shard that has lost its data.
            patience: Seconds to wait for it; ``None`` for as long as it takes.

        Raises:
            StoreLost: It takes longer than that.
        """
        task = self._restores.get(outbox.name)
        if task is None or task.done():
            task = self._restores[outbox.name] = asyncio.create_task(self._restore(outbox), name="nexus-restore")
            task.add_done_callback(_noted)
        try:
            async with asyncio.timeout(patience):
                await asyncio.shield(task)
        except TimeoutError:
            raise StoreLost(
                "the store has lost its sessions and they are being put back from the archive: try again soon",
                reason="restoring",
            ) from None

    async def _restore(self, outbox: Outbox) -> None:
        async with self._busy[outbox.name]:
            shard, mark = outbox.name, await self._mark(outbox)
            while (await outbox.marks()).mark is None:
                seq = remaking.next_generation(await self._database.read(ledger.last_seq))
                if not await outbox.begin_restore(self._who, seq, LEASE):
                    await asyncio.sleep(_POLL)
                    continue
                # Whoever has read from the outbox as it was applies nothing from now on.
                position = f"restored {self._who} {self._clock()!r}"
                await self._database.write(partial(ledger.move, shard=shard, position=position))
                await self._go_on_audit(outbox)
                with contextlib.suppress(StoreLost):
                    # Others were quicker if there is a mark by now; or all is lost once more.
                    await self._put_back(outbox, mark, position)

    async def _go_on_audit(self, outbox: Outbox) -> None:
        """Before anything is put back, which is written down too."""

        def known(connection: Connection) -> tuple[AuditHead, int]:
            return audited.last_of(connection, outbox.chain), audited.first_of(connection, outbox.chain)

        last, first = await self._database.read(known)
        if last.count:
            await outbox.go_on_audit(last, first - 1)

    async def _mark(self, outbox: Outbox) -> str:
        mark = await self._database.read(partial(ledger.mark_of, shard=outbox.name))
        if mark is None:
            raise StoreLost(
                f"the store has lost its sessions, and {self._database.shown} is not where they were archived",
                reason="lost",
            )
        return mark

    async def _put_back(self, outbox: Outbox, mark: str, position: str) -> None:
        began = time.monotonic()
        groups = await self._database.read(remaking.load_groups)
        still_open = [group.id for group in groups if group.ended_at is None]
        put, after = 0, ""
        wanted = partial(remaking.names_wanted, open_groups=still_open, limit=_PAGE)
        while names := await self._database.read(partial(wanted, after=after)):
            mine = list(filter(outbox.holds, names))
            for portion in await self._database.read(partial(remaking.in_portions, names=mine, most=_PORTION)):
                kept = await self._database.read(partial(remaking.load, names=portion))
                now = self._clock()
                put += await _commit_all(outbox, [one.change(now, self._actor) for one in kept])
                if not await outbox.keep_restore(self._who, LEASE):
                    return
            after = names[-1]
        # Groups come after their members, so that one that is there counts them all.
        await _commit_all(outbox, [remaking.group_change(group) for group in groups if outbox.holds(group.id)])
        if outbox.number == 0:
            for document in await self._database.read(remaking.load_documents):
                await outbox.put_document_back(*document)
        if not await outbox.keep_restore(self._who, LEASE):
            return
        let_go = partial(remaking.let_go_of_the_rest, open_groups=still_open, now=self._clock(), holds=outbox.holds)
        await self._database.write(partial(let_go, shard=outbox.name))
        counters = await self._database.read(lambda one: remaking.load_counters(one, outbox.name))
        for name in stale_minutes(counters, self._clock()):
            del counters[name]
        if await outbox.finish_restore(self._who, mark, position, counters):
            _log.warning(
                "the store had lost its data: %d sessions were put back from the archive in %.1f s",
                put, time.monotonic() - began,
            )  # fmt: skip

    # -- one of them

    async def recall(self, outbox: Outbox, session_id: str) -> bool:
        """Put back one session that the shard should hold and doesn't; whether it may be there now.

        Raises:
            StoreUnavailable: The archive has it, and has not yet read all that the store says about it.
        """
        if not await self._misses(session_id):
            return False
        await self._catch_up(outbox, session_id)
        kept = await self._database.read(lambda one: remaking.load(one, [session_id]))
        for one in kept:
            if await outbox.put_back(one.change(self._clock(), self._actor), lost=False):
                _log.warning("session %s was missing from the store, and was put back from the archive", session_id)
        return bool(kept)

    async def _misses(self, session_id: str) -> bool:
        """Whether the archive knows of a session that the store should have; not, while it can't be asked.

        Looking for what is not there must not wait for a database that is away: it is asked again after a while.
        """
        if time.monotonic() < self._ask_again:
            return False
        try:
            async with asyncio.timeout(_SOON):
                return await self._database.read(lambda one: remaking.is_missed(one, session_id))
        except (StoreUnavailable, TimeoutError) as error:
            self._ask_again = time.monotonic() + _AWAY
            _log.warning("the archive can't be asked for sessions that are not in the store: %s", error)
            return False

    async def _catch_up(self, outbox: Outbox, session_id: str) -> None:
        """Wait until what the store has said so far is archived: the last of it may be that the session is gone."""
        deadline = time.monotonic() + _BEHIND
        while (await outbox.lag()).entries:
            if time.monotonic() > deadline:
                raise StoreUnavailable(
                    f"session {session_id} is missing from the store, and the archive is behind: try again later",
                    session_id=session_id, reason="archive_behind",
                )  # fmt: skip
            await asyncio.sleep(_POLL)


async def _commit_all(outbox: Outbox, changes: Sequence[Change]) -> int:
    """Put back what isn't there; how many of them were not."""
    gate = asyncio.Semaphore(_TOGETHER)

    async def one(change: Change) -> bool:
        async with gate:
            return await outbox.put_back(change, lost=True)

    return sum(await asyncio.gather(*map(one, changes)))


def _noted(task: asyncio.Task[None]) -> None:
    # Those who waited may all have given up; the next look begins anew.
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("what the store has lost could not be put back yet: %s", error)


def elsewhere(outbox: Outbox, shown: str) -> InvalidInput:
    """The refusal of a store that is archived in another database."""
    return InvalidInput(
        f"this store (shard {outbox.name}) is archived in another database than {shown}: use that database_url, or"
        " switch archiving off first (docs/archive.md says how)",
        field="database_url",
        value=shown,
    )
