"""Lists, windows, counts, and the sessions that somebody must look at."""

# ruff: noqa: S101
from __future__ import annotations

import pytest
from msgspec.structs import replace

from nexus.errors import InvalidInput
from nexus.model import Session, Status
from nexus.query import Query, compile_predicate, parse
from nexus.stores.base import Order, Snapshot, SortField, Store
from nexus.stores.strides import FEW
from nexus.testing.builders import NOW, a_run, a_session, creating, deleting, ids_of, updating
from nexus.testing.contract.harness import Harness, must_load, put, with_store
from nexus.testing.contract.population import QUERIES, a_population

ORDERS = [Order(field, descending) for field in SortField for descending in (False, True)]
_ALL = parse("")


async def _fill(store: Store) -> list[Session]:
    people = a_population()
    await put(store, *(creating(session, run) for session, run in people))
    return [session for session, _ in people]


def _sorted(sessions: list[Session], order: Order) -> list[Session]:
    def key(session: Session) -> tuple[bool, str | float, str]:
        value = getattr(session, order.field.value)
        return value is not None, 0 if value is None else value, session.id

    return sorted(sessions, key=key, reverse=order.descending)


def _matching(sessions: list[Session], q: str, now: float = NOW) -> list[Session]:
    passes = compile_predicate(parse(q))
    return [session for session in sessions if passes(session, now)]


async def _pages(store: Store, query: Query, order: Order, limit: int) -> list[Session]:
    found: list[Session] = []
    cursor: str | None = None
    while True:
        page = await store.list_sessions(query, order, cursor=cursor, limit=limit, now=NOW)
        assert len(page.items) <= limit
        assert page.total is None
        found.extend(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert len(page.items) == limit


class ListContract(Harness):
    """Sessions in bulk."""

    @with_store
    async def test_an_empty_store_lists_nothing(self, store: Store) -> None:
        page = await store.list_sessions(_ALL, Order(), cursor=None, limit=10, now=NOW)
        window = await store.window(_ALL, Order(), offset=0, limit=10, now=NOW)
        assert (page.items, page.next_cursor) == ((), None)
        assert (window.items, window.total, window.whole) == ((), 0, 0)
        assert await store.count(_ALL, NOW) == 0

    @pytest.mark.parametrize("order", ORDERS, ids=str)
    @with_store
    async def test_paging_by_key_is_complete_and_in_order(self, store: Store, order: Order) -> None:
        everybody = _sorted(await _fill(store), order)
        for limit in (1, 7, 84, 200):
            assert ids_of(await _pages(store, _ALL, order, limit)) == ids_of(everybody)

    @pytest.mark.parametrize("order", ORDERS, ids=str)
    @with_store
    async def test_windows_and_lists_agree_at_every_rank(self, store: Store, order: Order) -> None:
        everybody = _sorted(await _fill(store), order)
        for offset in (0, 5, 41, 42, 43, 80, 84, 1000):
            window = await store.window(_ALL, order, offset=offset, limit=9, now=NOW)
            assert list(window.items) == everybody[offset : offset + 9]
            assert (window.offset, window.total, window.whole) == (offset, 84, 84)

    @pytest.mark.parametrize("order", ORDERS, ids=str)
    @with_store
    async def test_rows_by_stride_are_those_at_every_so_many_ranks(self, store: Store, order: Order) -> None:
        everybody = _sorted(await _fill(store), order)
        for q in ("", "status:completed,failed", "workflow:index-files", "meta.tier>=0"):
            wanted, query = _matching(everybody, q), parse(q)
            for offset, limit, stride in ((0, 100, 2), (3, 4, 7), (40, 9, 5), (83, 9, 2), (84, 9, 2), (1, 2, 1 << 62)):
                window = await store.window(query, order, offset=offset, limit=limit, now=NOW, stride=stride)
                assert (window.offset, window.total, window.whole) == (offset, len(wanted), len(everybody))
                there = wanted[offset : offset + limit * stride : stride]
                # A store that looks for each of them may give few, spread over all that were asked for.
                times = window.stride // stride
                assert window.stride % stride == 0
                assert times == 1 or len(window.items) * times >= len(there) > FEW
                assert ids_of(window.items) == ids_of(there[::times])

    @pytest.mark.parametrize("q", QUERIES)
    @with_store
    async def test_a_filter_means_what_the_predicate_says(self, store: Store, q: str) -> None:
        everybody = await _fill(store)
        wanted, query = _matching(everybody, q), parse(q)
        assert await store.count(query, NOW) == len(wanted)
        for order in (Order(), Order(SortField.ACTIVITY), Order(SortField.WORKFLOW, descending=False)):
            inside = _sorted(wanted, order)
            assert ids_of(await _pages(store, query, order, 4)) == ids_of(inside)
            window = await store.window(query, order, offset=2, limit=5, now=NOW)
            assert ids_of(window.items) == ids_of(inside[2:7])
            assert (window.total, window.whole) == (len(wanted), len(everybody))

    @with_store
    async def test_ages_are_measured_to_the_given_time(self, store: Store) -> None:
        everybody = await _fill(store)
        for now in (NOW - 5000, NOW + 0.1, NOW + 1e6):
            for q in ("age>10m", "idle<=1000s", "expires<5m", "duration>20s", "-expires>0s"):
                assert await store.count(parse(q), now) == len(_matching(everybody, q, now))

    @with_store
    async def test_few_that_expire_soon_are_found_among_many_in_every_order(self, store: Store) -> None:
        soon = [
            a_session(f"soon-{status}", status=status, idle_deadline=NOW + 60, age_deadline=NOW + 90, step=number)
            for number, status in enumerate(Status)
        ]
        later = [a_session(f"later-{number}", idle_deadline=NOW + 3600 + number, step=number) for number in range(300)]
        everybody = [*soon, *later, a_session("never")]
        await put(store, *map(creating, everybody))
        for q, many in (("status:live,failed expires<5m", 4), ("status:live,failed expires<=5m step>0", 3)):
            wanted, query = _matching(everybody, q), parse(q)
            assert len(wanted) == many == await store.count(query, NOW)
            for order in ORDERS:
                inside = _sorted(wanted, order)
                assert await _pages(store, query, order, 2) == inside
                window = await store.window(query, order, offset=1, limit=2, now=NOW)
                assert (list(window.items), window.total, window.whole) == (inside[1:3], many, len(everybody))

    @with_store
    async def test_listed_sessions_are_whole(self, store: Store) -> None:
        everybody = _sorted(await _fill(store), Order())
        assert await _pages(store, _ALL, Order(), 10) == everybody
        assert (await store.window(parse("meta.tier>=0"), Order(), offset=0, limit=99, now=NOW)).items == tuple(
            _matching(everybody, "meta.tier>=0")
        )

    @with_store
    async def test_a_page_stays_right_while_rows_come_and_go(self, store: Store) -> None:
        sessions = [a_session(f"s{n}", created_at=NOW + n) for n in range(10)]
        await put(store, *map(creating, sessions))
        first = await store.list_sessions(_ALL, Order(), cursor=None, limit=4, now=NOW)
        assert ids_of(first.items) == ["s9", "s8", "s7", "s6"]
        await put(
            store, creating(a_session("newer", created_at=NOW + 50)), deleting(sessions[6]), deleting(sessions[5])
        )
        rest = await store.list_sessions(_ALL, Order(), cursor=first.next_cursor, limit=40, now=NOW)
        assert ids_of(rest.items) == ["s4", "s3", "s2", "s1", "s0"]

    @with_store
    async def test_lists_and_counts_follow_every_change(self, store: Store) -> None:
        session = a_session("s1", step=1)
        await put(store, creating(session), creating(a_session("s2", step=2)))
        change = updating(session, status=Status.COMPLETED, step=9, last_activity=NOW + 5, ended_at=NOW + 5)
        await store.commit(change)
        order = Order(SortField.ACTIVITY)
        assert ids_of((await store.window(_ALL, order, offset=0, limit=5, now=NOW)).items) == ["s1", "s2"]
        assert await store.count(parse("status:active"), NOW) == 1
        assert await store.count(parse("status:completed"), NOW) == 1
        assert change.after is not None
        await store.commit(deleting(change.after.session))
        assert await store.count(_ALL, NOW) == 1
        assert await store.count(parse("step=9"), NOW) == 0

    @with_store
    async def test_a_limit_of_nothing_gives_nothing(self, store: Store) -> None:
        await _fill(store)
        window = await store.window(_ALL, Order(), offset=3, limit=0, now=NOW)
        assert (window.items, window.total) == ((), 84)
        page = await store.list_sessions(_ALL, Order(), cursor=None, limit=0, now=NOW)
        assert page.items == ()

    @with_store
    async def test_a_cursor_of_another_order_is_refused(self, store: Store) -> None:
        await _fill(store)
        page = await store.list_sessions(_ALL, Order(), cursor=None, limit=3, now=NOW)
        for order in (Order(SortField.CREATED, descending=False), Order(SortField.ID), Order(SortField.USER)):
            with pytest.raises(InvalidInput) as caught:
                await store.list_sessions(_ALL, order, cursor=page.next_cursor, limit=3, now=NOW)
            assert caught.value.details["field"] == "cursor"

    @pytest.mark.parametrize(
        "cursor", ["", "x", "nonsense!", "é", "W10", "bnVsbA", "WyItY3JlYXRlZF9hdCIsImEiLCJiIl0", "9" * 400]
    )
    @with_store
    async def test_text_that_is_no_cursor_is_refused(self, store: Store, cursor: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            await store.list_sessions(_ALL, Order(), cursor=cursor, limit=3, now=NOW)
        assert caught.value.details["field"] == "cursor"

    @with_store
    async def test_due_sessions_come_exactly_when_due_and_longest_overdue_first(self, store: Store) -> None:
        people = a_population()
        await put(store, *(creating(session, run) for session, run in people))
        snapshots = [Snapshot(session, run) for session, run in people]
        waits = [(at, snapshot.session.id) for snapshot in snapshots if (at := snapshot.due_at) is not None]
        for now in (NOW - 9000, NOW - 1000, NOW, NOW + 20, NOW + 40, NOW + 1e5):
            wanted = [name for at, name in sorted(waits) if at <= now]
            assert await store.due(now, 200) == wanted
            assert await store.due(now, 3) == wanted[:3]

    @with_store
    async def test_due_stays_exact_while_deadlines_move_by_little_and_by_much(self, store: Store) -> None:
        session = a_session("s1", timeout=1000.0, idle_deadline=NOW + 1000)
        await store.commit(creating(session))
        for moved in (1001.0, 1030.0, 1049.0, 1060.0, 2000.0, 1500.0, 1499.0):
            change = updating(session, idle_deadline=NOW + moved)
            await store.commit(change)
            assert change.after is not None
            session = change.after.session
            assert await store.due(NOW + moved - 0.5, 9) == []
            assert await store.due(NOW + moved, 9) == ["s1"]
        await store.commit(updating(session, status=Status.COMPLETED, ended_at=NOW))
        assert await store.due(NOW + 1e9, 9) == []

    @with_store
    async def test_sessions_that_never_expire_are_never_due(self, store: Store) -> None:
        await store.commit(creating(a_session("s1")))
        assert await store.due(NOW + 1e12, 9) == []

    @with_store
    async def test_ended_sessions_come_by_the_time_of_their_end(self, store: Store) -> None:
        ends = {
            "a": (Status.COMPLETED, 30),
            "b": (Status.CANCELLED, 10),
            "c": (Status.EXPIRED, 20),
            "d": (Status.COMPLETED, 40),
        }
        await put(
            store,
            *(creating(a_session(name, status=status, ended_at=NOW + at)) for name, (status, at) in ends.items()),
            creating(a_session("failed", status=Status.FAILED, ended_at=NOW)),
            creating(a_session("live")),
        )
        assert await store.ended_before(NOW + 40, 9) == ["b", "c", "a"]
        assert await store.ended_before(NOW + 40, 2) == ["b", "c"]
        assert await store.ended_before(NOW + 10, 9) == []

    @with_store
    async def test_a_session_that_is_resumed_is_no_longer_among_the_ended(self, store: Store) -> None:
        session = a_session("s1", status=Status.EXPIRED, ended_at=NOW)
        await store.commit(creating(session))
        await store.commit(updating(session, status=Status.ACTIVE, ended_at=None))
        assert await store.ended_before(NOW + 9, 9) == []

    @with_store
    async def test_the_runs_of_a_worker_are_found_and_those_that_wait_for_one(self, store: Store) -> None:
        held = {"s1": "w1", "s2": "w2", "s3": "w1", "s4": "", "s5": None}
        await put(
            store,
            *(creating(a_session(name), a_run(name, worker=worker)) for name, worker in held.items()),
            creating(a_session("none")),
        )
        assert sorted(await store.runs_of("w1", 9)) == ["s1", "s3"]
        assert await store.runs_of("", 9) == ["s4"]
        assert len(await store.runs_of("w1", 1)) == 1
        assert await store.runs_of("w3", 9) == []
        snapshot = await must_load(store, "s1")
        assert snapshot.run is not None
        await store.commit(updating(snapshot.session, replace(snapshot.run, worker="w2")))
        assert await store.runs_of("w1", 9) == ["s3"]
        assert sorted(await store.runs_of("w2", 9)) == ["s1", "s2"]
        await store.commit(deleting((await must_load(store, "s3")).session))
        assert await store.runs_of("w1", 9) == []
