"""Patterns match as written, and never slowly."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from nexus.query import Glob
from nexus.query.globs import escape
from tests.core.query.oracle import match
from tests.core.query.strategies import STEADY, globs, texts


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("abc", ["abc"], ["ab", "abcd", "ABC", ""]),
        ("a*", ["a", "abc", "a\nb"], ["", "ba"]),
        ("*c", ["c", "abc"], ["cb", ""]),
        ("*b*", ["b", "abc"], ["", "ac"]),
        ("a*c", ["ac", "abc"], ["a", "c", "acb"]),
        ("aba*aba", ["abaaba", "aba-aba"], ["aba", "ababa"]),
        ("a?c", ["abc", "a?c", "a\nc"], ["ac", "abbc"]),
        ("*a?c*d", ["abcd", "xxaxcyyd"], ["acd", "abc"]),
        ("a?*?a", ["abba", "ab-ba"], ["aba"]),
        ("?*", ["a", "ab"], [""]),
        ("**", ["", "anything"], []),
        ("\\*", ["*"], ["a", "\\*"]),
        ("[ab].+", ["[ab].+"], ["a.+", "abb"]),
        ("", [""], ["a"]),
        ("a\\", ["a\\"], ["a"]),
    ],
)
def test_a_pattern_covers_the_whole_text(pattern: str, yes: list[str], no: list[str]) -> None:
    matcher = Glob(pattern).compile()
    assert [text for text in yes if not matcher(text)] == []
    assert [text for text in no if matcher(text)] == []


@given(globs(texts), texts)
@STEADY
def test_a_pattern_matches_as_trying_every_way_does(glob: Glob, text: str) -> None:
    tokens: list[tuple[bool, str]] = []
    for index, piece in enumerate(glob.pieces()):
        tokens += [(True, "*")] if index else []
        tokens += [(token is None, token or "?") for token in piece]
    assert glob.compile()(text) == match(tokens, text)


@given(texts, texts)
@STEADY
def test_an_escaped_text_matches_itself_only(text: str, other: str) -> None:
    glob = Glob(escape(text))
    assert glob.literal == text
    assert glob.compile()(text)
    assert glob.compile()(other) == (text == other)


@given(globs(texts), texts)
@STEADY
def test_what_matches_starts_with_the_prefix(glob: Glob, text: str) -> None:
    if glob.compile()(text):
        assert text.startswith(glob.prefix)
        assert glob.literal in {None, text}


@pytest.mark.parametrize(
    ("pattern", "literal", "prefix", "is_any"),
    [
        ("ab", "ab", "ab", False),
        ("ab*", None, "ab", False),
        ("a?b", None, "a", False),
        ("*", None, "", True),
        ("***", None, "", True),
        ("*?", None, "", False),
        ("", "", "", False),
        ("a\\*b*", None, "a*b", False),
    ],
)
def test_a_store_learns_what_it_can_look_up(pattern: str, literal: Any, prefix: str, is_any: bool) -> None:
    glob = Glob(pattern)
    assert (glob.literal, glob.prefix, glob.is_any) == (literal, prefix, is_any)


def test_case_can_be_let_go() -> None:
    assert Glob("*TIME*").compile(ignore_case=True)("a timeout")
    assert Glob("STRASSE").compile(ignore_case=True)("straße")


@pytest.mark.parametrize("pattern", ["a*" * 1000 + "b", "*a" * 1000 + "?b", "*?" * 1000, "*a?a*" * 500 + "c"])
def test_many_stars_do_not_blow_up(pattern: str) -> None:
    # With backtracking these would run longer than anyone waits; the suite's own limit is the clock.
    assert Glob(pattern).compile()("a" * 4000) == (pattern == "*?" * 1000)
