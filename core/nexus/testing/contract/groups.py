"""Groups with their counts, counters, and workers."""

# ruff: noqa: S101
from __future__ import annotations

import asyncio

import pytest

from nexus.errors import InvalidInput
from nexus.model import Status
from nexus.stores.base import UNOWNED, Change, Store
from nexus.testing.builders import (
    NOW,
    a_group,
    a_run,
    a_session,
    a_worker,
    creating,
    creating_group,
    deleting,
    updating,
    updating_group,
)
from nexus.testing.contract.harness import Harness, put, refused, with_store


class GroupContract(Harness):
    """Groups, and what is counted."""

    @with_store
    async def test_a_group_that_was_never_stored_is_none(self, store: Store) -> None:
        assert await store.load_group("nobody") is None

    @with_store
    async def test_a_groups_counts_follow_its_members(self, store: Store) -> None:
        await store.commit(creating_group(a_group("g")))
        sessions = [a_session(f"s{n}", group_id="g") for n in range(4)]
        await put(store, *map(creating, sessions), creating(a_session("other")))
        await store.commit(updating(sessions[0], status=Status.COMPLETED, ended_at=NOW))
        await store.commit(deleting(sessions[1]))
        await store.commit(updating(sessions[2], group_id=None))
        group = await store.load_group("g")
        assert group is not None
        assert group.counts == {"completed": 1, "active": 1}
        assert (group.total, group.live, group.done) == (2, 1, 0.5)

    @with_store
    async def test_members_that_came_before_their_group_are_counted(self, store: Store) -> None:
        await store.commit(creating(a_session("s1", group_id="g")))
        await store.commit(creating_group(a_group("g")))
        group = await store.load_group("g")
        assert group is not None
        assert group.counts == {"active": 1}

    @with_store
    async def test_counts_are_not_stored_with_the_record(self, store: Store) -> None:
        await store.commit(creating_group(a_group("g", counts={"active": 99})))
        group = await store.load_group("g")
        assert group is not None
        assert dict(group.counts) == {}

    @with_store
    async def test_groups_are_listed_newest_first_by_page_with_counts_and_total(self, store: Store) -> None:
        made = {"a": 1, "b": 3, "c": 2, "d": 3}
        await put(store, *(creating_group(a_group(name, created_at=NOW + at)) for name, at in made.items()))
        await store.commit(creating(a_session("s1", group_id="c")))
        first = await store.list_groups(cursor=None, limit=3)
        assert ([group.id for group in first.items], first.total) == (["d", "b", "c"], 4)
        assert first.items[2].counts == {"active": 1}
        rest = await store.list_groups(cursor=first.next_cursor, limit=3)
        assert ([group.id for group in rest.items], rest.next_cursor, rest.total) == (["a"], None, 4)
        with pytest.raises(InvalidInput):
            await store.list_groups(cursor="nonsense", limit=3)

    @with_store
    async def test_a_deleted_group_is_gone_and_its_members_stay(self, store: Store) -> None:
        group = a_group("g")
        await put(store, creating_group(group), creating(a_session("s1", group_id="g")))
        await store.commit(Change(group_id="g", expected=1))
        assert await store.load_group("g") is None
        assert (await store.list_groups(cursor=None, limit=9)).total == 0
        assert await store.load("s1") is not None
        await refused(store, updating_group(group))

    @with_store
    async def test_counters_add_up_over_commits_and_callers(self, store: Store) -> None:
        calls = [
            store.commit(creating(a_session(f"s{n}"), counters={"total": 1.0, "sum": n / 4, "down": -1.0}))
            for n in range(20)
        ]
        await asyncio.gather(*calls)
        assert await store.counters() == {"total": 20.0, "sum": 47.5, "down": -20.0}

    @with_store
    async def test_counters_of_several_changes_of_one_commit_add_up(self, store: Store) -> None:
        names = self.beside("s0", "s1", "s2")
        await store.commit(*(creating(a_session(name), counters={"total": 1.0}) for name in names))
        assert await store.counters() == {"total": 3.0}

    @with_store
    async def test_a_refused_commit_counts_nothing(self, store: Store) -> None:
        await store.commit(creating(a_session("s1"), counters={"total": 1.0}))
        await refused(store, creating(a_session("s1"), counters={"total": 1.0}))
        assert await store.counters() == {"total": 1.0}

    @with_store
    async def test_counters_are_read_by_prefix_and_those_of_groups_only_when_asked(self, store: Store) -> None:
        names = ("status:active", "status:failed", "statistics", "group:g:active", "group:h:active", "groups")
        await store.commit(Change(counters=dict.fromkeys(names, 1.0)))
        assert set(await store.counters()) == {"status:active", "status:failed", "statistics", "groups"}
        assert set(await store.counters("status:")) == {"status:active", "status:failed"}
        assert set(await store.counters("group:g:")) == {"group:g:active"}
        assert set(await store.counters("group:")) == {"group:g:active", "group:h:active"}
        assert await store.counters("none") == {}

    @with_store
    async def test_dropped_counters_are_forgotten_and_start_at_nought(self, store: Store) -> None:
        await store.commit(Change(counters={"a": 5.0, "b": 1.0}))
        await store.drop_counters(["a", "none"])
        assert await store.counters() == {"b": 1.0}
        await store.commit(Change(counters={"a": 2.0}))
        assert await store.counters() == {"a": 2.0, "b": 1.0}
        await store.drop_counters([])

    @with_store
    async def test_a_worker_that_beats_is_alive_for_its_lease(self, store: Store) -> None:
        worker = a_worker("w1", workflows=("a", "b"), boot_id="boot", pid=7, pid_start="99")
        await store.beat(worker, 3600.0)
        await store.beat(a_worker("w2"), -1.0)
        found = {one.id: one for one in await store.workers()}
        assert {name: one.alive for name, one in found.items()} == {"w1": True, "w2": False}
        assert found["w1"].seen_at > 0
        shown = found["w1"]
        assert (shown.workflows, shown.pid, shown.pid_start, shown.boot_id) == (("a", "b"), 7, "99", "boot")

    @with_store
    async def test_a_beat_renews_a_lease_that_ran_out_and_the_record(self, store: Store) -> None:
        await store.beat(a_worker("w1"), -1.0)
        await store.beat(a_worker("w1", workflows=("new",)), 3600.0)
        (worker,) = await store.workers()
        assert (worker.alive, worker.workflows) == (True, ("new",))

    @with_store
    async def test_a_forgotten_worker_is_gone(self, store: Store) -> None:
        await store.beat(a_worker("w1"), 3600.0)
        await store.forget_worker("w1")
        await store.forget_worker("nobody")
        assert await store.workers() == []

    @with_store
    async def test_who_holds_runs_is_told_listed_or_not(self, store: Store) -> None:
        assert await store.holders() == set()
        for name, worker in (("a", "w1"), ("b", "w1"), ("c", "w2"), ("d", UNOWNED), ("e", None)):
            run = a_run(name, worker=worker)
            await store.commit(creating(a_session(name, status=Status.IN_PROGRESS, run_id=run.id), run))
        await store.beat(a_worker("w3"), 3600.0)
        assert await store.holders() == {"w1", "w2"}
