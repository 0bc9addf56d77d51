"""A live store and what it has let go, as one: nothing twice, nothing missing, everything in its place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from nexus.archive import merged_windows
from nexus.archive.merged import ArchivedStore
from nexus.errors import InvalidTransition, StoreUnavailable
from nexus.model import Status, new_id
from nexus.model.change import Snapshot
from nexus.query import Query, parse
from nexus.stores.base import Conflict, Order, SortField, Store
from nexus.stores.memory import MemoryStore
from nexus.stores.strides import FEW
from nexus.testing.builders import (
    NOW,
    a_checkpoint,
    a_group,
    a_session,
    an_entry,
    an_event,
    creating,
    creating_group,
    deleting,
    ids_of,
    updating,
)
from nexus.testing.contract import StoreContract
from nexus.testing.contract.population import a_population
from tests.core.archive.pasts import MemoryPast

ORDERS = [Order(field, descending) for field in SortField for descending in (False, True)]
QUERIES = (
    "", "status:final", "status:live", "-workflow:index*", "group:batch-7", "age>2000s", "meta.tier>=1", "state.n=2",
    "train", "id:s00*", "step>=5 -group:*", "workflow:nothing",
)  # fmt: skip


class Sides(SimpleNamespace):
    """A live store, a history, and both as one."""

    live: MemoryStore
    past: MemoryPast
    store: ArchivedStore


@pytest.fixture
async def sides() -> AsyncIterator[Sides]:
    async with MemoryStore() as behind:
        past, live = MemoryPast(behind), MemoryStore()
        async with ArchivedStore(live, past) as store:
            yield Sides(live=live, past=past, store=store)


async def pages(store: Store, query: Query, order: Order, limit: int) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await store.list_sessions(query, order, cursor=cursor, limit=limit, now=NOW)
        assert len(page.items) <= limit
        found.extend(ids_of(page.items))
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert len(page.items) == limit


async def windows(store: Store, query: Query, order: Order, step: int, limit: int) -> list[tuple[list[str], int, int]]:
    shown = []
    for offset in range(0, 90, step):
        window = await store.window(query, order, offset=offset, limit=limit, now=NOW)
        assert window.offset == offset
        shown.append((ids_of(window.items), window.total, window.whole))
    return shown


async def spread(live: Store, past: Store, whole: Store, gone: Sequence[bool]) -> None:
    for (session, run), is_gone in zip(a_population(len(gone)), gone, strict=True):
        await (past if is_gone else live).commit(creating(session, run))
        await whole.commit(creating(session, run))


class TestKeepsTheContract(StoreContract):
    """With nothing in history, it is a store like any other."""

    def open_store(self) -> ArchivedStore:
        behind = MemoryStore()
        behind._open = True
        return ArchivedStore(MemoryStore(), MemoryPast(behind))


@given(
    gone=st.lists(st.booleans(), min_size=0, max_size=84),
    order=st.sampled_from(ORDERS),
    q=st.sampled_from(QUERIES),
    limit=st.integers(1, 12),
    step=st.integers(1, 5),
    at_once=st.sampled_from((1, 2, 3, 256)),
    stride=st.integers(2, 30),
)
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_sessions_on_two_sides_are_listed_as_if_on_one(
    monkeypatch: pytest.MonkeyPatch,
    gone: list[bool],
    order: Order,
    q: str,
    limit: int,
    step: int,
    at_once: int,
    stride: int,
) -> None:
    monkeypatch.setattr(merged_windows, "AT_ONCE", at_once)
    query = parse(q)
    async with MemoryStore() as live, MemoryStore() as behind, MemoryStore() as whole:
        await spread(live, behind, whole, gone)
        both = ArchivedStore(live, MemoryPast(behind))
        assert await pages(both, query, order, limit) == await pages(whole, query, order, limit)
        assert await windows(both, query, order, step, limit) == await windows(whole, query, order, step, limit)
        for first, most in ((0, 100), (7, limit)):
            found = await both.window(query, order, offset=first, limit=most, now=NOW, stride=stride)
            wanted = await whole.window(query, order, offset=first, limit=most, now=NOW, stride=stride)
            assert ids_of(found.items) == ids_of(wanted.items[:: found.stride // stride])
            assert replace(found, items=(), stride=1) == replace(wanted, items=(), stride=1)
        assert await both.count(query, NOW) == await whole.count(query, NOW)


@pytest.mark.parametrize("pattern", ["live first", "past first", "in turns", "two blocks"])
@pytest.mark.parametrize("descending", [False, True])
async def test_a_rank_is_found_in_few_steps(
    sides: Sides, pattern: str, descending: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merged_windows, "AT_ONCE", 100)
    async with MemoryStore() as whole:
        for n in range(1600):
            is_gone = {
                "live first": n < 800,
                "past first": n >= 800,
                "in turns": n % 2 == 0,
                "two blocks": n // 400 in (1, 2),
            }[pattern]
            session = a_session(f"s{n:05d}", created_at=NOW + n // 3)
            await (sides.past.store if is_gone else sides.live).commit(creating(session))
            await whole.commit(creating(session))
        order = Order(SortField.CREATED, descending)
        for offset in (0, 1, 399, 400, 600, 800, 803, 1250, 1590, 1599, 1600):
            sides.past.asked.clear()
            found = await sides.store.window(parse(""), order, offset=offset, limit=30, now=NOW)
            assert found == await whole.window(parse(""), order, offset=offset, limit=30, now=NOW)
            assert sides.past.asked["split"] <= 6


@pytest.mark.parametrize("descending", [False, True])
async def test_rows_by_stride_that_are_on_one_side_are_read_at_once_and_of_two_sides_only_few(
    sides: Sides, descending: bool
) -> None:
    for n in range(400):
        store = sides.past.store if n < 200 else sides.live
        await store.commit(creating(a_session(f"s{n:03d}", created_at=NOW + n)))
    everything = sorted((f"s{n:03d}" for n in range(400)), reverse=descending)
    order = Order(descending=descending)
    for offset, limit, stride, apart in ((3, 60, 3, 3), (203, 60, 3, 3), (0, 60, 6, 24)):
        sides.past.asked.clear()
        found = await sides.store.window(parse(""), order, offset=offset, limit=limit, now=NOW, stride=stride)
        assert ids_of(found.items) == everything[offset : offset + limit * stride : apart]
        assert (found.offset, found.total, found.whole, found.stride) == (offset, 400, 400, apart)
        assert sides.past.asked["window"] <= (2 if apart == stride else 2 * FEW)


async def test_windows_of_one_side_ask_once(sides: Sides) -> None:
    await sides.live.commit(*(creating(a_session(f"s{n}")) for n in range(30)))
    await sides.store.window(parse(""), Order(), offset=7, limit=5, now=NOW)
    assert sides.past.asked == {"window": 1}


async def test_what_is_live_is_answered_without_history(sides: Sides) -> None:
    session = a_session(new_id("sess", NOW))
    change = creating(session, checkpoints=(a_checkpoint(session.id, 1),), journal=(an_entry("k"),))
    await sides.store.commit(change)
    await sides.store.commit(updating(session, step=1))
    assert await sides.store.load(session.id) is not None
    assert list(await sides.store.load_many([session.id])) == [session.id]
    assert len(await sides.store.list_checkpoints(session.id, after=0, limit=9)) == 1
    assert await sides.store.list_checkpoints(session.id, after=1, limit=9) == []
    assert await sides.store.load_checkpoint(session.id, 2) is None
    assert await sides.store.load_journal(session.id, "another run") == []
    assert sides.past.asked == {}


async def test_a_session_that_was_let_go_is_still_shown_whole(sides: Sides) -> None:
    session = a_session("old", status=Status.COMPLETED, ended_at=NOW, checkpoints=1, at_checkpoint=1)
    await sides.past.store.commit(
        creating(session, checkpoints=(a_checkpoint("old", 1),), journal=(an_entry("k"),)),
    )
    assert await sides.store.load("old") == Snapshot(session)
    assert await sides.store.load_many(["old", "nobody"]) == {"old": Snapshot(session)}
    assert [item.number for item in await sides.store.list_checkpoints("old", after=0, limit=9)] == [1]
    assert (await sides.store.load_checkpoint("old", 1)) == a_checkpoint("old", 1)
    assert await sides.store.load_journal("old", "run-1") == [an_entry("k")]
    assert len(await sides.store.list_events(session_id="old", limit=9)) == 1


async def test_children_of_both_sides_come_in_order_of_creation(sides: Sides) -> None:
    for n in range(10):
        child = a_session(f"c{n}", parent_id="p", created_at=NOW + n // 2)
        await (sides.live if n % 3 else sides.past.store).commit(creating(child))
    for limit in (1, 3, 10, 20):
        found: list[str] = []
        cursor: str | None = None
        while True:
            page = await sides.store.children("p", cursor=cursor, limit=limit)
            found.extend(ids_of(page.items))
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == [f"c{n}" for n in range(10)]


async def test_a_session_that_is_on_both_sides_for_a_moment_is_listed_once_as_it_is_live(sides: Sides) -> None:
    await sides.past.store.commit(creating(a_session("s1", step=1)))
    await sides.live.commit(creating(a_session("s1", step=2)), creating(a_session("s2")))
    page = await sides.store.list_sessions(parse(""), Order(), cursor=None, limit=9, now=NOW)
    assert [(session.id, session.step) for session in page.items] == [("s2", 0), ("s1", 2)]
    window = await sides.store.window(parse(""), Order(), offset=0, limit=9, now=NOW)
    assert [(session.id, session.step) for session in window.items] == [("s2", 0), ("s1", 2)]


async def test_events_of_both_sides_come_once_and_in_order(sides: Sides) -> None:
    drafts = tuple(an_event(f"kind.{n}", "s1") for n in range(6))
    await sides.past.store.commit(creating(a_session("s1"), events=drafts[:4]))
    await sides.live.commit(creating(a_session("s1"), events=drafts))
    # Trimming leaves the live store with the last ones only, two of which are archived too.
    sides.live._tables._events = sides.live._tables._events[2:]
    for name in ("s1", None):
        events = await sides.store.list_events(session_id=name, limit=99)
        assert [event.type for event in events] == [f"kind.{n}" for n in range(6)]
        assert await sides.store.list_events(session_id=name, limit=3) == events[:3]
        assert await sides.store.list_events(session_id=name, limit=3, newest=True) == events[3:]
        assert await sides.store.list_events(session_id=name, after=events[1].seq, limit=2) == events[2:4]
        assert await sides.store.list_events(session_id=name, limit=0) == []


async def test_groups_count_the_members_that_were_let_go(sides: Sides) -> None:
    await sides.store.commit(creating_group(a_group("g")), creating_group(a_group("h", created_at=NOW + 1)))
    await sides.live.commit(creating(a_session("s1", group_id="g")))
    for n in range(3):
        await sides.past.store.commit(creating(a_session(f"old{n}", group_id="g", status=Status.COMPLETED)))
    group = await sides.store.load_group("g")
    assert group is not None
    assert group.counts == {"active": 1, "completed": 3}
    page = await sides.store.list_groups(cursor=None, limit=9)
    assert [(item.id, dict(item.counts)) for item in page.items] == [("h", {}), ("g", {"active": 1, "completed": 3})]
    assert page.total == 2
    assert await sides.store.load_group("none") is None


class Away(MemoryPast):
    """A history whose database can't be reached."""

    async def load_many(self, session_ids: Sequence[str]) -> dict[str, Snapshot]:
        raise StoreUnavailable("the archive is away")

    async def members(self, group_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        raise StoreUnavailable("the archive is away")


async def test_live_work_goes_on_while_the_archive_is_away(sides: Sides) -> None:
    store = ArchivedStore(sides.live, Away(sides.past.store))
    session = a_session(new_id("sess", NOW), group_id="g")
    await store.commit(creating_group(a_group("g")))
    await store.commit(creating(session))
    await store.commit(updating(session, step=1))
    group = await store.load_group("g")
    assert group is not None
    assert group.counts == {"active": 1}
    with pytest.raises(StoreUnavailable):
        await store.commit(creating(a_session("whether-this-is-taken-only-the-archive-knows")))


async def test_ids_of_the_past_stay_taken(sides: Sides) -> None:
    old = a_session("old", status=Status.COMPLETED)
    await sides.past.store.commit(creating(old))
    with pytest.raises(Conflict) as caught:
        await sides.store.commit(creating(a_session("new")), creating(a_session("old")))
    assert (caught.value.session_id, caught.value.current) == ("old", Snapshot(old))
    assert await sides.live.load("new") is None


async def test_an_id_that_was_made_for_a_session_costs_no_look_at_history(sides: Sides) -> None:
    await sides.store.commit(creating(a_session(new_id("sess", NOW))))
    assert sides.past.asked == {}
    # The same form, but chosen: made at another time than the session.
    await sides.store.commit(creating(a_session(new_id("sess", NOW - 60))))
    assert sides.past.asked == {"load_many": 1}


async def test_a_change_of_the_past_is_refused_with_what_helps(sides: Sides) -> None:
    old = a_session("old", status=Status.EXPIRED)
    await sides.past.store.commit(creating(old))
    with pytest.raises(InvalidTransition, match=r"archived.*fork") as caught:
        await sides.store.commit(updating(old, status=Status.ACTIVE))
    assert caught.value.details["from"] == "expired"
    with pytest.raises(Conflict):
        await sides.store.commit(updating(a_session("nobody"), step=1))


async def test_a_fork_of_the_past_leaves_nothing_of_its_source_in_the_live_store(sides: Sides) -> None:
    await sides.past.store.commit(creating(a_session("old", status=Status.COMPLETED)))
    pinned = a_checkpoint("old", 1, pinned=True)
    await sides.store.commit(creating(a_session("new"), checkpoints=(a_checkpoint("new", 1), pinned)))
    assert await sides.live.load("old") is None
    assert await sides.live.list_checkpoints("old", after=0, limit=9) == []


async def test_nothing_is_deleted_before_it_is_archived(sides: Sides) -> None:
    session = a_session("s1", status=Status.COMPLETED, ended_at=NOW)
    await sides.store.commit(creating(session))
    sides.past.ready = False
    with pytest.raises(StoreUnavailable) as caught:
        await sides.store.commit(deleting(session))
    assert caught.value.details["reason"] == "archive_behind"
    assert await sides.store.load("s1") == Snapshot(session)
    sides.past.ready = True
    await sides.store.commit(deleting(session))
    assert sides.past.let == [("s1", 1), ("s1", 1)]
    assert sides.past.kept == []
    assert await sides.live.load("s1") is None


async def test_a_session_that_comes_back_to_life_is_not_let_go(sides: Sides) -> None:
    session = a_session("s1", status=Status.EXPIRED, ended_at=NOW)
    await sides.store.commit(creating(session))
    await sides.live.commit(updating(session, status=Status.ACTIVE, ended_at=None))
    with pytest.raises(Conflict):
        await sides.store.commit(deleting(session))
    assert sides.past.kept == [("s1", 1)]


async def test_a_session_that_another_process_deleted_first_stays_let_go(sides: Sides) -> None:
    session = a_session("s1", status=Status.COMPLETED, ended_at=NOW)
    await sides.store.commit(creating(session))
    await sides.live.commit(deleting(session))
    with pytest.raises(Conflict):
        await sides.store.commit(deleting(session))
    assert sides.past.kept == []


def test_made_and_chosen_ids_are_told_apart() -> None:
    from nexus.model import born_at

    assert born_at(new_id("sess", NOW + 0.25)) == NOW + 0.25
    for chosen in ("sess_1", "mine", new_id("sess", NOW).lower(), new_id("sess", NOW) + "0"):
        assert born_at(chosen) is None
