"""Lists of the audit: pages by number, from one chain or from all shards' chains by time."""

from __future__ import annotations

import re
from collections import deque
from typing import Final

from nexus.audit.asking import Passes, parse_audit
from nexus.errors import InvalidInput
from nexus.model import Page
from nexus.model.audit import AuditHead, AuditRecord
from nexus.stores import codec
from nexus.stores.base import Store

MOST_LOOKED_AT: Final = 50_000
"""Records that one page looks at: a filter that matches few gives a short page, and a cursor to go on with."""
_BATCH: Final = 1000
_CURSOR: Final = re.compile(r"[a-z0-9]{0,8}=[0-9]{1,18}(,[a-z0-9]{0,8}=[0-9]{1,18})*", re.ASCII)


class _Reader:
    """One chain, read in one direction."""

    def __init__(self, store: Store, chain: str, position: int, batch: int, *, newest: bool) -> None:
        self.chain = chain
        self.position = position
        self._store = store
        self._newest = newest
        self._batch = batch
        self._asked = position
        self._done = False
        self._waiting: deque[AuditRecord] = deque()

    async def peek(self) -> AuditRecord | None:
        """The next record, or ``None`` at the end."""
        if not self._waiting and not self._done:
            where = {"before": self._asked} if self._newest else {"after": self._asked}
            rows = await self._store.read_audit(self.chain, limit=self._batch, newest=self._newest, **where)
            self._done = len(rows) < self._batch
            self._waiting.extend(codec.audit_record(self.chain, row) for row in rows)
            if rows:
                self._asked, self._batch = rows[-1].seq, _BATCH
        return self._waiting[0] if self._waiting else None

    def take(self) -> AuditRecord:
        """The next record, which is then behind."""
        record = self._waiting.popleft()
        self.position = record.seq
        return record


async def list_audit(
    store: Store, q: str, cursor: str | None, limit: int, *, newest: bool, now: float
) -> Page[AuditRecord]:
    """See ``Service.audit``."""
    passes = parse_audit(q, now)
    positions = {} if cursor is None else _positions(cursor)
    heads = await store.audit_heads()
    readers = [
        _Reader(store, head.chain, positions.get(head.chain, _start(head, newest=newest)), limit + 1, newest=newest)
        for head in heads
    ]
    found, more = await _gather(readers, passes, limit, newest=newest)
    return Page(items=tuple(found), next_cursor=_cursor(readers) if more else None)


def _start(head: AuditHead, *, newest: bool) -> int:
    return head.count + 1 if newest else 0


async def _gather(
    readers: list[_Reader], passes: Passes, limit: int, *, newest: bool
) -> tuple[list[AuditRecord], bool]:
    found: list[AuditRecord] = []
    looked = 0
    while True:
        waiting = [(record.at, reader) for reader in readers if (record := await reader.peek()) is not None]
        if not waiting or len(found) == limit or looked == MOST_LOOKED_AT:
            return found, bool(waiting)
        chosen = (max if newest else min)(waiting, key=lambda pair: pair[0])[1]
        record = chosen.take()
        looked += 1
        if passes(record):
            found.append(record)


def _cursor(readers: list[_Reader]) -> str:
    return ",".join(f"{reader.chain}={reader.position}" for reader in readers)


def _positions(cursor: str) -> dict[str, int]:
    """The last number that was seen of each chain: a page is of what lies behind it, in whichever direction."""
    if not _CURSOR.fullmatch(cursor):
        raise InvalidInput(
            f"cursor {cursor[:40]!r} is none of the audit: give next_cursor back as it came",
            field="cursor", value=cursor[:40],
        )  # fmt: skip
    pairs = [place.partition("=") for place in cursor.split(",")]
    return {name: int(number) for name, _, number in pairs}
