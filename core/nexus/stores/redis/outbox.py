"""The outbox of one shard: a stream to which ``commit.lua`` appends, read and emptied by ``nexus.archive``.

Each of its entries has a token of its own beside its number in the stream, and a position is both: after a failover a
stream may give a number again. What goes with a position is done by one script each (``outbox.lua``).

``o`` is the stream, ``o:lead`` the lease of the one who empties it, ``o:restore`` of the one who puts back what was
lost; in ``meta`` stand ``archive`` (the mark), ``archive_since`` (the last event from before it), ``archive_reached``
(the position that it was last dropped up to), ``archive_copied`` and, during a restore, ``restoring``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from nexus.model.audit import AuditEntry, AuditHead, StoredAudit
from nexus.model.change import Change
from nexus.stores import codec
from nexus.stores.accounts import SYSTEM, entry_of
from nexus.stores.archiving import (
    ArchivedChange,
    AuditReach,
    Entry,
    Lag,
    Marks,
    Read,
    StoreLost,
    decode_changes,
    event_names,
)
from nexus.stores.base import Conflict
from nexus.stores.prepared import prepare
from nexus.stores.redis import audit, copying, documents
from nexus.stores.redis.client import Client
from nexus.stores.redis.commits import Commits
from nexus.stores.redis.keys import Keys
from nexus.stores.redis.placing import shard_of
from nexus.stores.redis.scripts import OUTBOX
from nexus.stores.redis.wire import Word

DONE: Final = "done"


class RedisOutbox:
    """See ``nexus.stores.archiving.Outbox``.

    Args:
        client: Asks the server.
        keys: The shard's keys.
        commits: The shard's commits.
    """

    def __init__(self, client: Client, keys: Keys, commits: Commits) -> None:
        self.name = str(keys.shard.number)
        self.store = keys.root.partition(b"{")[0].decode()
        self.number, self.shards = keys.shard.number, keys.shard.count
        self._client = client
        self._keys = keys
        self._commits = commits
        self._stream = keys.root + b"o"
        self._lead = keys.root + b"o:lead"
        self._restore = keys.root + b"o:restore"

    def holds(self, name: str) -> bool:
        """See ``Outbox.holds``."""
        shard = self._keys.shard
        return shard_of(name, shard.count) == shard.number

    async def marks(self) -> Marks:
        """See ``Outbox.marks``."""
        found = await self._client.call("HMGET", self._keys.meta, "archive", "archive_reached", "archive_copied")
        mark, reached, copied = (None if value is None else value.decode() for value in found)
        if mark is not None:
            # Commits go by it from now on: one that has been lost since is missed by the first of them, too.
            self._commits.mark = mark
        return Marks(mark=mark, reached=reached or "", copied=copied)

    async def set_mark(self, mark: str, *, expected: str | None) -> bool:
        """See ``Outbox.set_mark``."""
        arguments = (mark, "0" if expected is None else "1", expected or "")
        return bool(await self._run("mark", *arguments, keys=[self._keys.seq]))

    # -- emptying

    async def read(self, mark: str, position: str, limit: int) -> Read:
        """See ``Outbox.read``."""
        known, found = await self._run("read", position, position.partition(" ")[0], limit, mark)
        if known < 0:
            raise StoreLost("the store has lost its mark", reason="lost")
        return Read(entries=tuple([self._entry(one) for one in found]), known=bool(known))

    async def drop(self, position: str) -> None:
        """See ``Outbox.drop``."""
        name = position.partition(" ")[0]
        milliseconds, _, number = name.partition("-")
        await self._run("drop", position, f"{milliseconds}-{int(number) + 1}", name)

    async def lag(self) -> Lag:
        """See ``Outbox.lag``."""
        count, first, (seconds, micros) = await self._client.calls(
            [("XLEN", self._stream), ("XRANGE", self._stream, "-", "+", "COUNT", 1), ("TIME",)]
        )
        if not first:
            return Lag(entries=0, seconds=0.0)
        since = int(first[0][0].partition(b"-")[0]) / 1000
        return Lag(entries=count, seconds=max(0.0, int(seconds) + int(micros) / 1e6 - since))

    # -- the audit

    @property
    def chain(self) -> str:
        """See ``Outbox.chain``."""
        return audit.chain_name(self._keys)

    async def audit_reach(self) -> AuditReach:
        """See ``Outbox.audit_reach``."""
        return await audit.reach(self._client, self._keys)

    async def read_audit(self, after: int, limit: int) -> list[StoredAudit]:
        """See ``Outbox.read_audit``."""
        return await audit.read(self._client, self._keys, after, None, limit, newest=False)

    async def trim_audit(self, upto: AuditHead, anchor: AuditEntry) -> int:
        """See ``Outbox.trim_audit``."""
        return await audit.trim(self._client, self._keys, upto, codec.encode_audit(anchor), archived=True)

    async def go_on_audit(self, last: AuditHead, trimmed: int) -> None:
        """See ``Outbox.go_on_audit``."""
        await audit.go_on(self._client, self._keys, last, trimmed)

    async def size(self) -> int:
        """Bytes that the outbox takes in the server's memory, about."""
        return int(await self._client.call("MEMORY", "USAGE", self._stream, "SAMPLES", 100) or 0)

    async def lead(self, who: str, seconds: float) -> bool:
        """See ``Outbox.lead``."""
        return bool(await self._run("lead", who, int(seconds * 1000), keys=[self._lead]))

    async def yield_lead(self, who: str) -> None:
        """See ``Outbox.yield_lead``."""
        await self._run("yield", who, keys=[self._lead])

    # -- what was there before

    async def copy(self, cursor: str | None, limit: int) -> str | None:
        """See ``Outbox.copy``."""
        following = await copying.copy_on(self._client, self._keys, cursor, limit)
        await self._client.call("HSET", self._keys.meta, "archive_copied", following or DONE)
        return following

    async def copy_again(self, mark: str, position: str, seq: int) -> bool:
        """See ``Outbox.copy_again``."""
        local = self._keys.shard.local(seq)
        return bool(await self._run("again", position, mark, local, keys=[self._keys.seq]))

    # -- putting back what was lost

    async def begin_restore(self, who: str, seq: int, seconds: float) -> bool:
        """See ``Outbox.begin_restore``."""
        keys = [self._restore, self._keys.seq]
        return bool(await self._run("begin", who, int(seconds * 1000), self._keys.shard.local(seq), keys=keys))

    async def keep_restore(self, who: str, seconds: float) -> bool:
        """See ``Outbox.keep_restore``."""
        return bool(await self._run("keep", who, int(seconds * 1000), keys=[self._restore]))

    async def put_back(self, change: Change, *, lost: bool) -> bool:
        """See ``Outbox.put_back``; the audit says that it was restored."""
        change = replace(change, audit=_restored(change))
        while True:
            try:
                await self._commits.commit([prepare(change)], mark="" if lost else None)
            except Conflict as conflict:
                if conflict.claim is None:
                    return False
                taken = conflict.claim[0]
                change = replace(change, claims=tuple([claim for claim in change.claims if claim.key != taken]))
            else:
                return True

    async def put_document_back(self, kind: str, name: str, body: bytes) -> None:
        """See ``Outbox.put_document_back``."""
        with contextlib.suppress(Conflict):
            await documents.put_document(self._client, self._keys, kind, name, body, None)

    async def finish_restore(self, who: str, mark: str, position: str, counters: Mapping[str, float]) -> bool:
        """See ``Outbox.finish_restore``."""
        pairs = [word for name, value in counters.items() for word in (name, repr(float(value)))]
        keys = [self._restore, self._keys.counters, self._keys.group_counters]
        return bool(await self._run("finish", who, mark, position, self._keys.shard.layout, *pairs, keys=keys))

    # -- inside

    async def _run(self, action: str, *arguments: Word, keys: Sequence[bytes] = ()) -> Any:
        return await self._client.run(OUTBOX, [self._keys.meta, self._stream, *keys], [action, *arguments])

    def _entry(self, found: Any) -> Entry:
        number, flat = found
        token = flat[1].decode()
        fields = flat[2:]
        changes: tuple[ArchivedChange, ...]
        if fields[0] == b"k":
            changes = (copying.change_of(fields),)
        else:
            changes = self._numbered(decode_changes(fields[3]), token, int(fields[1]))
        return Entry(position=f"{number.decode()} {token}", changes=changes)

    def _numbered(self, changes: Sequence[ArchivedChange], token: str, first: int) -> tuple[ArchivedChange, ...]:
        numbered = []
        for place, change in enumerate(changes):
            numbers = range(first, first + len(change.events))
            first += len(change.events)
            seqs = tuple(map(self._keys.shard.seq, numbers))
            numbered.append(replace(change, names=event_names(change, token, place), seqs=seqs))
        return tuple(numbered)


def _restored(change: Change) -> AuditEntry | None:
    shown = entry_of(change)
    if shown is None:
        return None
    return replace(shown, at=round(time.time(), 6), actor=SYSTEM, channel="", action="restore", reason=None)
