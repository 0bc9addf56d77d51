"""Rules that hide values: how they are read, and what they hide."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus import AsyncNexus, InvalidInput, PermissionDenied
from nexus.auth.redaction import MARKER, Rules
from nexus.query import parse

STATE = {
    "password": "p0",
    "user": {"password": "p1", "name": "ann", "deep": {"password": "p2", "token": "t1"}},
    "cards": [{"number": "c1"}, {"number": "c2"}],
    "token": {"value": "t2", "kind": "jwt"},
    "due.date": "d1",
    "api_key": "k1",
}


@pytest.mark.parametrize(
    ("rule", "hidden"),
    [
        ("state.password", {"p0"}),
        ("state.*.password", {"p1"}),
        ("state.**.password", {"p0", "p1", "p2"}),
        ("state.**.token", {"t1", "t2", "jwt"}),
        ("state.cards.*.number", {"c1", "c2"}),
        ("state.cards.1.number", {"c2"}),
        ("state.cards", {"c1", "c2"}),
        ('state."due.date"', {"d1"}),
        ("state.*_key", {"k1"}),
        ("state.user.**", {"p1", "p2", "t1", "ann"}),
        ("state.nothing.there", set()),
    ],
)
def test_a_rule_hides_what_its_path_names_and_all_below_it(rule: str, hidden: set[str]) -> None:
    before = repr(STATE)
    shown = repr(Rules([rule]).state(STATE))
    everything = {"p0", "p1", "p2", "t1", "t2", "c1", "c2", "d1", "k1", "ann", "jwt"}
    assert {value for value in everything if f"'{value}'" not in shown} == hidden
    assert repr(STATE) == before


def test_the_marker_tells_neither_kind_nor_length() -> None:
    rules = Rules(["state.x"])
    values: tuple[Any, ...] = ("", "a" * 1000, 0, None, [], {"a": 1}, True)
    for value in values:
        assert rules.state({"x": value}) == {"x": MARKER}


@pytest.mark.parametrize(
    "rule",
    ["", "password", "state", "state.", "state..x", "error.text", "statex.y", 'state."open', "state.a**", 'state."a"b',
     "state." + ".".join("a" * 40)],
)  # fmt: skip
def test_a_rule_that_cannot_be_read_is_refused_at_start(rule: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        AsyncNexus(store="memory://", redact=[rule])
    assert refused.value.details["field"] == "redact"
    assert repr(rule[:100])[1:-1] in refused.value.message


def test_rules_come_from_the_environment_parted_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_REDACT", "state.*.password, metadata.card")
    assert AsyncNexus(store="memory://").settings.redact == ("state.*.password", "metadata.card")


@pytest.mark.parametrize(
    ("rule", "q"),
    [
        ("state.user.password", "state.user.password=x"),
        ("state.user.password", "state.user.password:*"),
        ("state.user.password", "-state.user.password!=x"),
        ("state.user.password", "state.user.password>a"),
        ("state.user.password", "status:active state.user.password=x"),
        ("state.user", "state.user.password=x"),
        ("state.*.password", "state.anything.password=x"),
        ("state.**.token", "state.a.b.c.token=x"),
        ("state.**", "state.n=1"),
        ("state.tokens.*", "state.tokens=x"),
        ("state.tokens.0", "state.tokens.00=x"),
        ("state.tokens.0", "state.tokens=x"),
        ("metadata.card", "meta.card=x"),
        ("meta.card", "meta.card=x"),
        ("error", "error:hunter2"),
    ],
)
def test_a_filter_that_would_find_a_hidden_value_out_is_refused(rule: str, q: str) -> None:
    with pytest.raises(PermissionDenied, match="is hidden"):
        Rules([rule]).check_query(parse(q))


@pytest.mark.parametrize("q", ["", "hunter2", "state.user.name=x", "meta.password=x", "state.users=x", "error:x"])
def test_other_filters_pass(q: str) -> None:
    Rules(["state.*.password", "state.user.password"]).check_query(parse(q))


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
_KEYS = st.sampled_from(["a", "b", "c", "*", "**", "0", "?"])


@given(st.dictionaries(st.sampled_from("abc"), _VALUES, max_size=3), st.lists(_KEYS, min_size=1, max_size=4))
def test_exactly_the_paths_that_a_rule_names_are_hidden(state: dict[str, Any], keys: list[str]) -> None:
    rules = Rules(["state." + ".".join(keys)])
    _compare(state, rules.state(state), (), tuple(keys))


def _compare(real: Any, shown: Any, path: tuple[str, ...], rule: tuple[str, ...]) -> None:
    if path and _named(rule, path):
        assert shown == MARKER
        return
    if isinstance(real, dict | list):
        assert type(shown) is type(real)
        assert len(shown) == len(real)
        for key in real if isinstance(real, dict) else range(len(real)):
            _compare(real[key], shown[key], (*path, str(key)), rule)
        return
    assert shown == real


def _named(rule: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """The rule's meaning, written down as plainly as can be."""
    if not rule:
        return not path
    first, rest = rule[0], rule[1:]
    if first == "**":
        least = 0 if rest else 1
        return any(_named(rest, path[skipped:]) for skipped in range(least, len(path) + 1))
    return bool(path) and (first == "*" or first == path[0] or (first == "?" and len(path[0]) == 1)) and _named(
        rest, path[1:]
    )  # fmt: skip
