"""Completion offers what may stand at the cursor; ``|`` is the cursor in these tests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.query import Completion, complete
from nexus.query.complete import MOST
from tests.core.query.strategies import STEADY, any_text, many, mistake_in, scribbles

VALUES = {
    "workflow": ["index-files", "my flow", "report"],
    "user": ["42", "Alice", "-x", ""],
    "meta.organization": ["acme-corp", "Globex, Inc", "true"],
    'state."a b"': ["1"],
}


def offers(text: str) -> list[Completion]:
    """What is offered at the bar in the text."""
    return complete(text.replace("|", ""), text.index("|"), VALUES)


def results(text: str) -> list[str]:
    """The filters that the offers make, with the cursor in them."""
    made = (offer.apply(text.replace("|", "")) for offer in offers(text))
    return [f"{filter_[:cursor]}|{filter_[cursor:]}" for filter_, cursor in made]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("st|", ["status:|", "step>=|", "state.|"]),
        ("-ST|", ["-status:|", "-step>=|", "-state.|"]),
        ("age|", ["age<|", "age<=|", "age>|", "age>=|"]),
        ("workflow|", ["workflow:|", "workflow=|", "workflow!=|"]),
        ("st|:failed", ["status|:failed", "step|:failed"]),
        ("st|>=3", ["step|>=3"]),
        ("status:fa|", ["status:failed|"]),
        ("status:failed|", []),
        ("status:failed,c|", ["status:failed,completed|", "status:failed,cancelled|", "status:failed,active|"]),
        ("status:fa|iled,active step>1", []),
        ("status:f|ail,active step>1", ["status:failed|,active step>1", "status:final|,active step>1"]),
        ("-channel:|", ["-channel:api|", "-channel:cli|", "-channel:mcp|", "-channel:sdk|"]),
        ("channel:api,|", ["channel:api,cli|", "channel:api,mcp|", "channel:api,sdk|"]),
        ("channel:|,cli", ["channel:api|,cli", "channel:mcp|,cli", "channel:sdk|,cli"]),
        ("fai|", ["status:failed|"]),
        ("ali|", ["user:Alice|"]),
        ("workflow:|", ["workflow:index-files|", 'workflow:"my flow"|', "workflow:report|"]),
        ("workflow=MY|", ['workflow="my flow"|']),
        ('workflow:"my|', ['workflow:"my flow"|']),
        ("workflow:flow|", ['workflow:"my flow"|']),
        ("user:|", ["user:42|", "user:Alice|", 'user:"-x"|']),
        ("user_id:A|", ["user_id:Alice|"]),
        ("meta.|", ["meta.organization=|"]),
        ("meta.organization=g|", ['meta.organization="Globex, Inc"|']),
        ("meta.organization>|", ["meta.organization>acme-corp|", 'meta.organization>"Globex, Inc"|']),
        ("meta.other=|", []),
        ('state."a b"=|', ['state."a b"=1|']),
        ("age>|", [f"age>{text}|" for text in ("30s", "1m", "5m", "10m", "30m", "1h", "6h", "1d", "7d")]),
        ("age>15|", ["age>15s|", "age>15m|", "age>15h|", "age>15d|"]),
        ("age>1h3|", ["age>1h3s|", "age>1h3m|", "age>1h3h|", "age>1h3d|"]),
        ("age:1|", []),
        ("statsu:|", []),
        ("step>=|", []),
        ("|status:failed", []),
        ("step>1 |", None),
        ("|", None),
        ("-|", None),
    ],
)  # fmt: skip
def test_what_is_offered_fits_at_the_cursor(text: str, made: list[str] | None) -> None:
    if made is None:
        assert results(text)[:2] == [text.replace("|", "status:|"), text.replace("|", "channel:|")]
    else:
        assert results(text) == made


def test_offers_say_what_they_are() -> None:
    (offer,) = offers("status:fai|")
    assert offer == Completion("failed", 7, 10, "failed", "the last run failed")


def test_labels_are_safe_to_print_while_values_stay_as_they_are() -> None:
    (offer,) = complete("user:", 5, {"user": ["\x1b[31mred"]})
    assert (offer.label, offer.text) == ("·[31mred", "\x1b[31mred")


def test_a_crowd_of_values_is_cut() -> None:
    assert len(complete("user:", 5, {"user": [f"user-{number}" for number in range(1000)]})) == MOST


filters_under_way = st.tuples(
    st.sampled_from(["", "step>1 ", '-"a b" ']),
    st.sampled_from(["", "s", "-me", "age", "age>1", "status:", "status:f", "channel:api,", "user:", 'user:"a', "user=",
                     "workflow:a,", "meta.k=", "meta.k:", "meta.k>", "meta", "error:", "idle<", "x"]),
).map("".join)  # fmt: skip


@given(filters_under_way, st.lists(any_text, max_size=5))
@many(150)
def test_every_offer_leads_to_a_filter_or_its_beginning(text: str, known: list[str]) -> None:
    values = {"user": known, "workflow": known, "error": known, "meta.k": known}
    for offer in complete(text, len(text), values):
        made, cursor = offer.apply(text)
        assert cursor == len(made)
        error = mistake_in(made)
        assert error is None or error.incomplete or made.endswith(("meta.", "state."))


@given(scribbles, st.integers(-2, 50))
@STEADY
def test_completion_never_fails_and_replaces_a_part_at_the_cursor(text: str, cursor: int) -> None:
    at = min(max(cursor, 0), len(text))
    for offer in complete(text, cursor, VALUES):
        assert 0 <= offer.start <= at <= offer.end <= len(text)
        assert offer.label.isprintable()
