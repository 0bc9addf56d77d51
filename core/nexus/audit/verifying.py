"""Verification: every hash worked out again, in a store or in an exported file, and the first break located."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final

import msgspec

from nexus.errors import InvalidInput
from nexus.model.audit import (
    TRIMMED,
    AuditBreak,
    AuditHead,
    AuditRecord,
    AuditTrim,
    AuditVerdict,
    StoredAudit,
    trim_of,
)
from nexus.stores import chain, codec
from nexus.stores.base import Store

_BATCH: Final = 1000
_TRIES: Final = 5
_ANCHOR: Final = f'"{TRIMMED}"'.encode()


class Checker:
    """Follows one chain, record by record.

    A chain that retention has trimmed begins later than with 1. What its first record goes on from is told by an anchor
    further on, and proved then.

    Args:
        name: The chain's.
        noted: Heads of it that were noted elsewhere, by their count.
    """

    def __init__(self, name: str, noted: Sequence[AuditHead] = ()) -> None:
        self.count = 0
        self.hash = ""
        self.trimmed: AuditTrim | None = None
        self._name = name
        self._noted = {head.count: head.hash for head in noted if head.chain == name}
        self._first: StoredAudit | None = None
        self._told = 0

    @property
    def records(self) -> int:
        """How many were followed."""
        return 0 if self._first is None else self.count + 1 - self._first.seq

    @property
    def unchecked(self) -> tuple[AuditHead, ...]:
        """Noted heads of what is trimmed, but for the one that the anchor names."""
        upto = 0 if self.trimmed is None else self.trimmed.count
        return tuple(AuditHead(chain=self._name, count=count, hash=found)
                     for count, found in self._noted.items() if 0 < count < upto)  # fmt: skip

    def check(self, record: StoredAudit) -> AuditBreak | None:
        """What is wrong with the next record, if anything."""
        seq = self.count + 1
        begins, trimmed = self._first is None, self._first is None and record.seq > 1
        if trimmed:
            seq = record.seq
        if record.seq != seq:
            return self._broken(seq, "dropped", f"record {seq} is missing: behind {self.count} comes {record.seq}")
        if not trimmed and chain.expected(self.hash, seq, record.document, record.hash) != record.hash:
            return self._broken(
                seq, "edited",
                f"record {seq} was changed or exchanged, or the one before it was and its hash with it",
            )  # fmt: skip
        if begins:
            self._first = record
        self.count, self.hash = seq, record.hash
        return self._rewritten(seq, record.hash) or self._anchored(record)

    def _rewritten(self, seq: int, found: str) -> AuditBreak | None:
        if self._noted.get(seq, found) == found:
            return None
        return self._broken(seq, "rewritten", f"record {seq} is another than the one whose hash was noted")

    def _anchored(self, record: StoredAudit) -> AuditBreak | None:
        """Prove the beginning where this record is an anchor that tells of it."""
        first = self._first
        if _ANCHOR not in record.document or first is None:
            return None
        told = trim_of(self._name, codec.decode_audit(record.document))
        if told is None:
            return None
        self._told = max(self._told, told.count)
        if told.count >= first.seq:
            return self._broken(
                first.seq, "added", f"records up to {told.count} were trimmed, says record {record.seq}, and are there"
            )
        if told.count < first.seq - 1:
            return None
        if chain.expected(told.hash, first.seq, first.document, first.hash) != first.hash:
            return self._broken(
                first.seq, "edited", f"record {first.seq} doesn't go on from the last that was trimmed ({told.count})"
            )
        self.trimmed = told
        return self._rewritten(told.count, told.hash)

    def finish(self, head: AuditHead) -> AuditBreak | None:
        """What is wrong with the end, which ``head`` says where it is."""
        if self._first is not None and self._first.seq > 1 and self.trimmed is None:
            return self._broken(
                self._told + 1, "dropped",
                f"records {self._told + 1} to {self._first.seq - 1} are missing, and none tells that they were trimmed",
            )  # fmt: skip
        if self.count < head.count:
            return self._broken(
                self.count + 1, "truncated", f"it ends with record {self.count}, and its head speaks of {head.count}"
            )
        if self.count > head.count:
            return self._broken(head.count + 1, "added", f"its head knows of {head.count} records, and not of this one")
        if self.hash != head.hash:
            return self._broken(self.count, "edited", "its last record is another than the one its head speaks of")
        late = [count for count in self._noted if count > self.count]
        if late:
            return self._broken(
                self.count + 1, "truncated", f"it ends with record {self.count}, and a noted head speaks of {min(late)}"
            )
        return None

    def _broken(self, seq: int, problem: str, detail: str) -> AuditBreak:
        return AuditBreak(chain=self._name, seq=seq, problem=problem, detail=detail)


async def verify(store: Store, noted: Sequence[AuditHead] = ()) -> AuditVerdict:
    """Work out all hashes of a store's audit again.

    Records that are committed meanwhile aren't looked at.
    """
    heads: list[AuditHead] = []
    checkers: list[Checker] = []
    known = await store.audit_heads()
    broken = _unknown_chain(known, noted)
    for each in known:
        head, checker, found = await _checked(store, each, noted)
        heads.append(head)
        checkers.append(checker)
        broken = broken or found
    return _verdict(checkers, tuple(heads), broken)


def _verdict(checkers: Iterable[Checker], heads: tuple[AuditHead, ...], broken: AuditBreak | None) -> AuditVerdict:
    chains = list(checkers)
    return AuditVerdict(
        records=sum(each.records for each in chains), heads=heads, broken=broken,
        trimmed=tuple(each.trimmed for each in chains if each.trimmed is not None),
        unchecked=tuple(head for each in chains for head in each.unchecked),
    )  # fmt: skip


async def _checked(
    store: Store, head: AuditHead, noted: Sequence[AuditHead]
) -> tuple[AuditHead, Checker, AuditBreak | None]:
    """One chain; begun anew where retention has trimmed it meanwhile."""
    for _ in range(_TRIES):
        begins = await _begins(store, head.chain)
        head = next(each for each in await store.audit_heads() if each.chain == head.chain)
        checker = Checker(head.chain, noted)
        found = await _follow(store, head, checker)
        if found is None or begins == await _begins(store, head.chain):
            break
    return head, checker, found


async def _begins(store: Store, name: str) -> int:
    rows = await store.read_audit(name, limit=1)
    return rows[0].seq if rows else 0


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
    return _verdict(checkers.values(), heads, broken)


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
