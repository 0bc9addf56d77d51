"""What is read can be written, and what is written reads the same."""

from __future__ import annotations

import pytest
from hypothesis import given

from nexus.query import GlobTerm, PathTerm, Query, QueryError, parse, to_text
from nexus.query.format import quote
from tests.core.query.strategies import STEADY, any_text, many, queries, scribbles, texts


@given(queries(any_text) | queries(texts))
@many(200)
def test_a_query_written_and_read_again_is_the_same_query(query: Query) -> None:
    assert parse(to_text(query)) == query


@given(scribbles)
@STEADY
def test_writing_what_was_read_settles_at_once(text: str) -> None:
    try:
        query = parse(text)
    except QueryError:
        return
    assert to_text(parse(to_text(query))) == to_text(query)


@given(any_text)
@STEADY
def test_a_quoted_value_stands_for_itself_after_every_operator(text: str) -> None:
    for sign in (":", "="):
        (term,) = parse(f"user{sign}{quote(text)}").terms
        assert isinstance(term, GlobTerm)
        assert term.patterns[0].literal == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("  status:FAILED   channel=API ", "status:failed channel:api"),
        ("user_id:42 metadata.a==1 step:>=10", "user:42 meta.a=1 step>=10"),
        ("status:live", "status:active,in_progress,suspended"),
        ("status!=canceled -user!=42", "-status:cancelled user:42"),
        ('"index" workflow:"my flow"*', 'index workflow:"my flow"*'),
        ("age>90m idle<1.5s expires<500ms", "age>1h30m idle<1.5s expires<500ms"),
        ('meta."a.b".c=\\42', 'meta."a.b".c="42"'),
    ],
)
def test_the_usual_form_is_the_shortest(text: str, written: str) -> None:
    assert to_text(parse(text)) == written


def test_one_and_true_are_different_filters() -> None:
    assert parse("meta.a=1") != parse("meta.a=true")
    assert PathTerm("meta", ("a",), "=", (1,)) == PathTerm("meta", ("a",), "=", (1,))
    assert len({parse("meta.a=1"), parse("meta.a=true"), parse("meta.a=1.0"), parse("meta.a=1")}) == 3
