"""SQL and the predicate agree on every filter and every session, also on odd ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import chain
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nexus.model import Session, Status
from nexus.query import (
    ChannelTerm,
    DurationTerm,
    Glob,
    GlobTerm,
    NumberTerm,
    PathTerm,
    Query,
    StatusTerm,
    Term,
    WordTerm,
    compile_predicate,
    parse,
)
from nexus.stores.base import Order, SortField
from nexus.stores.prepared import prepare
from nexus.stores.sqlite.batch import Batch
from nexus.stores.sqlite.compiler import compile_filter
from nexus.stores.sqlite.connection import writing
from nexus.stores.sqlite.listing import count, list_sessions, window
from nexus.stores.sqlite.schema import MIGRATIONS
from nexus.stores.sqlite.select import Source, narrowed
from nexus.testing.builders import NOW, a_session, creating, ids_of

ODD = (
    "", "a", "A", "ab", "aB", "a*", "a?b", "\\", "[a]", '"', "\0", "a\0b", "é", "É", "ß", "SS", "\ufb01", "fi",
    "\u212a", "k", "日本", "1", "1.0", "true", "TRUE", "null", "a" * 1200, "x\ny",
)  # fmt: skip
texts = st.sampled_from(ODD) | st.text(max_size=3)
optional = st.none() | texts
numbers = st.integers(-3, 3) | st.sampled_from((2**53, 2**70, -(2**70), 1.0, 0.5, 1e300))
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2), max_leaves=4
)
documents = st.dictionaries(texts, values, max_size=3)
seconds = st.sampled_from((-1.5, 0.0, 0.1, 0.30000000000000004, 10.0, 1e6))
times = seconds.map(lambda offset: NOW + offset)

sessions: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    status=st.sampled_from(Status),
    channels=st.lists(st.sampled_from(("api", "cli", "mcp", "sdk", 'a","b')), min_size=1, max_size=3).map(tuple),
    owner=texts | st.sampled_from(("local:me", "local", "token")),
    created_at=times,
    last_activity=times,
    version=st.integers(1, 4),
    user_id=optional,
    metadata=documents,
    state=documents,
    parent_id=optional,
    group_id=optional.filter(lambda text: text != ""),  # no id is empty
    workflow=optional,
    run_id=optional,
    step=st.integers(0, 3),
    error=optional,
    ended_at=st.none() | times,
    idle_deadline=st.none() | times,
    age_deadline=st.none() | times,
    at_checkpoint=st.integers(0, 2),
)

globs = (texts | st.lists(texts | st.sampled_from("*?"), max_size=4).map("".join)).map(Glob)


def some(one: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(one, min_size=1, max_size=3).map(tuple)


signs = st.booleans()
orders = st.sampled_from(("<", "<=", ">", ">="))
comparisons: st.SearchStrategy[Any] = st.sampled_from(("=", "!=", "<", "<=", ">", ">="))
keys = texts | st.sampled_from(("0", "1"))


@st.composite
def paths(draw: st.DrawFn) -> PathTerm:
    op = draw(comparisons)
    found: Any = some(scalars | globs) if op == "=" else some(scalars if op == "!=" else numbers | texts)
    chosen = draw(found)
    wanted = chosen if op == "=" else chosen[:1]
    return PathTerm(draw(st.sampled_from(("meta", "state"))), draw(some(keys)), op, wanted, draw(signs))


terms: st.SearchStrategy[Term] = st.one_of(
    st.builds(StatusTerm, some(st.sampled_from(Status)), signs),
    st.builds(ChannelTerm, some(st.sampled_from(("api", "cli", "mcp", "a", '"', "\ud800"))), signs),
    st.builds(
        GlobTerm,
        st.sampled_from(("id", "workflow", "group", "user", "owner", "parent", "run", "checkpoint", "error")),
        some(globs),
        signs,
    ),
    st.builds(DurationTerm, st.sampled_from(("age", "idle", "expires", "duration")), orders, seconds, signs),
    st.builds(
        NumberTerm, st.sampled_from(("step", "version")), comparisons, st.integers(-1, 4) | st.just(2**80), signs
    ),
    paths(),
    st.builds(WordTerm, some(texts), signs),
)
queries = st.lists(terms, max_size=3).map(lambda found: Query(tuple(found)))
sorts = st.builds(Order, st.sampled_from(SortField), st.booleans())


@contextmanager
def database(people: list[Session]) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in chain.from_iterable(MIGRATIONS):
            connection.execute(statement)
        with writing(connection):
            batch = Batch(connection)
            for session in people:
                batch.add([prepare(creating(session))])
            batch.flush()
        yield connection


def nothing() -> None:
    """Nobody ever stops."""


def in_order(people: list[Session], order: Order) -> list[Session]:
    def key(session: Session) -> tuple[bool, Any, str]:
        value = getattr(session, order.field.value)
        return value is not None, 0 if value is None else value, session.id

    return sorted(people, key=key, reverse=order.descending)


@given(st.lists(sessions, max_size=6), queries, sorts, seconds)
def test_lists_windows_and_counts_are_what_the_predicate_says(
    fields: list[dict[str, Any]], query: Query, order: Order, later: float
) -> None:
    people = [a_session(f"{number}a", channel=one["channels"][0], **one) for number, one in enumerate(fields)]
    now = NOW + later
    passes = compile_predicate(query)
    wanted = in_order([session for session in people if passes(session, now)], order)
    with database(people) as connection:
        assert count(connection, nothing, query, now) == len(wanted)
        shown = window(connection, nothing, query, order, range(1, 3), now)
        assert (list(shown.items), shown.total, shown.whole) == (wanted[1:3], len(wanted), len(people))
        found: list[str] = []
        cursor: str | None = None
        while True:
            page = list_sessions(connection, nothing, query, order, cursor, 2, now)
            found.extend(ids_of(page.items))
            if (cursor := page.next_cursor) is None:
                break
        assert found == ids_of(wanted)


def many_people() -> list[Session]:
    """Of 302 sessions five would expire within five minutes, of which one is over already."""
    statuses = (Status.ACTIVE, Status.FAILED, Status.SUSPENDED, Status.IN_PROGRESS, Status.COMPLETED)
    soon = [
        a_session(f"soon-{status}", status=status, idle_deadline=NOW + 60.0, age_deadline=NOW + 90.0, step=number)
        for number, status in enumerate(statuses)
    ]
    later = [a_session(f"later-{number}", idle_deadline=NOW + 301.0 + number, step=number) for number in range(295)]
    return [*soon, *later, a_session("never-1"), a_session("never-2", status=Status.FAILED)]


def test_the_index_leads_to_few_that_expire_and_is_left_aside_for_many_or_for_what_is_over() -> None:
    with database(many_people()) as connection:

        def is_narrow(text: str) -> bool:
            found = narrowed(connection, compile_filter(parse(text), NOW), 302)
            statement, values = Source(found, {status.value: 100 for status in Status}).count()
            plan = str(connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall())
            assert ("sessions_due" in plan) is found.narrow
            return found.narrow

        assert is_narrow("status:live,failed expires<5m")
        assert is_narrow("status:active expires<=5m step>0 expires<1d")
        assert not is_narrow("status:live,failed expires<1d")
        assert not is_narrow("expires<5m")
        assert not is_narrow("status:live expires>5m")
        assert not is_narrow("status:live -expires<5m")
