"""Filters and ids: any text is read or refused by a clear error, in bounded time."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from nexus.errors import NexusError
from nexus.lifecycle import Moment, Rules, sessions
from nexus.model import check_id, checkpoint_number
from nexus.model.ids import born_at
from nexus.query import compile_predicate, complete, describe, parse, point_at, to_text
from nexus.sessions.feed import split_types
from tests.fuzz.fuzzing import bounded, fuzz, mutated

FILTERS = [
    b"status:failed,active -status:completed channel:api workflow:index*",
    b"group:batch-7 user:42 parent:ID owner:a*",
    b"age>10m idle<30s expires<5m duration>2h step>=10",
    b'meta.organization=acme-corp state.user.tier="gold x"',
    b"bare words meta.a.b!=3 state.n>=1.5 -workflow:* state.x:* error:boom",
    b'user:"a \\"b\\"" age>1d12h channel:cli,mcp',
    b"type:session.* *a*b*c*d*e*f*g*",
]
_moment = Moment(now=1e9, actor="a", channel="api")
_after = sessions.create(
    _moment,
    Rules(),
    session_id="s1",
    channel="api",
    owner="a",
    metadata={"organization": "acme"},
    state_json=b'{"n":1,"user":{"tier":"gold"}}',
).after
assert _after is not None
SESSION = _after.session


@fuzz(150, mutated(FILTERS).map(lambda data: data.decode("utf-8", "surrogateescape")) | st.text())
def test_any_filter_is_read_or_its_mistake_is_shown(text: str) -> None:
    with bounded("filter"):
        complete(text, len(text) // 2, {"workflow": ["index", "a b"]})
        split_types(text)
        try:
            query = parse(text)
        except NexusError as error:
            point_at(text, error)  # type: ignore[arg-type]
            raise
        describe(query)
        matches = compile_predicate(query)(SESSION, 1e9 + 60)
        again = parse(to_text(query))
        assert to_text(again) == to_text(query)
        assert compile_predicate(again)(SESSION, 1e9 + 60) == matches


IDS = [b"sess_01J9ZK3V5T8QWERTYABCDEFGHJ", b"checkpoint-12", b"a.b:c-d_e", b"x" * 128]


@fuzz(100, mutated(IDS, most=2).map(lambda data: data.decode("utf-8", "surrogateescape")) | st.text(max_size=140))
def test_any_text_is_an_id_exactly_if_the_rule_says_so(text: str) -> None:
    fits = re.fullmatch(r"[A-Za-z0-9._:\-]{1,128}", text, re.ASCII) is not None and "\n" not in text
    born_at(text)
    with bounded("checkpoint id"):
        checkpoint_number(text)
    accepted = False
    with bounded("id"):
        accepted = check_id(text) == text
    assert accepted == fits
