"""Hidden values in texts that quote them are covered up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.auth.redaction import Rules
from nexus.auth.scrubbing import scrub

RULES = Rules(["state.**.password", "metadata.card"])


def told(text: str, state: dict[str, Any], **more: Any) -> str:
    return RULES.scrub(text, ("state", state), **more)


@pytest.mark.parametrize(
    ("text", "password", "shown"),
    [
        ("no user has hunter2!", "hunter2", "no user has ***!"),
        ("xhunter2x", "hunter2", "x***x"),
        ("hunter2hunter2", "hunter2", "***"),
        ("PIN 123 is none of 1234", "123", "PIN *** is none of 1234"),
        ("42 is wrong, 421 is not", 42, "*** is wrong, 421 is not"),
        ("1.5 and 1.50", 1.5, "*** and 1.50"),
        ("True, None and - stay", True, "True, None and - stay"),
        ("a - b", "-", "a - b"),
        ("{'password': \"it's \\n\"}", "it's \n", "{'password': \"***\"}"),
        ("repr 'two\\nlines'", "two\nlines", "repr '***'"),
        ('json "gr\\u00fc\\u00dfe"', "grüße", 'json "***"'),
        ("b'\\x00\\xff\\x00\\xff'", b"\x00\xff\x00\xff", "b'***'"),
        ("deep: one, two-two and 77777", {"a": ["one1", {"b": "two-two"}], "c": 77777}, "deep: one, *** and ***"),
    ],
)
def test_a_hidden_value_is_covered_up_in_each_form(text: str, password: Any, shown: str) -> None:
    assert told(text, {"user": {"password": password}}) == shown


def test_what_no_rule_names_stays() -> None:
    assert told("hunter2 of ann", {"user": {"name": "ann", "word": "hunter2"}}) == "hunter2 of ann"
    assert Rules().scrub("hunter2", ("state", {"password": "hunter2"})) == "hunter2"


def test_values_that_overlap_leave_no_rest() -> None:
    assert told("<abcdef-12345>", {"a": {"password": "abcdef"}, "b": {"password": "def-12345"}}) == "<***>"


def test_a_value_that_a_cut_goes_through_is_covered_up_to_the_cut() -> None:
    long = "k" + "0123456789" * 20
    shown = told("x" * 50 + long, {"password": long}, most=100)
    assert shown == "x" * 50 + "***"
    assert told("k0k0" + "x" * 92 + "k012" + "z" * 50, {"password": long}, most=100) == "k0k0" + "x" * 92 + "***"


def test_a_state_that_holds_itself_is_searched_once() -> None:
    state: dict[str, Any] = {"password": ["secret-1"]}
    state["password"].append(state)
    state["again"] = [state, state]
    assert told("secret-1", state) == "***"


_WORDS = st.text(alphabet='ab1 "\\\n\u00e9', max_size=6)


@given(st.lists(_WORDS, max_size=4), st.lists(st.one_of(_WORDS, st.integers(0, 200)), max_size=6))
def test_no_long_value_is_left_whatever_stands_around_it(hidden: list[str], parts: list[Any]) -> None:
    text = "".join(f"{part}{hidden[at % len(hidden)] if hidden else ''}" for at, part in enumerate(parts))
    shown = scrub(text, hidden, "\x00")
    for value in hidden:
        for form in (value, repr(value)[1:-1], json.dumps(value)[1:-1]):
            if len(form) >= 4:
                assert form not in shown
    if not any(value in text for value in hidden if value):
        assert shown == text
