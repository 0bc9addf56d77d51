"""Sessions and filters for the tests of the filter language."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from nexus.model import CHANNELS, Session, Status
from nexus.query import QueryError, parse
from nexus.query.ast import (
    ATTRIBUTES,
    ChannelTerm,
    DurationTerm,
    GlobTerm,
    NumberTerm,
    PathTerm,
    Query,
    StatusTerm,
    Term,
    WordTerm,
)
from nexus.query.fields import ALIASES, FIELDS
from nexus.query.globs import Glob, escape

STEADY = settings(deadline=None)
"""Examples are not timed: on a busy machine a slow one means nothing."""


def many(few: int) -> settings:
    """``few`` examples in the normal profile, for what needs more than the usual number; the long one has its own."""
    return settings(STEADY, max_examples=max(few, STEADY.max_examples))


NOW = 1_000_000.0
"""The time at which the tests look, in seconds."""


def session(**fields: Any) -> Session:
    """A session with the given fields, ten minutes old and used a minute ago; ``state`` may be a dict."""
    state = fields.pop("state", {})
    given: dict[str, Any] = {
        "id": "sess_01A",
        "channel": "api",
        "channels": ("api",),
        "owner": "local:ada",
        "created_at": NOW - 600,
        "last_activity": NOW - 60,
        "state_json": json.dumps(state).encode(),
    }
    fields["status"] = Status(fields.get("status", "active"))
    return Session(**(given | fields))


def mistake_in(text: str) -> QueryError | None:
    """What reading the text raises, or ``None`` where it is a filter."""
    try:
        parse(text)
    except QueryError as error:
        return error
    return None


# Few letters, so that patterns and texts meet often; every sign of the language is among them.
texts = st.text(alphabet='abAB1é *?\\",.:=-!(', max_size=6)
any_text = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
) | st.sampled_from(["OR", "AND", "NOT", "true", "42", "1e5", "-0", "null", "Infinity"])
words = any_text.filter(bool)
negated = st.booleans()


def tuples(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """One to three different values."""
    unique = st.lists(values, min_size=1, max_size=3, unique_by=lambda value: (type(value), value))
    return unique.map(tuple)


def globs(letters: st.SearchStrategy[str]) -> st.SearchStrategy[Glob]:
    """Patterns, with wildcards and without."""
    pieces = st.lists(letters.map(escape) | st.sampled_from("*?"), max_size=4)
    return pieces.map(lambda parts: Glob("".join(parts)))


def scalars(letters: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Values that a path can be compared with."""
    numbers = st.integers(-3, 3) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    return st.none() | st.booleans() | numbers | letters


def path_terms(letters: st.SearchStrategy[str]) -> st.SearchStrategy[PathTerm]:
    """Terms of ``meta.`` and ``state.`` as the parser makes them."""
    roots = st.sampled_from(["meta", "state"])
    paths = st.lists(st.sampled_from(["a", "b", "0"]) | letters, min_size=1, max_size=3).map(tuple)
    wild = globs(letters).filter(lambda glob: glob.literal is None)
    ordered = letters | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False)
    return st.one_of(
        st.builds(PathTerm, roots, paths, st.just("="), tuples(scalars(letters) | wild), negated),
        st.builds(PathTerm, roots, paths, st.just("!="), tuples(scalars(letters)), negated),
        st.builds(PathTerm, roots, paths, st.sampled_from(["<", "<=", ">", ">="]), st.tuples(ordered), negated),
    )


def glob_terms(letters: st.SearchStrategy[str]) -> st.SearchStrategy[GlobTerm]:
    """Terms with patterns as the parser makes them: those of ``error`` always have a wildcard."""
    plain = st.sampled_from([field for field in ATTRIBUTES if field != "error"])
    wild = globs(letters).filter(lambda glob: glob.literal is None)
    return st.one_of(
        st.builds(GlobTerm, plain, tuples(globs(letters)), negated),
        st.builds(GlobTerm, st.just("error"), tuples(wild), negated),
    )


seconds = st.integers(0, 10**9).map(float) | st.floats(0, 10**6) | st.sampled_from([0.001, 0.25, 60.0, 600.0, 5400.0])
duration_terms = st.builds(
    DurationTerm,
    st.sampled_from(["age", "idle", "expires", "duration"]),
    st.sampled_from(["<", "<=", ">", ">="]),
    seconds,
    negated,
)
number_terms = st.builds(
    NumberTerm,
    st.sampled_from(["step", "version"]),
    st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
    st.integers(0, 5) | st.integers(0, 10**18 - 1),
    negated,
)
status_terms = st.builds(StatusTerm, tuples(st.sampled_from(Status)), negated)
channel_terms = st.builds(ChannelTerm, tuples(st.sampled_from(CHANNELS)), negated)


def terms(letters: st.SearchStrategy[str]) -> st.SearchStrategy[Term]:
    """Any term that the parser can make of these texts."""
    found: st.SearchStrategy[Term] = st.one_of(
        status_terms,
        channel_terms,
        glob_terms(letters),
        duration_terms,
        number_terms,
        path_terms(letters),
        st.builds(WordTerm, tuples(letters.filter(bool)), negated),
    )
    return found


def queries(letters: st.SearchStrategy[str]) -> st.SearchStrategy[Query]:
    """Filters of up to four terms."""
    return st.lists(terms(letters), max_size=4).map(lambda found: Query(tuple(found)))


_signs = st.sampled_from([":", "=", "!=", "<", "<=", ">", ">=", "::", "=>", ":>", "!"])
_heads = st.sampled_from([*FIELDS, *ALIASES, "meta.a", "state.b.0", "statsu", "", "-", "-age"])
_tails = st.sampled_from(["failed", "active,", "10m", "1h30", "*", "a?b*", '"x', '"x y"', "\\", "3", "-1", "true", ""])
_terms = st.tuples(_heads, _signs, _tails | st.text(max_size=6)).map("".join)
scribbles = st.one_of(
    st.text(max_size=40),
    st.text(alphabet='abs:=<>!-*?,."\\ ()0', max_size=30),
    st.lists(_terms | st.text(max_size=8), max_size=5).map(" ".join),
)
"""Texts that someone might type: arbitrary ones, and those that look like filters."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3) | texts | st.sampled_from(["1", "2.0", "TRUE"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "0", "é"]) | texts, inner),
    max_leaves=6,
)
documents = st.dictionaries(st.sampled_from(["a", "b", "0"]) | texts, json_values, max_size=4)
_maybe = st.none() | texts
_times = st.sampled_from([NOW - 5400, NOW - 600, NOW - 60, NOW, NOW + 60]) | st.floats(NOW - 10**4, NOW + 10**4)

sessions = st.builds(
    session,
    id=texts,
    status=st.sampled_from(Status),
    channels=tuples(st.sampled_from(CHANNELS)),
    owner=texts,
    user_id=_maybe,
    group_id=_maybe,
    parent_id=_maybe,
    workflow=_maybe,
    run_id=_maybe,
    error=_maybe,
    step=st.integers(0, 5),
    version=st.integers(1, 5),
    at_checkpoint=st.integers(0, 3),
    created_at=_times,
    last_activity=_times,
    ended_at=st.none() | _times,
    idle_deadline=st.none() | _times,
    age_deadline=st.none() | _times,
    metadata=documents,
    state=documents,
)
"""Sessions in which small filters find something often enough."""
