"""What belongs to a session: checkpoints, journal, inbox, claims, children."""

# ruff: noqa: S101
from __future__ import annotations

import asyncio
from itertools import count

import pytest
from msgspec.structs import replace

from nexus.errors import InvalidInput
from nexus.stores.base import Conflict, Store
from nexus.testing.builders import (
    NOW,
    a_checkpoint,
    a_message,
    a_session,
    an_entry,
    claiming,
    creating,
    deleting,
    ids_of,
    updating,
)
from nexus.testing.contract.harness import Harness, must_load, put, refused, with_store


class BelongingsContract(Harness):
    """What commits with a session and goes with it."""

    @with_store
    async def test_checkpoints_are_listed_in_order_without_state(self, store: Store) -> None:
        saved = tuple(a_checkpoint("s1", n, state={"n": n}, loops=(n,)) for n in (3, 1, 2, 10))
        await store.commit(creating(a_session("s1"), checkpoints=saved))
        listed = await store.list_checkpoints("s1", after=0, limit=99)
        assert [checkpoint.number for checkpoint in listed] == [1, 2, 3, 10]
        assert all(checkpoint.state_json is None for checkpoint in listed)
        assert listed[0] == replace(saved[1], state_json=None)

    @with_store
    async def test_checkpoints_are_listed_by_page(self, store: Store) -> None:
        await store.commit(creating(a_session("s1"), checkpoints=tuple(a_checkpoint("s1", n) for n in range(1, 8))))
        page = await store.list_checkpoints("s1", after=2, limit=3)
        assert [checkpoint.number for checkpoint in page] == [3, 4, 5]
        assert await store.list_checkpoints("s1", after=7, limit=3) == []
        assert await store.list_checkpoints("nobody", after=0, limit=3) == []

    @with_store
    async def test_a_checkpoint_asked_for_alone_has_its_state(self, store: Store) -> None:
        saved = a_checkpoint("s1", 1, state={"text": "x" * 50_000, "big": 2**80})
        await store.commit(creating(a_session("s1"), checkpoints=(saved,)))
        assert await store.load_checkpoint("s1", 1) == saved
        assert await store.load_checkpoint("s1", 2) is None
        assert await store.load_checkpoint("nobody", 1) is None

    @with_store
    async def test_a_checkpoint_is_replaced_by_number(self, store: Store) -> None:
        session, saved = a_session("s1"), a_checkpoint("s1", 1)
        await store.commit(creating(session, checkpoints=(saved,)))
        await store.commit(updating(session, parts={"checkpoints": (replace(saved, pinned=True),)}))
        assert await store.load_checkpoint("s1", 1) == replace(saved, pinned=True)

    @with_store
    async def test_a_checkpoint_replaced_without_state_keeps_its_state(self, store: Store) -> None:
        session, saved = a_session("s1"), a_checkpoint("s1", 1)
        await store.commit(creating(session, checkpoints=(saved,)))
        listed = (await store.list_checkpoints("s1", after=0, limit=1))[0]
        await store.commit(updating(session, parts={"checkpoints": (replace(listed, pinned=True),)}))
        assert await store.load_checkpoint("s1", 1) == replace(saved, pinned=True)

    @with_store
    async def test_dropped_checkpoints_go_and_pinned_ones_stay(self, store: Store) -> None:
        session = a_session("s1")
        saved = tuple(a_checkpoint("s1", n, pinned=n == 2) for n in (1, 2, 3))
        await store.commit(creating(session, checkpoints=saved))
        await store.commit(updating(session, parts={"drop_checkpoints": (1, 2, 9)}))
        listed = await store.list_checkpoints("s1", after=0, limit=9)
        assert [checkpoint.number for checkpoint in listed] == [2, 3]

    @with_store
    async def test_a_fork_pins_a_checkpoint_of_its_source_in_its_own_commit(self, store: Store) -> None:
        saved = a_checkpoint("source", 1)
        await store.commit(creating(a_session("source"), checkpoints=(saved,)))
        pinned = replace(saved, pinned=True)
        await store.commit(creating(a_session("fork"), checkpoints=(pinned, a_checkpoint("fork", 1))))
        assert await store.load_checkpoint("source", 1) == pinned
        assert (await must_load(store, "source")).session.version == 1
        assert len(await store.list_checkpoints("fork", after=0, limit=9)) == 1

    @with_store
    async def test_a_checkpoint_of_a_session_that_is_gone_is_not_kept(self, store: Store) -> None:
        await store.commit(creating(a_session("fork"), checkpoints=(a_checkpoint("gone", 1),)))
        assert await store.load_checkpoint("gone", 1) is None
        await store.commit(creating(a_session("gone")))
        assert await store.load_checkpoint("gone", 1) is None

    @with_store
    async def test_the_journal_is_read_in_the_order_of_its_commits(self, store: Store) -> None:
        session = a_session("s1")
        await store.commit(creating(session, journal=(an_entry("z"), an_entry("a", value=b"\x00\xff"))))
        await store.commit(updating(session, parts={"journal": (an_entry("m"), an_entry("b", run_id="run-2"))}))
        entries = await store.load_journal("s1", "run-1")
        assert entries == [an_entry("z"), an_entry("a", value=b"\x00\xff"), an_entry("m")]
        assert await store.load_journal("s1", "run-2") == [an_entry("b", run_id="run-2")]
        assert await store.load_journal("s1", "run-3") == await store.load_journal("nobody", "run-1") == []

    @with_store
    async def test_journal_entries_are_dropped_by_run_and_key(self, store: Store) -> None:
        session = a_session("s1")
        entries = (an_entry("a"), an_entry("b"), an_entry("a", run_id="run-2"))
        await store.commit(creating(session, journal=entries))
        parts = {"drop_journal": (("run-1", "a"), ("run-1", "none")), "journal": (an_entry("c"),)}
        await store.commit(updating(session, parts=parts))
        assert [entry.key for entry in await store.load_journal("s1", "run-1")] == ["b", "c"]
        assert [entry.key for entry in await store.load_journal("s1", "run-2")] == ["a"]

    @with_store
    async def test_a_dropped_entry_can_be_recorded_anew_in_the_same_commit(self, store: Store) -> None:
        session = a_session("s1")
        await store.commit(creating(session, journal=(an_entry("a", value=b"1"), an_entry("b"))))
        parts = {"drop_journal": (("run-1", "a"),), "journal": (an_entry("a", value=b"2"),)}
        await store.commit(updating(session, parts=parts))
        entries = await store.load_journal("s1", "run-1")
        assert [(entry.key, entry.value) for entry in entries] == [("b", b"1"), ("a", b"2")]

    @with_store
    async def test_messages_wait_in_order_of_arrival_until_they_are_taken(self, store: Store) -> None:
        session = a_session("s1")
        second = updating(session, parts={"put": (a_message("01-b", body=b'{"n":1}'), a_message("01-a"))})
        await store.commit(creating(session, put=(a_message("02"),)))
        await store.commit(second)
        assert [message.id for message in await store.inbox("s1")] == ["01-a", "01-b", "02"]
        assert (await store.inbox("s1"))[1] == a_message("01-b", body=b'{"n":1}')
        assert second.after is not None
        await store.commit(updating(second.after.session, parts={"take": ("01-b",)}))
        assert [message.id for message in await store.inbox("s1")] == ["01-a", "02"]
        assert await store.inbox("nobody") == []

    @with_store
    async def test_taking_a_message_that_is_gone_is_a_conflict(self, store: Store) -> None:
        session = a_session("s1")
        await store.commit(creating(session, put=(a_message("m1"),)))
        conflict = await refused(store, updating(session, parts={"take": ("m1", "m2")}))
        assert conflict.session_id == "s1"
        assert conflict.current is not None
        assert [message.id for message in await store.inbox("s1")] == ["m1"]

    @with_store
    async def test_a_message_cannot_be_taken_twice_in_one_commit(self, store: Store) -> None:
        session = a_session("s1")
        await store.commit(creating(session, put=(a_message("m1"),)))
        await refused(store, updating(session, parts={"take": ("m1", "m1")}))
        await store.commit(updating(session, parts={"take": ("m1",)}))
        assert await store.inbox("s1") == []

    @with_store
    async def test_a_claim_is_set_and_read(self, store: Store) -> None:
        key, s1 = self.beside("user:42", "s1")
        await store.commit(creating(a_session(s1), claims=claiming(key, s1)))
        assert await store.claim("user:42") == s1
        assert await store.claim("user:43") is None

    @with_store
    async def test_a_claim_that_is_taken_is_a_conflict_that_names_its_value(self, store: Store) -> None:
        key, s1, s2 = self.beside("user:42", "s1", "s2")
        await store.commit(creating(a_session(s1), claims=claiming(key, s1)))
        conflict = await refused(store, creating(a_session(s2), claims=claiming(key, s2)))
        assert conflict.claim == (key, s1)
        assert await store.load(s2) is None

    @with_store
    async def test_a_claim_is_replaced_only_from_the_expected_value(self, store: Store) -> None:
        session = a_session(self.beside("k", "s1")[1])
        await store.commit(creating(session, claims=claiming("k", "1")))
        await refused(store, updating(session, parts={"claims": claiming("k", "3", "2")}))
        await store.commit(updating(session, parts={"claims": claiming("k", "2", "1")}))
        assert await store.claim("k") == "2"

    @with_store
    async def test_a_claim_is_removed_and_free_again(self, store: Store) -> None:
        _, s1, s2 = self.beside("k", "s1", "s2")
        session = a_session(s1)
        await store.commit(creating(session, claims=claiming("k", "1")))
        await store.commit(updating(session, parts={"claims": claiming("k", None, "1")}))
        assert await store.claim("k") is None
        await store.commit(creating(a_session(s2), claims=claiming("k", "2")))
        assert await store.claim("k") == "2"

    @with_store
    async def test_a_claim_belongs_to_the_session_that_set_it_last(self, store: Store) -> None:
        _, s1, s2 = self.beside("k", "s1", "s2")
        first, second = a_session(s1), a_session(s2)
        await store.commit(creating(first, claims=claiming("k", "s1")))
        await store.commit(creating(second, claims=claiming("k", "s2", "s1")))
        await store.commit(deleting(first))
        assert await store.claim("k") == "s2"
        await store.commit(deleting(second))
        assert await store.claim("k") is None

    @with_store
    async def test_a_claim_of_a_deleted_session_is_free_at_once(self, store: Store) -> None:
        _, s1, s2 = self.beside("k", "s1", "s2")
        first = a_session(s1)
        await store.commit(creating(first, claims=claiming("k", "s1")))
        deletion = store.commit(deleting(first))
        results = await asyncio.gather(deletion, store.commit(creating(a_session(s2), claims=claiming("k", "s2"))))
        assert len(results) == 2
        assert await store.claim("k") == "s2"

    @with_store
    async def test_of_many_who_claim_one_key_exactly_one_gets_it(self, store: Store) -> None:
        _, *names = self.beside("k", *(f"s{n}" for n in range(20)))
        calls = [store.commit(creating(a_session(name), claims=claiming("k", name))) for name in names]
        results = await asyncio.gather(*calls, return_exceptions=True)
        won = [name for name, result in zip(names, results, strict=True) if not isinstance(result, Conflict)]
        assert [await store.claim("k")] == won
        assert list(await store.load_many(names)) == won

    @with_store
    async def test_a_session_made_with_an_id_beside_a_key_can_claim_it(self, store: Store) -> None:
        for key in ("user:42", "user:zoë", "k"):
            name = store.id_beside(key, map("sess-{}".format, count()).__next__)
            await store.commit(creating(a_session(name), claims=claiming(key, name)))
            assert await store.claim(key) == name
            await store.commit(deleting(a_session(name)))

    @with_store
    async def test_a_key_that_names_its_session_can_be_claimed_by_it_whatever_its_id(self, store: Store) -> None:
        for name, shown in (("s1", "s1"), ("a:b:c", "a%3Ab%3Ac"), ("x" * 128, "x" * 128)):
            key = f"idem:{shown}:key:of:its:own"
            await store.commit(creating(a_session(name), claims=claiming(key, "run-1")))
            assert await store.claim(key) == "run-1"

    @with_store
    async def test_children_come_in_order_of_creation_by_page(self, store: Store) -> None:
        born = {"c3": 3, "c1": 1, "c2b": 2, "c2a": 2, "c0": 0}
        family = [creating(a_session(name, parent_id="p", created_at=NOW + at)) for name, at in born.items()]
        await put(store, creating(a_session("p")), creating(a_session("other")), *family)
        first = await store.children("p", cursor=None, limit=3)
        assert ids_of(first.items) == ["c0", "c1", "c2a"]
        rest = await store.children("p", cursor=first.next_cursor, limit=3)
        assert (ids_of(rest.items), rest.next_cursor) == (["c2b", "c3"], None)
        assert (await store.children("other", cursor=None, limit=3)).items == ()

    @with_store
    async def test_a_cursor_of_another_list_is_no_cursor_of_children(self, store: Store) -> None:
        for cursor in ("nonsense", "", "é", "W10", "a" * 500):
            with pytest.raises(InvalidInput):
                await store.children("p", cursor=cursor, limit=3)
