"""Ranks among many rows, where most of what comes before is counted and not read."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain

import pytest

from nexus.model import Session, Status
from nexus.query import compile_predicate, parse
from nexus.stores.base import Order, SortField
from nexus.stores.ordering import key_of
from nexus.stores.prepared import prepare
from nexus.stores.sqlite import ranks as skipped
from nexus.stores.sqlite import windows
from nexus.stores.sqlite.batch import Batch
from nexus.stores.sqlite.connection import writing
from nexus.stores.sqlite.listing import due, window
from nexus.stores.sqlite.schema import MIGRATIONS
from nexus.testing.builders import NOW, a_session, creating, ids_of

COUNT = 600
SPREADS: dict[str, Callable[[int], float]] = {
    "even": lambda n: NOW + n,
    "all at once": lambda _: NOW,
    "mostly at once": lambda n: NOW + max(0, n - 500),
    "steep": lambda n: NOW - 1.05**n,
    "two heaps": lambda n: NOW + (n % 2) * 1e9 + n % 7,
}


def nothing() -> None:
    """Nobody ever stops."""


@pytest.fixture(params=SPREADS)
def people(request: pytest.FixtureRequest) -> list[Session]:
    dice = random.Random(7)
    statuses = [dice.choice(tuple(Status)[:5]) for _ in range(COUNT)]
    spread = SPREADS[request.param]
    return [
        a_session(
            f"s{n:03d}",
            status=statuses[n],
            last_activity=spread(n),
            timeout=10.0,
            idle_deadline=spread(n) + 10,
            step=dice.randrange(9),
            workflow=dice.choice((None, "train", "index")),
            version=dice.randrange(1, 99),
            user_id=dice.choice((None, f"user-{n}")),
            group_id=dice.choice((None, "batch-1", "batch-2")),
            ended_at=dice.choice((None, NOW + dice.random() * 90)),
        )
        for n in range(COUNT)
    ]


@pytest.fixture
def connection(people: list[Session]) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as opened:
        for statement in chain.from_iterable(MIGRATIONS):
            opened.execute(statement)
        with writing(opened):
            batch = Batch(opened)
            for session in people:
                batch.add([prepare(creating(session))])
            batch.flush()
        yield opened


@pytest.mark.parametrize("near", [0, 3, 50])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("q", ["", "status:active,failed"])
def test_every_rank_has_the_same_row_however_it_is_found(
    connection: sqlite3.Connection,
    people: list[Session],
    monkeypatch: pytest.MonkeyPatch,
    near: int,
    descending: bool,
    q: str,
) -> None:
    monkeypatch.setattr(skipped, "_NEAR", near)
    query, order = parse(q), Order(SortField.ACTIVITY, descending)
    wanted = [session for session in people if not q or session.status in (Status.ACTIVE, Status.FAILED)]
    wanted.sort(key=lambda session: (session.last_activity, session.id), reverse=descending)
    for offset in (0, 1, near + 1, 100, len(wanted) // 2, len(wanted) - 7, len(wanted) - 1):
        shown = window(connection, nothing, query, order, range(offset, offset + 5), NOW)
        assert ids_of(shown.items) == ids_of(wanted[offset : offset + 5])


@pytest.mark.parametrize("people", ["two heaps"], indirect=True)
@pytest.mark.parametrize("field", SortField)
def test_every_rank_has_the_same_row_in_whichever_order_and_stride_and_whether_its_part_is_guessed_rightly_or_not(
    connection: sqlite3.Connection, people: list[Session], monkeypatch: pytest.MonkeyPatch, field: SortField
) -> None:
    monkeypatch.setattr(windows, "_NEAR", 20)
    monkeypatch.setattr(windows, "_LEAST", 3)
    for picked, deviations in ((40, -0.3), (40, 4), (5000, 4)):
        monkeypatch.setattr(windows, "_PICKED", picked)
        monkeypatch.setattr(windows, "_DEVIATIONS", deviations)
        for q, descending in (("", False), ("status:active,failed step>=2", True), ("group:batch-1", True)):
            query, order = parse(q), Order(field, descending)
            wanted = [session for session in people if compile_predicate(query)(session, NOW)]
            wanted.sort(key=lambda session: key_of(session, field), reverse=descending)
            total = len(wanted)
            for first in (0, 100, total // 2, total - 7, total):
                for ranks in (range(first, first + 5), range(first, first + 60, 20), range(first, first + 9000, 90)):
                    shown = window(connection, nothing, query, order, ranks, NOW)
                    assert ids_of(shown.items) == ids_of(wanted[ranks.start : ranks.stop : ranks.step])
                    assert (shown.offset, shown.total, shown.stride) == (first, total, ranks.step)


@pytest.mark.parametrize("limit", [0, 1, 20, COUNT, COUNT * 2])
def test_the_longest_overdue_come_first_out_of_a_backlog(
    connection: sqlite3.Connection, people: list[Session], limit: int
) -> None:
    waits = sorted((at, session.id) for session in people if (at := session.expires_at) is not None)
    for now in (NOW, NOW + 200, NOW + 1e12):
        assert due(connection, now, limit) == [name for at, name in waits if at <= now][:limit]
