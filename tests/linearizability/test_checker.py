"""The checker tells histories that are linearizable from those that aren't, and finds stores that have a bug."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from nexus import AsyncNexus
from nexus.stores.base import Change, Committed, Conflict, Snapshot
from nexus.stores.memory import MemoryStore
from tests.linearizability import histories
from tests.linearizability.checker import Operation, Verdict, check


def register(state: int, operation: Operation) -> int | None:
    """Holds one number."""
    if operation.kind == "write":
        return int(operation.argument)
    return state if operation.returned is None or operation.result == state else None


def queue(state: tuple[str, ...], operation: Operation) -> tuple[str, ...] | None:
    """First in, first out."""
    if operation.kind == "put":
        return (*state, operation.argument)
    return state[1:] if state and (operation.returned is None or operation.result == state[0]) else None


def history(*lines: tuple[Any, ...]) -> list[Operation]:
    """Lines of (kind, argument or result, called, returned), each by a client of its own."""
    return [
        Operation(
            client=number, kind=kind, called=called, returned=returned,
            argument=value if kind in ("write", "put") else None, result=value if kind in ("read", "get") else None,
        )
        for number, (kind, value, called, returned) in enumerate(lines)
    ]  # fmt: skip


# After Herlihy and Wing, Linearizability: a correctness condition for concurrent objects (1990), figure 1.
H1 = history(("put", "x", 0, 3), ("put", "y", 1, 2), ("get", "x", 4, 5), ("get", "y", 6, 8), ("put", "z", 7, 9))
H2 = history(("put", "x", 0, 1), ("put", "y", 2, 4), ("get", "y", 3, 5))
H3 = history(("put", "x", 0, 3), ("get", "x", 1, 2))
H4 = history(("put", "x", 0, 3), ("put", "y", 1, 2), ("get", "y", 4, 6), ("get", "y", 5, 7))


@pytest.mark.parametrize(
    ("made", "expected"), [(H1, True), (H2, False), (H3, True), (H4, False)], ids=["a", "b", "c", "d"]
)
def test_queues_like_those_of_herlihy_and_wing_are_told_apart(made: list[Operation], expected: bool) -> None:
    empty: tuple[str, ...] = ()
    assert check(made, empty, queue).linearizable is expected


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (history(), True),
        (history(("write", 1, 0, 1), ("read", 1, 2, 3)), True),
        (history(("write", 1, 0, 1), ("read", 0, 2, 3)), False),
        # A read that overlaps a write may see either, but two in a row may not go back.
        (history(("write", 1, 0, 9), ("read", 1, 1, 5), ("read", 0, 2, 4)), True),
        (history(("write", 1, 0, 9), ("read", 1, 1, 2), ("read", 0, 3, 4)), False),
        (history(("write", 1, 0, 9), ("write", 2, 0, 9), ("read", 2, 1, 2), ("read", 1, 3, 4)), True),
        (
            history(("write", 1, 0, 9), ("write", 2, 0, 9), ("read", 2, 1, 2), ("read", 1, 3, 4), ("read", 2, 5, 6)),
            False,
        ),
        # Moments that are equal are no order.
        (history(("write", 1, 0, 1), ("read", 0, 1, 2)), True),
    ],
)
def test_registers_that_keep_their_word_are_told_from_others(made: list[Operation], expected: bool) -> None:
    assert check(made, 0, register).linearizable is expected


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        # What nobody knows the outcome of may never have happened, or happen long after.
        (history(("write", 1, 0, None), ("read", 0, 5, 6)), True),
        (history(("write", 1, 0, None), ("read", 1, 5, 6)), True),
        (history(("write", 1, 0, None), ("read", 0, 1, 2), ("read", 0, 3, 4), ("read", 1, 5, 6)), True),
        # But not before it was asked for, nor twice.
        (history(("write", 1, 5, None), ("read", 1, 1, 2)), False),
        (history(("write", 1, 0, None), ("read", 1, 1, 2), ("write", 2, 3, 4), ("read", 1, 5, 6)), False),
        (history(("write", 1, 0, None), ("read", 1, 1, 2), ("read", 0, 3, 4)), False),
        (history(("write", 1, 0, None), ("write", 2, 0, None), ("read", 2, 1, 2), ("read", 1, 3, 4)), True),
    ],
)
def test_an_outcome_that_nobody_knows_may_be_either_at_any_time_later(made: list[Operation], expected: bool) -> None:
    assert check(made, 0, register).linearizable is expected


def test_the_order_found_explains_every_result() -> None:
    made = random_history(random.Random(7), clients=6, each=30)
    verdict = check(made, 0, register)
    assert verdict.linearizable
    state = 0
    for operation in verdict.order:
        following = register(state, operation)
        assert following is not None
        state = following


def random_history(chance: random.Random, *, clients: int, each: int) -> list[Operation]:
    """A history of a register that is right: every operation takes effect at one moment inside it."""
    made: list[tuple[float, Operation]] = []
    for client in range(clients):
        at = 0.0
        for number in range(each):
            called = at + chance.random()
            effect, at = called + chance.random(), called + 2
            kind = chance.choice(["read", "write"])
            value = client * 1000 + number
            made.append((effect, Operation(client=client, kind=kind, argument=value, called=called, returned=at)))
    state, found = 0, []
    for _, operation in sorted(made, key=lambda pair: pair[0]):
        state = operation.argument if operation.kind == "write" else state
        found.append(replace(operation, result=state))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_long_histories_with_much_at_once_are_judged_rightly(seed: int) -> None:
    chance = random.Random(seed)
    made = random_history(chance, clients=8, each=25)
    assert check(made, 0, register).linearizable
    spoilt = chance.choice([index for index, each in enumerate(made) if each.kind == "read"])
    made[spoilt] = replace(made[spoilt], result=-1)
    verdict = check(made, 0, register)
    assert not verdict.linearizable
    assert "not linearizable" in str(verdict)


# -- stores with a bug


class Forgetful(MemoryStore):
    """Compares nothing: the last one wins."""

    async def commit(self, *changes: Change) -> Committed:
        (change,) = changes
        await asyncio.sleep(0)
        current = await self.load(change.session_id or "")
        if current is None or change.after is None:
            return await super().commit(change)
        version = current.session.version
        after = replace(change.after, session=replace(change.after.session, version=version + 1))
        return await super().commit(replace(change, expected=version, after=after))


class Stale(MemoryStore):
    """A read now and then shows what was there before the last commit, as one from a replica would."""

    def __init__(self) -> None:
        super().__init__()
        self._before: dict[str, Snapshot | None] = {}
        self._chance = random.Random(1)

    async def commit(self, *changes: Change) -> Committed:
        for change in changes:
            self._before[change.session_id or ""] = await super().load(change.session_id or "")
        return await super().commit(*changes)

    async def load(self, session_id: str) -> Snapshot | None:
        old = self._before.get(session_id)
        return old if old is not None and self._chance.random() < 0.05 else await super().load(session_id)


class Repeating(MemoryStore):
    """Takes a lost answer for a commit that wasn't done, so that it is decided and done once more."""

    def __init__(self) -> None:
        super().__init__()
        self._chance = random.Random(2)

    async def commit(self, *changes: Change) -> Committed:
        committed = await super().commit(*changes)
        (change,) = changes
        if change.expected is not None and self._chance.random() < 0.02:
            raise Conflict(change.session_id or "", await self.load(change.session_id or ""))
        return committed


class Honest(MemoryStore):
    """None of these, and as slow as they are."""

    async def commit(self, *changes: Change) -> Committed:
        await asyncio.sleep(0)
        return await super().commit(*changes)


async def judged(monkeypatch: pytest.MonkeyPatch, make: Callable[[], MemoryStore]) -> Verdict:
    """What the checker says of eight apps on one store."""
    store = make()
    shared: Sequence[AsyncNexus] = [AsyncNexus(store="memory://") for _ in range(8)]
    monkeypatch.setattr("nexus.partition.open_store", lambda *_, **__: _Lent(store))
    async with store:
        for app in shared:
            await app.open()
        await histories.prepare(shared[0])
        clients = [histories.Client(app, number, 3) for number, app in enumerate(shared)]
        made = await asyncio.gather(*(client.work(40) for client in clients))
        operations = [operation for each in made for operation in each]
        return check(operations, histories.START, histories.session, histories.still_possible)


class _Lent:
    """A store that is opened and closed by its owner."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def __aenter__(self) -> MemoryStore:
        return self._store

    async def __aexit__(self, *_: object) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def test_a_store_that_keeps_its_word_is_found_linearizable(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = await judged(monkeypatch, Honest)
    assert verdict.linearizable, verdict


@pytest.mark.parametrize("make", [Forgetful, Stale, Repeating])
async def test_a_store_with_a_bug_is_found_out(monkeypatch: pytest.MonkeyPatch, make: Callable[[], Any]) -> None:
    verdict = await judged(monkeypatch, make)
    assert not verdict.linearizable
