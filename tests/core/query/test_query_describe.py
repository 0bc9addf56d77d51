"""A filter is told in plain English."""

from __future__ import annotations

import pytest
from hypothesis import given

from nexus.query import Query, describe, parse
from tests.core.query.strategies import STEADY, any_text, queries


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "all sessions"),
        ("status:failed,active", "sessions whose status is failed or active"),
        ("-status:failed,active", "sessions whose status is not failed or active"),
        ("channel:api,cli -channel:mcp", "sessions that were used from api or cli and that were never used from mcp"),
        ("workflow:index*,report", 'sessions whose workflow is like index* or "report"'),
        ("group:* -parent:*", "sessions that have some group and that have no parent"),
        ("age>10m idle<=90", "sessions whose age is over 10m and whose idle time is at most 1m30s"),
        ("expires<5m -expires<1h", "sessions that expire in under 5m and that do not expire in under 1h"),
        ("step>=10 version!=3", "sessions whose step is at least 10 and whose version is other than 3"),
        ("meta.a=1,b,null", 'sessions whose meta.a is 1, "b" or null'),
        ('-state."a b":x*', 'sessions whose state."a b" is not like x*'),
        ("state.a:*", "sessions that have some state.a"),
        ("index", 'sessions with "index" in the id, workflow or user'),
        ('-"my flow"', 'sessions without "my flow" in the id, workflow or user'),
        ("error:timeout", "sessions whose error is like *timeout*"),
    ],
)
def test_a_filter_is_told_in_plain_english(text: str, told: str) -> None:
    assert describe(parse(text)) == told


@given(queries(any_text))
@STEADY
def test_every_filter_can_be_told_in_one_printable_line(query: Query) -> None:
    assert describe(query).isprintable()
