"""Commits: all or nothing, on the version that was expected."""

# ruff: noqa: S101
from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from nexus.errors import StoreUnavailable
from nexus.model import Progress, RunStatus, Status, Wait
from nexus.query import Query
from nexus.stores.base import Change, Conflict, Snapshot, Store
from nexus.testing.builders import (
    NOW,
    a_checkpoint,
    a_group,
    a_message,
    a_run,
    a_session,
    an_entry,
    an_event,
    claiming,
    creating,
    creating_group,
    deleting,
    updating,
    updating_group,
)
from nexus.testing.contract.harness import Harness, must_load, put, refused, with_store


class CommitContract(Harness):
    """Records and the one way in which they change."""

    @with_store
    async def test_a_session_that_was_never_stored_is_none(self, store: Store) -> None:
        assert await store.load("nobody") is None

    @with_store
    async def test_a_session_comes_back_as_it_was_stored(self, store: Store) -> None:
        session = a_session(
            "s1",
            channels=("api", "mcp"),
            metadata={"z": 1, "a": [], "big": 2**70, "deep": {"x": None, "y": 1.5}, "text": 'q"\\\u00e9\u65e5'},
            state={"z": [], "a": {}, "big": -(2**65), "nul": "\0"},
            user_id="u",
            rewinds=((1, 3),),
            forked_from=("s0", 4),
            timeout=1.5,
            idle_deadline=NOW + 1.5,
            epoch=3,
            ran=True,
        )
        await store.commit(creating(session))
        assert (await must_load(store, "s1")).session == session

    @with_store
    async def test_state_bytes_come_back_untouched(self, store: Store) -> None:
        odd = b'{ "b":1,\n "a" : [ ], "f":1.50, "b\\u0061":0 }'
        await store.commit(creating(a_session("s1", state_json=odd)))
        assert (await must_load(store, "s1")).session.state_json == odd

    @with_store
    async def test_a_large_state_comes_back_and_shrinks_again(self, store: Store) -> None:
        session = a_session("s1", state={"text": "x" * 900_000})
        await store.commit(creating(session))
        assert (await must_load(store, "s1")).session == session
        change = updating(session, step=1)
        await store.commit(change)
        assert (await must_load(store, "s1")).session.state == session.state
        small = updating((await must_load(store, "s1")).session, state={"n": 1})
        await store.commit(small)
        assert (await must_load(store, "s1")).session.state == {"n": 1}

    @with_store
    async def test_a_run_comes_back_with_its_session(self, store: Store) -> None:
        run = a_run(
            "s1",
            inputs_json=b'{"big":' + b"9" * 40 + b"}",
            outputs_json=b"[]",
            loops=(1, 2),
            epoch=2,
            worker="w",
            wait=Wait(signal="go", since=NOW, deadline=NOW + 1),
            progress=Progress(done=1, total=2, note="half"),
            status=RunStatus.SUSPENDED,
        )
        await store.commit(creating(a_session("s1"), run))
        assert (await must_load(store, "s1")).run == run

    @with_store
    async def test_a_run_with_large_inputs_comes_back(self, store: Store) -> None:
        run = a_run("s1", inputs_json=b'"' + b"x" * 200_000 + b'"')
        session = a_session("s1")
        await store.commit(creating(session, run))
        await store.commit(updating(session, msgspec.structs.replace(run, loops=(1,))))
        stored = (await must_load(store, "s1")).run
        assert stored is not None
        assert (stored.inputs_json, stored.loops) == (run.inputs_json, (1,))

    @with_store
    async def test_a_run_goes_when_a_commit_says_so(self, store: Store) -> None:
        session = a_session("s1")
        await store.commit(creating(session, a_run("s1")))
        await store.commit(updating(session, None))
        assert (await must_load(store, "s1")).run is None

    @with_store
    async def test_load_many_gives_those_that_exist(self, store: Store) -> None:
        await put(store, *(creating(a_session(f"s{n}")) for n in range(3)))
        found = await store.load_many(["s2", "nobody", "s0", "s2"])
        assert {name: snapshot.session.id for name, snapshot in found.items()} == {"s0": "s0", "s2": "s2"}
        assert await store.load_many([]) == {}

    @with_store
    async def test_creating_an_id_that_exists_is_a_conflict_with_what_is_there(self, store: Store) -> None:
        first = a_session("s1", step=1)
        await store.commit(creating(first))
        conflict = await refused(store, creating(a_session("s1", step=2)))
        assert (conflict.session_id, conflict.current, conflict.claim) == ("s1", Snapshot(first), None)

    @with_store
    async def test_an_update_of_an_old_version_is_a_conflict_with_what_is_there(self, store: Store) -> None:
        first = a_session("s1")
        await store.commit(creating(first))
        second = updating(first, state={"winner": 1})
        await store.commit(second)
        conflict = await refused(store, updating(first, state={"loser": 1}))
        assert conflict.current == second.after
        assert (await must_load(store, "s1")).session.state == {"winner": 1}

    @with_store
    async def test_an_update_of_a_session_that_is_gone_is_a_conflict_with_nothing(self, store: Store) -> None:
        session = a_session("s1")
        await store.commit(creating(session))
        await store.commit(deleting(session))
        conflict = await refused(store, updating(session, step=1))
        assert (conflict.session_id, conflict.current) == ("s1", None)
        assert await store.load("s1") is None

    @with_store
    async def test_versions_rise_by_exactly_one(self, store: Store) -> None:
        session = a_session("s1")
        await store.commit(creating(session))
        with pytest.raises(ValueError, match="version"):
            await store.commit(updating(session, version=3))
        assert (await must_load(store, "s1")).session.version == 1

    @with_store
    async def test_a_session_may_be_stored_with_a_later_version_when_it_is_new(self, store: Store) -> None:
        await store.commit(creating(a_session("s1", version=17)))
        assert (await must_load(store, "s1")).session.version == 17

    @with_store
    async def test_a_change_that_carries_another_sessions_record_is_refused(self, store: Store) -> None:
        with pytest.raises(ValueError, match="carries the record"):
            await store.commit(Change(session_id="s1", after=Snapshot(a_session("s2"))))

    @with_store
    async def test_deleting_without_a_version_is_a_mistake_and_changes_nothing(self, store: Store) -> None:
        await store.commit(creating(a_session("s1")))
        for change in (Change(session_id="s1"), Change(session_id="nobody"), Change(group_id="g")):
            with pytest.raises(ValueError, match="which must not exist"):
                await store.commit(change)
        assert await store.load("s1") is not None

    @with_store
    async def test_several_changes_go_through_together(self, store: Store) -> None:
        older, child, group = self.beside("parent", "child", "g")
        parent = a_session(older)
        await store.commit(creating(parent))
        committed = await store.commit(
            creating(a_session(child, parent_id=older)), updating(parent, step=1), creating_group(a_group(group))
        )
        kinds = [event.type for event in committed.events]
        assert kinds == ["session.created", "session.updated", "group.created"]
        assert await store.load(child) is not None
        assert await store.load_group(group) is not None
        assert (await must_load(store, older)).session.step == 1

    @with_store
    async def test_one_conflict_among_several_changes_leaves_no_trace_of_any(self, store: Store) -> None:
        key, s1, new, g = self.beside("user:1", "s1", "new", "g")
        session = a_session(s1)
        await store.commit(creating(session))
        before = (await store.read_events(None, 1)).cursor
        full = creating(
            a_session(new, group_id=g, parent_id=s1),
            checkpoints=(a_checkpoint(new, 1),),
            journal=(an_entry("k"),),
            put=(a_message("m1"),),
            claims=claiming(key, new),
            counters={"total": 1.0},
        )
        conflict = await refused(store, full, creating_group(a_group(g)), creating(a_session(s1)))
        assert conflict.session_id == s1
        assert await store.load(new) is None
        assert await store.load_group(g) is None
        assert await store.claim(key) is None
        assert await store.load_checkpoint(new, 1) is None
        assert await store.load_journal(new, "run-1") == []
        assert await store.inbox(new) == []
        assert await store.counters() == {}
        assert (await store.children(s1, cursor=None, limit=9)).items == ()
        assert (await store.read_events(before, 9)).events == ()
        assert await store.count(Query(), NOW) == 1

    @with_store
    async def test_one_session_can_change_twice_in_one_commit(self, store: Store) -> None:
        first = a_session("s1")
        second = updating(first, step=1)
        assert second.after is not None
        await store.commit(creating(first), second, updating(second.after.session, step=2))
        stored = (await must_load(store, "s1")).session
        assert (stored.version, stored.step) == (3, 2)

    @with_store
    async def test_an_id_can_be_used_again_after_deletion_and_starts_clean(self, store: Store) -> None:
        first = a_session("s1", state={"old": "x" * 5000})
        await store.commit(
            creating(first, checkpoints=(a_checkpoint("s1", 1),), journal=(an_entry("k"),), put=(a_message("m"),))
        )
        await store.commit(deleting(first), creating(a_session("s1", state={"new": 1})))
        assert (await must_load(store, "s1")).session.state == {"new": 1}
        assert await store.list_checkpoints("s1", after=0, limit=9) == []
        assert await store.load_journal("s1", "run-1") == []
        assert await store.inbox("s1") == []

    @with_store
    async def test_deleting_takes_everything_of_the_session_and_nothing_of_others(self, store: Store) -> None:
        parts: dict[str, Any] = {"journal": (an_entry("k"),), "put": (a_message("m"),)}
        a, gone, b, left = self.beside("a", "doomed", "b", "kept")
        doomed, kept = a_session(gone, group_id="g"), a_session(left, group_id="g", parent_id=gone)
        await store.commit(
            creating(doomed, checkpoints=(a_checkpoint(gone, 1),), claims=claiming(a, gone), **parts),
            creating(kept, checkpoints=(a_checkpoint(left, 1),), claims=claiming(b, left), **parts),
        )
        await store.commit(creating_group(a_group("g")))
        await store.commit(deleting(doomed))
        assert await store.load(gone) is None
        assert await store.load_checkpoint(gone, 1) is None
        assert (await store.claim(a), await store.claim(b)) == (None, left)
        assert len(await store.list_checkpoints(left, after=0, limit=9)) == 1
        assert len(await store.load_journal(left, "run-1")) == len(await store.inbox(left)) == 1
        group = await store.load_group("g")
        assert group is not None
        assert group.counts == {"active": 1}

    @with_store
    async def test_a_change_about_nobody_commits_its_events_and_counters(self, store: Store) -> None:
        committed = await store.commit(Change(events=(an_event("audit.refused"),), counters={"refused": 1.0}))
        assert [event.type for event in committed.events] == ["audit.refused"]
        assert await store.counters() == {"refused": 1.0}

    @with_store
    async def test_what_a_caller_got_or_gave_can_be_changed_without_changing_the_store(self, store: Store) -> None:
        metadata = {"tags": ["a"]}
        await store.commit(creating(a_session("s1", metadata=metadata)))
        metadata["tags"].append("b")
        got = (await must_load(store, "s1")).session
        got.metadata["tags"].append("c")
        got.state["new"] = 1
        listed = (await store.children("nobody", cursor=None, limit=1)).items
        again = (await must_load(store, "s1")).session
        assert (again.metadata, again.state, listed) == ({"tags": ["a"]}, {}, ())

    @with_store
    async def test_of_many_writers_of_one_version_exactly_one_wins(self, store: Store) -> None:
        session = a_session("s1")
        await store.commit(creating(session))
        changes = [updating(session, state={"writer": n}) for n in range(24)]
        results = await asyncio.gather(*(store.commit(change) for change in changes), return_exceptions=True)
        won = [n for n, result in enumerate(results) if not isinstance(result, BaseException)]
        assert len(won) == 1
        assert all(isinstance(result, Conflict) for n, result in enumerate(results) if n not in won)
        assert (await must_load(store, "s1")).session.state == {"writer": won[0]}

    @with_store
    async def test_many_writers_that_retry_lose_no_update(self, store: Store) -> None:
        await store.commit(creating(a_session("s1", state={"n": 0})))

        async def add_one() -> None:
            current: Snapshot | None = await must_load(store, "s1")
            while current is not None:
                session = current.session
                try:
                    await store.commit(updating(session, state={"n": session.state["n"] + 1}))
                except Conflict as conflict:
                    current = conflict.current
                else:
                    return

        await asyncio.gather(*(add_one() for _ in range(32)))
        stored = (await must_load(store, "s1")).session
        assert (stored.state, stored.version) == ({"n": 32}, 33)

    @with_store
    async def test_one_callers_conflict_harms_no_other_caller(self, store: Store) -> None:
        session = a_session("taken")
        await store.commit(creating(session))
        calls = [store.commit(creating(a_session("taken" if n % 3 == 0 else f"s{n}"))) for n in range(30)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [isinstance(result, Conflict) for result in results] == [n % 3 == 0 for n in range(30)]
        assert len(await store.load_many([f"s{n}" for n in range(30)])) == 20

    @with_store
    async def test_a_cancelled_commit_is_done_or_not_and_never_half(self, store: Store) -> None:
        pairs = [self.beside(f"a{n}", f"b{n}") for n in range(12)]
        for n, pair in enumerate(pairs):
            task = asyncio.create_task(store.commit(*(creating(a_session(name)) for name in pair)))
            for _ in range(n % 4):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await store.commit(creating(a_session("last")))
        found = await store.load_many([name for pair in pairs for name in pair])
        assert all((one in found) == (other in found) for one, other in pairs)

    @with_store
    async def test_a_group_is_stored_and_replaced_by_version(self, store: Store) -> None:
        group = a_group("g", metadata={"a": [], "n": 2**70})
        await store.commit(creating_group(group))
        assert await store.load_group("g") == group
        await store.commit(updating_group(group, ended_at=NOW + 1))
        conflict = await refused(store, updating_group(group, ended_at=NOW + 2))
        assert (conflict.session_id, conflict.current) == ("g", None)
        stored = await store.load_group("g")
        assert stored is not None
        assert (stored.ended_at, stored.version) == (NOW + 1, 2)
        assert (await refused(store, creating_group(group))).session_id == "g"

    def test_a_store_that_is_not_open_says_so(self) -> None:
        async def scenario() -> None:
            context = self.open_store()
            async with context as store:
                await store.commit(creating(a_session("s1", status=Status.ACTIVE)))
            with pytest.raises(StoreUnavailable):
                await store.load("s1")
            with pytest.raises(StoreUnavailable):
                await store.commit(creating(a_session("s2")))
            assert not (await store.health()).ok

        asyncio.run(scenario())

    @with_store
    async def test_an_open_store_is_healthy_and_says_where_it_is(self, store: Store) -> None:
        health = await store.health()
        assert (health.ok, health.url) == (True, store.url)
        assert health.backend
