"""Verification: every hash worked out again, in a store or in an exported file, and the first break located."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final

import msgspec

from nexus.errors import InvalidInput
from nexus.model.audit import AuditBreak, AuditHead, AuditRecord, AuditVerdict, StoredAudit
from nexus.stores import chain, codec
from nexus.stores.base import Store

_BATCH: Final = 1000


class Checker:
    """Follows one chain, record by record.

    Args:
        name: The chain's.
        noted: Heads of it that were noted elsewhere, by their count.
    """

    def __init__(self, name: str, noted: Sequence[AuditHead] = ()) -> None:
        self.count = 0
        self.hash = ""
        self._name = name
        self._noted = {head.count: head.hash for head in noted if head.chain == name}

    def check(self, record: StoredAudit) -> AuditBreak | None:
        """What is wrong with the next record, if anything."""
        seq = self.count + 1
        if record.seq != seq:
            return self._broken(seq, "dropped", f"record {seq} is missing: behind {self.count} comes {record.seq}")
        if chain.expected(self.hash, seq, record.document, record.hash) != record.hash:
            return self._broken(
                seq, "edited",
                f"record {seq} was changed or exchanged, or the one before it was and its hash with it",
            )  # fmt: skip
        self.count, self.hash = seq, record.hash
        if self._noted.get(seq, self.hash) != self.hash:
            return self._broken(seq, "rewritten", f"record {seq} is another than the one whose hash was noted")
        return None

    def finish(self, head: AuditHead) -> AuditBreak | None:
        """What is wrong with the end, which ``head`` says where it is."""
        if self.count < head.count:
            return self._broken(
                self.count + 1, "truncated", f"it has {self.count} records, and its head speaks of {head.count}"
            )
        if self.count > head.count:
            return self._broken(head.count + 1, "added", f"its head knows of {head.count} records, and not of this one")
        if self.hash != head.hash:
            return self._broken(self.count, "edited", "its last record is another than the one its head speaks of")
        late = [count for count in self._noted if count > self.count]
        if late:
            return self._broken(
                self.count + 1, "truncated", f"it has {self.count} records, and a noted head speaks of {min(late)}"
            )
        return None

    def _broken(self, seq: int, problem: str, detail: str) -> AuditBreak:
        return AuditBreak(chain=self._name, seq=seq, problem=problem, detail=detail)


async def verify(store: Store, noted: Sequence[AuditHead] = ()) -> AuditVerdict:
    """Work out all hashes of a store's audit again.

    Records that are committed meanwhile aren't looked at.
    """
    heads = await store.audit_heads()
    records, broken = 0, _unknown_chain(heads, noted)
    for head in heads:
        checker = Checker(head.chain, noted)
        found = await _follow(store, head, checker)
        records += checker.count
        broken = broken or found
    return AuditVerdict(records=records, heads=tuple(heads), broken=broken)


async def _follow(store: Store, head: AuditHead, checker: Checker) -> AuditBreak | None:
    async for record in _records(store, head):
        found = checker.check(record)
        if found is not None:
            return found
    found = checker.finish(head)
    if found is not None:
        return found
    # Read before the head is: what stands behind that then was not committed as others are.
    last = await store.read_audit(head.chain, after=head.count, limit=1, newest=True)
    now = next(each for each in await store.audit_heads() if each.chain == head.chain)
    if last and last[0].seq > now.count:
        return AuditBreak(
            chain=head.chain, seq=now.count + 1, problem="added",
            detail=f"its head knows of {now.count} records, and not of this one",
        )  # fmt: skip
    return None


async def _records(store: Store, head: AuditHead) -> AsyncIterator[StoredAudit]:
    after = 0
    while True:
        rows = await store.read_audit(head.chain, after=after, before=head.count + 1, limit=_BATCH)
        for row in rows:
            yield row
        if len(rows) < _BATCH:
            return
        after = rows[-1].seq


def _unknown_chain(heads: Sequence[AuditHead], noted: Sequence[AuditHead]) -> AuditBreak | None:
    known = {head.chain for head in heads}
    for head in noted:
        if head.chain not in known:
            return AuditBreak(
                chain=head.chain, seq=1, problem="dropped", detail=f"there is no chain {head.chain!r}, and a head of it"
            )
    return None


def verify_lines(lines: Iterable[bytes], noted: Sequence[AuditHead] = ()) -> AuditVerdict:
    """Verify an exported file: a line of JSON for each record, and behind them one with the heads.

    Raises:
        InvalidInput: A line is none, or the heads are missing: the file is no export, or only the beginning of one.
    """
    checkers: dict[str, Checker] = {}
    broken: AuditBreak | None = None
    heads: tuple[AuditHead, ...] | None = None
    for number, line in enumerate(lines, 1):
        found = _line(line, number)
        if isinstance(found, tuple):
            heads = found
            continue
        checker = checkers.setdefault(found.chain, Checker(found.chain, noted))
        if broken is None:
            stored = StoredAudit(found.seq, codec.encode_audit(found.entry), found.hash)
            broken = checker.check(stored)
    if heads is None:
        raise InvalidInput("the file ends without the heads of its chains: it is cut off, or no export", field="file")
    broken = broken or _unknown_chain(heads, noted)
    for head in heads:
        broken = broken or checkers.get(head.chain, Checker(head.chain, noted)).finish(head)
    records = sum(checker.count for checker in checkers.values())
    return AuditVerdict(records=records, heads=heads, broken=broken)


def _line(line: bytes, number: int) -> AuditRecord | tuple[AuditHead, ...]:
    try:
        found: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
        if "heads" in found:
            return msgspec.convert(found["heads"], tuple[AuditHead, ...])
        return msgspec.convert(found, AuditRecord)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"line {number} is no audit record ({error}): give a file that nexus audit export has made", field="file"
        ) from None


def read_head(text: str) -> AuditHead:
    """A head as it is noted: ``COUNT:HASH``, or ``CHAIN:COUNT:HASH`` of a store with shards.

    Raises:
        InvalidInput: It is none.
    """
    before, _, found = text.rpartition(":")
    name, _, count = before.rpartition(":")
    if not count.isdecimal() or len(count) > 18 or len(found) not in (40, 64):
        raise InvalidInput(f"head {text[:80]!r} is none: write it as nexus audit verify shows it", field="head")
    return AuditHead(chain=name, count=int(count), hash=found)
