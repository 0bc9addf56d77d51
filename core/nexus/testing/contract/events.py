"""Events: numbered in the order of commits, read by cursor, waited for, trimmed."""

# ruff: noqa: S101
from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from nexus.errors import InvalidInput
from nexus.model import Event
from nexus.stores.base import Change, Store
from nexus.testing.builders import NOW, a_group, a_session, an_event, creating, creating_group, deleting, updating
from nexus.testing.contract.harness import Harness, put, refused, with_store

_WRITERS = 16
_EACH = 8


async def _make(store: Store, *names: str) -> None:
    for name in names:
        await store.commit(creating(a_session(name)))


async def _write_concurrently(store: Store) -> None:
    async def writer(number: int) -> None:
        session = a_session(f"w{number}")
        await store.commit(creating(session))
        for _ in range(_EACH - 1):
            change = updating(session, step=session.step + 1)
            await store.commit(change)
            assert change.after is not None
            session = change.after.session

    await asyncio.gather(*(writer(number) for number in range(_WRITERS)))


def _assert_each_once_and_in_its_sessions_order(seen: Sequence[Event]) -> None:
    assert len({event.seq for event in seen}) == len(seen) == _WRITERS * _EACH
    for number in range(_WRITERS):
        versions = [event.version for event in seen if event.session_id == f"w{number}"]
        assert versions == list(range(1, _EACH + 1))


class EventContract(Harness):
    """The feed."""

    @with_store
    async def test_a_commit_gives_its_events_back_numbered_in_their_order(self, store: Store) -> None:
        drafts = tuple(an_event(f"kind.{n}", "s1", data={"n": n, "big": 2**70}) for n in range(3))
        committed = await store.commit(creating(a_session("s1"), events=drafts))
        first = committed.events[0].seq
        assert first >= 1
        assert committed.events == tuple(replace(draft, seq=first + n * self.step) for n, draft in enumerate(drafts))
        assert await store.list_events(limit=9) == list(committed.events)

    @with_store
    async def test_an_event_comes_back_with_all_its_fields(self, store: Store) -> None:
        draft = Event(
            type="session.ended", ts=NOW + 0.125, session_id="s1", group_id="g", channel="mcp", actor="token",
            version=7, duration=1.5, data={"a": [], "z": None},
        )  # fmt: skip
        committed = await store.commit(creating(a_session("s1"), events=(draft,)))
        assert (await store.list_events(limit=1))[0] == replace(draft, seq=committed.events[0].seq)

    @with_store
    async def test_numbers_rise_without_gaps_over_refused_commits(self, store: Store) -> None:
        s1, s2 = self.beside("s1", "s2")
        await _make(store, s1)
        await refused(store, creating(a_session(s1)))
        await _make(store, s2)
        numbers = [event.seq for event in await store.list_events(limit=9)]
        assert numbers == [numbers[0], numbers[0] + self.step]

    @with_store
    async def test_concurrent_commits_number_their_events_without_gaps_and_in_each_sessions_order(
        self, store: Store
    ) -> None:
        await _write_concurrently(store)
        events = await store.list_events(limit=10_000)
        numbers = [event.seq for event in events]
        assert len(set(numbers)) == _WRITERS * _EACH
        if self.one_order:
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        for number in range(_WRITERS):
            versions = [event.version for event in events if event.session_id == f"w{number}"]
            assert versions == list(range(1, _EACH + 1))

    @with_store
    async def test_a_reader_never_sees_a_number_before_the_one_below_it(self, store: Store) -> None:
        start = (await store.read_events(None, 1)).cursor
        writing = asyncio.create_task(_write_concurrently(store))
        seen: list[Event] = []
        cursor = start
        while len(seen) < _WRITERS * _EACH:
            assert await store.wait_events(cursor, 30.0)
            batch = await store.read_events(cursor, 5)
            assert len(batch.events) <= 5
            seen.extend(batch.events)
            cursor = batch.cursor
            assert not batch.trimmed
        await writing
        _assert_each_once_and_in_its_sessions_order(seen)
        if self.one_order:
            assert [event.seq for event in seen] == list(range(int(start) + 1, int(start) + 1 + len(seen)))

    @with_store
    async def test_a_reader_that_stops_behind_any_event_goes_on_there(self, store: Store) -> None:
        cursor = (await store.read_events(None, 1)).cursor
        writing = asyncio.create_task(_write_concurrently(store))
        seen: list[Event] = []
        while len(seen) < _WRITERS * _EACH:
            assert await store.wait_events(cursor, 30.0)
            batch = await store.read_events(cursor, 40)
            assert not batch.trimmed
            for place in range(len(batch.events)):
                cursor = batch.cursor_behind(place)
                seen.append(batch.events[place])
                if len(seen) % 3 == 0:
                    break
        await writing
        _assert_each_once_and_in_its_sessions_order(seen)
        assert not (await store.read_events(cursor, 9)).events

    @with_store
    async def test_reading_without_a_cursor_starts_at_the_end(self, store: Store) -> None:
        await _make(store, "s1")
        batch = await store.read_events(None, 9)
        assert batch.events == ()
        await _make(store, "s2")
        behind = await store.read_events(batch.cursor, 9)
        assert [event.session_id for event in behind.events] == ["s2"]

    @with_store
    async def test_reading_from_nought_starts_at_the_oldest_kept(self, store: Store) -> None:
        await _make(store, "s1", "s2")
        batch = await store.read_events("0", 9)
        assert self._told(batch.events) == ["s1", "s2"]
        assert not batch.trimmed

    @with_store
    async def test_the_seq_of_an_event_is_a_cursor(self, store: Store) -> None:
        await _make(store, "s1", "s2", "s3")
        second = (await store.list_events(limit=9))[1]
        if not self.one_order:
            with pytest.raises(InvalidInput, match="no one order"):
                await store.read_events(str(second.seq), 9)
            return
        batch = await store.read_events(str(second.seq), 9)
        assert [event.session_id for event in batch.events] == ["s3"]

    @with_store
    async def test_the_cursor_behind_each_event_of_a_batch_gives_the_rest_of_it(self, store: Store) -> None:
        await _make(store, *(f"s{n}" for n in range(9)))
        batch = await store.read_events("0", 99)
        for place in range(9):
            rest = await store.read_events(batch.cursor_behind(place), 99)
            assert (rest.events, rest.cursor, rest.trimmed) == (batch.events[place + 1 :], batch.cursor, False)

    @with_store
    async def test_reading_by_cursor_gives_every_event_once(self, store: Store) -> None:
        await _make(store, *(f"s{n}" for n in range(7)))
        cursor = "0"
        seen: list[Event] = []
        while (batch := await store.read_events(cursor, 2)).events:
            seen.extend(batch.events)
            cursor = batch.cursor
        assert self._told(seen) == [f"s{n}" for n in range(7)]
        assert batch.cursor == cursor

    @pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "\uff11\uff12", " 1", "1e3", "9" * 30])
    @with_store
    async def test_text_that_is_no_cursor_is_refused(self, store: Store, cursor: str) -> None:
        with pytest.raises(InvalidInput):
            await store.read_events(cursor, 9)
        with pytest.raises(InvalidInput):
            await store.wait_events(cursor, 0.01)

    @with_store
    async def test_a_cursor_ahead_of_the_store_is_told_so_and_goes_on_at_the_end(self, store: Store) -> None:
        await _make(store, "s1")
        assert await store.wait_events(self.ahead, 30.0)
        batch = await store.read_events(self.ahead, 9)
        assert (batch.events, batch.trimmed) == ((), True)
        await _make(store, "s2")
        assert [event.session_id for event in (await store.read_events(batch.cursor, 9)).events] == ["s2"]

    @with_store
    async def test_events_are_listed_by_session(self, store: Store) -> None:
        session = a_session("s1")
        await store.commit(creating(session))
        await _make(store, "s2")
        await store.commit(updating(session, step=1))
        events = await store.list_events(session_id="s1", limit=9)
        assert [event.type for event in events] == ["session.created", "session.updated"]
        assert await store.list_events(session_id="nobody", limit=9) == []

    @with_store
    async def test_events_are_listed_by_group_with_those_of_its_members(self, store: Store) -> None:
        await store.commit(creating_group(a_group("g")))
        joined = an_event("session.created", "s1", group_id="g", ts=NOW + 1)
        await store.commit(creating(a_session("s1", group_id="g"), events=(joined,)))
        await _make(store, "s2")
        events = await store.list_events(group_id="g", limit=9)
        assert [event.type for event in events] == ["group.created", "session.created"]

    @with_store
    async def test_events_are_listed_behind_a_number_first_or_last(self, store: Store) -> None:
        await _make(store, *(f"t{n}" for n in range(6)))
        drafts = tuple(an_event(f"kind.{n}", "s1", ts=NOW + n) for n in range(6))
        await store.commit(creating(a_session("s1"), events=drafts))
        await self._check_lists(store, "s1")
        if self.one_order:
            await self._check_lists(store, None)
        assert [event.type for event in await store.list_events(limit=2, newest=True)] == ["kind.4", "kind.5"]
        assert await store.list_events(limit=0) == await store.list_events(limit=0, newest=True) == []

    async def _check_lists(self, store: Store, session_id: str | None) -> None:
        every = await store.list_events(session_id=session_id, limit=99)
        for place, event in enumerate(every):
            rest = every[place + 1 :]
            assert await store.list_events(session_id=session_id, after=event.seq, limit=2) == rest[:2]
            last = await store.list_events(session_id=session_id, after=event.seq, limit=2, newest=True)
            assert last == rest[-2:]

    @with_store
    async def test_waiting_ends_at_once_where_there_is_something(self, store: Store) -> None:
        await _make(store, "s1")
        assert await store.wait_events("0", 30.0)

    @with_store
    async def test_waiting_ends_without_events_when_the_time_is_up(self, store: Store) -> None:
        await _make(store, "s1")
        cursor = (await store.read_events(None, 1)).cursor
        assert not await store.wait_events(cursor, 0.01)
        assert not await store.wait_events(cursor, 0.0)

    @with_store
    async def test_a_commit_wakes_everybody_who_waits(self, store: Store) -> None:
        cursor = (await store.read_events(None, 1)).cursor
        waiting = [asyncio.create_task(store.wait_events(cursor, 30.0)) for _ in range(5)]
        await asyncio.sleep(0)
        await _make(store, "s1")
        assert await asyncio.gather(*waiting) == [True] * 5

    @with_store
    async def test_waiting_can_be_cancelled_and_taken_up_again(self, store: Store) -> None:
        cursor = (await store.read_events(None, 1)).cursor
        waiting = asyncio.create_task(store.wait_events(cursor, 30.0))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        again = asyncio.create_task(store.wait_events(cursor, 30.0))
        await _make(store, "s1")
        assert await again

    @with_store
    async def test_events_of_a_deleted_session_stay_until_they_are_trimmed(self, store: Store) -> None:
        session = a_session("s1")
        await store.commit(creating(session))
        await store.commit(deleting(session))
        events = await store.list_events(session_id="s1", limit=9)
        assert [event.type for event in events] == ["session.created", "session.deleted"]
        assert await store.trim_events(NOW + 1, 99) == 2
        assert await store.list_events(session_id="s1", limit=9) == []
        assert await store.trim_events(NOW + 1, 99) == 0

    @with_store
    async def test_trimming_leaves_stored_sessions_and_newer_events_alone(self, store: Store) -> None:
        doomed = a_session("doomed")
        await put(store, creating(doomed), creating(a_session("kept")))
        late = an_event("session.deleted", "doomed", ts=NOW + 100)
        await store.commit(deleting(doomed, events=(late,)))
        assert await store.trim_events(NOW + 50, 99) == 1
        left = [(event.session_id, event.type) for event in await store.list_events(limit=9)]
        assert left == [("kept", "session.created"), ("doomed", "session.deleted")]
        assert await store.trim_events(NOW + 101, 99) == 1

    @with_store
    async def test_trimming_takes_old_events_of_nobody(self, store: Store) -> None:
        stray = an_event("audit.refused", "never-stored")
        await put(store, Change(events=(an_event("audit.refused"), stray)), creating_group(a_group("g")))
        await store.commit(Change(events=(an_event("audit.refused", ts=NOW + 9),)))
        assert await store.trim_events(NOW + 1, 99) == 3
        assert [event.ts for event in await store.list_events(limit=9)] == [NOW + 9]

    @with_store
    async def test_trimming_stops_at_its_limit_and_goes_on(self, store: Store) -> None:
        sessions = [a_session(f"s{n}") for n in range(5)]
        await put(store, *map(creating, sessions))
        await put(store, *map(deleting, sessions))
        assert [await store.trim_events(NOW + 1, 4) for _ in range(4)] == [4, 4, 2, 0]

    @with_store
    async def test_a_session_made_anew_under_an_old_id_keeps_its_events(self, store: Store) -> None:
        session = a_session("s1")
        await store.commit(creating(session))
        await store.commit(deleting(session))
        await store.commit(creating(a_session("s1")))
        assert await store.trim_events(NOW + 1, 99) == 0
        assert len(await store.list_events(session_id="s1", limit=9)) == 3

    @with_store
    async def test_a_cursor_whose_events_were_trimmed_is_told_so(self, store: Store) -> None:
        first, s1, kept = self.beside("first", "s1", "kept")
        session = a_session(s1)
        await _make(store, first)
        cursor = (await store.read_events("0", 9)).cursor_behind(0)
        await store.commit(creating(session))
        await store.commit(deleting(session))
        await _make(store, kept)
        assert not (await store.read_events(cursor, 9)).trimmed
        await store.trim_events(NOW + 1, 99)
        batch = await store.read_events(cursor, 9)
        assert ([event.session_id for event in batch.events], batch.trimmed) == ([kept], True)
        assert not (await store.read_events(batch.cursor, 9)).trimmed
        assert not (await store.read_events("0", 9)).trimmed

    @with_store
    async def test_numbers_of_trimmed_events_are_never_given_again(self, store: Store) -> None:
        s1, s2 = self.beside("s1", "s2")
        session = a_session(s1)
        await store.commit(creating(session))
        last = (await store.commit(deleting(session))).events[-1].seq
        cursor = (await store.read_events(None, 1)).cursor
        await store.trim_events(NOW + 1, 99)
        assert (await store.read_events(cursor, 9)).trimmed is False
        committed = await store.commit(creating(a_session(s2)))
        assert committed.events[0].seq == last + self.step
        assert [event.session_id for event in (await store.read_events(cursor, 9)).events] == [s2]

    def _told(self, events: Sequence[Event]) -> list[str]:
        """The sessions of events that differ in them, in the order of the feed where there is one, and else by name."""
        names = [event.session_id or "" for event in events]
        return names if self.one_order else sorted(names)
