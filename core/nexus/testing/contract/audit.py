"""The audit: one record for each change, in its commit."""

# ruff: noqa: S101
from __future__ import annotations

import asyncio

import pytest

from nexus.model.audit import AuditEntry, AuditHead, AuditRecord, anchor_of
from nexus.stores import chain, codec
from nexus.stores.base import Change, Conflict, Snapshot, Store
from nexus.testing.builders import NOW, a_group, a_session, an_event
from nexus.testing.contract.harness import Harness, with_store


def _created(session_id: str) -> Change:
    event = an_event("session.created", session_id, actor="ann", channel="cli")
    return Change(session_id=session_id, after=Snapshot(a_session(session_id)), events=(event,))


def _patched(session_id: str, version: int) -> Change:
    session = a_session(session_id, version=version)
    return Change(
        session_id=session_id, expected=version - 1, after=Snapshot(session),
        events=(an_event("session.updated", session_id, actor="bob", channel="api"),),
    )  # fmt: skip


async def _audit(store: Store) -> list[AuditRecord]:
    """All records, each chain in its order; and whether each chain is whole."""
    found: list[AuditRecord] = []
    for head in await store.audit_heads():
        previous = ""
        rows = await store.read_audit(head.chain, limit=1000)
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        for row in rows:
            assert row.hash == chain.expected(previous, row.seq, row.document, row.hash)
            previous = row.hash
        assert (head.count, head.hash) == (len(rows), previous)
        found += [codec.audit_record(head.chain, row) for row in rows]
    return found


class AuditContract(Harness):
    """Every change is one record with the versions before and after; what isn't committed leaves none."""

    @with_store
    async def test_every_change_is_one_audit_record_with_its_versions(self, store: Store) -> None:
        await store.commit(_created("s"))
        await store.commit(_patched("s", 2))
        gone = Change(session_id="s", expected=2, events=(an_event("session.deleted", "s", actor="system:h"),))
        await store.commit(gone)
        told = [
            (each.action, each.actor, each.channel, each.target, each.version_before, each.version_after)
            for each in await _audit(store)
        ]
        assert told == [
            ("create", "ann", "cli", "s", None, 1),
            ("patch", "bob", "api", "s", 1, 2),
            ("delete", "system:h", "", "s", 2, None),
        ]

    @with_store
    async def test_a_change_of_a_group_is_one_too(self, store: Store) -> None:
        event = an_event("group.created", group_id="g", actor="ann")
        await store.commit(Change(group_id="g", group_after=a_group("g"), events=(event,)))
        (record,) = await _audit(store)
        assert (record.action, record.target_kind, record.target, record.version_after) == (
            "group.create", "group", "g", 1,
        )  # fmt: skip

    @with_store
    async def test_a_conflict_leaves_no_audit_record(self, store: Store) -> None:
        await store.commit(_created("s"))
        for change in (_created("s"), _patched("s", 7)):
            with pytest.raises(Conflict):
                await store.commit(change)
        assert len(await _audit(store)) == 1

    @with_store
    async def test_many_at_once_are_one_record_each_without_gaps(self, store: Store) -> None:
        await asyncio.gather(*(store.commit(_created(f"s{number}")) for number in range(40)))
        assert sorted(each.target for each in await _audit(store)) == sorted(f"s{number}" for number in range(40))

    @with_store
    async def test_what_changes_nothing_can_be_written_down(self, store: Store) -> None:
        entry = AuditEntry(
            at=NOW, actor="eve", channel="api", action="end", target_kind="session", target="s", outcome="refused",
            code="permission_denied", reason="no",
        )  # fmt: skip
        await store.commit(_created("s"))
        await store.append_audit(entry)
        await store.commit(_patched("s", 2))
        assert [each.entry for each in await _audit(store) if each.outcome == "refused"] == [entry]

    @with_store
    async def test_a_documents_record_is_in_its_commit(self, store: Store) -> None:
        entry = AuditEntry(at=NOW, actor="ann", channel="cli", action="token.create", target_kind="token", target="n")
        await store.put_document("k", "n", b"1", expected=None, audit=entry)
        await store.put_document("k", "n", b"1", expected=None, audit=entry)
        with pytest.raises(Conflict):
            await store.put_document("k", "n", b"2", expected=None, audit=entry)
        assert [each.entry for each in await _audit(store)] == [entry]

    @with_store
    async def test_records_are_read_from_both_ends(self, store: Store) -> None:
        await store.commit(_created("s"))
        for version in range(2, 8):
            await store.commit(_patched("s", version))
        name = next(head.chain for head in await store.audit_heads() if head.count)

        async def seqs(after: int = 0, before: int | None = None, limit: int = 9, *, newest: bool = False) -> list[int]:
            rows = await store.read_audit(name, after=after, before=before, limit=limit, newest=newest)
            return [row.seq for row in rows]

        assert await seqs(after=2, limit=2) == [3, 4]
        assert await seqs(newest=True, limit=3) == [7, 6, 5]
        assert await seqs(before=5, newest=True, limit=2) == [4, 3]
        assert await seqs(before=3) == [1, 2]
        assert await seqs(limit=0) == []
        assert await store.read_audit("nowhere", limit=9) == []

    @with_store
    async def test_records_are_trimmed_from_the_front_with_an_anchor_in_the_same_commit(self, store: Store) -> None:
        await store.commit(_created("s"))
        for version in range(2, 6):
            await store.commit(_patched("s", version))
        name = next(head.chain for head in await store.audit_heads() if head.count)
        before = await store.read_audit(name, limit=9)
        upto = AuditHead(chain=name, count=3, hash=before[2].hash)
        anchor = anchor_of(upto, 1, at=NOW, actor="system:h", kept=60)
        wrong = AuditHead(chain=name, count=3, hash=before[1].hash)
        assert await store.trim_audit(wrong, anchor) == 0
        assert await store.trim_audit(AuditHead(chain="nowhere", count=3, hash=before[2].hash), anchor) == 0
        assert await store.trim_audit(upto, anchor) == 3
        assert await store.trim_audit(upto, anchor) == 0
        rows = await store.read_audit(name, limit=9)
        assert [row.seq for row in rows] == [4, 5, 6]
        assert rows[:2] == before[3:]
        assert codec.decode_audit(rows[2].document) == anchor
        head = next(each for each in await store.audit_heads() if each.chain == name)
        assert (head.count, head.hash) == (6, rows[2].hash)
        assert rows[2].hash == chain.expected(rows[1].hash, 6, rows[2].document, rows[2].hash)
        await store.commit(_patched("s", 6))
        assert [row.seq for row in await store.read_audit(name, after=2, before=6, limit=9)] == [4, 5]
        assert [row.seq for row in await store.read_audit(name, limit=2, newest=True)] == [7, 6]
