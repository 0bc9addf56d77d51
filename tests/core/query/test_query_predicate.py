"""A filter, compiled, answers as its meaning written out slowly does."""

from __future__ import annotations

from hypothesis import given

from nexus.model import Session
from nexus.query import Query, Term, compile_predicate, matches, parse
from tests.core.query.oracle import passes
from tests.core.query.strategies import NOW, STEADY, many, queries, session, sessions, terms, texts


@given(terms(texts), sessions)
@many(250)
def test_every_term_answers_as_its_meaning_does(term: Term, found: Session) -> None:
    query = Query((term,))
    assert matches(query, found, NOW) == passes(query, found, NOW)


@given(queries(texts), sessions)
@STEADY
def test_a_filter_holds_when_all_its_terms_hold(query: Query, found: Session) -> None:
    assert matches(query, found, NOW) == passes(query, found, NOW)


@given(terms(texts), sessions)
@STEADY
def test_a_minus_sign_turns_every_term_round(term: Term, found: Session) -> None:
    turned = type(term)(**{name: getattr(term, name) for name in term.__slots__} | {"negated": not term.negated})
    assert matches(Query((turned,)), found, NOW) != matches(Query((term,)), found, NOW)


def test_one_compiled_predicate_serves_any_session_and_time() -> None:
    older = compile_predicate(parse("age>10m"))
    found = session(created_at=NOW)
    assert [older(found, NOW + passed) for passed in (0, 600, 601)] == [False, False, True]


def test_the_state_is_not_decoded_when_a_cheaper_term_already_fails() -> None:
    found = session(status="active", state_json=b"this is not JSON")
    assert not matches(parse("state.a=1 meta.b=1 status:active"), found, NOW)
