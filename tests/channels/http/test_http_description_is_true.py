"""The served description, checked against the server by what Schemathesis makes up from it."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig

from nexus.channels.http import openapi
from nexus.channels.http.table import OPERATIONS
from nexus.model.session import FIELDS
from nexus.query import parse
from tests.channels.http.http_places import Place, an_app, serving

_WORDS = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
_TERMS = st.one_of(
    _WORDS,
    st.sampled_from(["status:active", "-status:failed", "channel:api", "age>10m", "step>=1", "workflow:c*"]),
    st.builds("meta.{}={}".format, st.text(string.ascii_lowercase, min_size=1, max_size=5), _WORDS),
)
FILTERS = st.lists(_TERMS, max_size=3).map(" ".join)

schemathesis.openapi.format("nexus-filter", FILTERS)
_AUDIT_TERMS = st.sampled_from(["actor:a*", "-action:end,create", "target:s", "outcome:refused", "age<1h", "word"])
schemathesis.openapi.format("nexus-audit-filter", st.lists(_AUDIT_TERMS, max_size=3).map(" ".join))
schemathesis.openapi.format("nexus-namespace", st.just("default"))
schemathesis.openapi.format("nexus-cursor", st.integers(0, 50).map(str))
schemathesis.openapi.format("nexus-etag", st.integers(1, 9).map('"{}"'.format))

# What is right by its form may still not fit the session as it is: over, of another version, waited for in vain.
_CHECKS = {"positive_data_acceptance": {"expected-statuses": ["2xx", "304", "404", "409", "410", "412", "504"]}}


@given(FILTERS)
def test_the_filters_that_are_made_up_are_filters(text: str) -> None:
    parse(text)


DOCUMENT = openapi.build(OPERATIONS, an_app().registry.infos(), "tested")


def _described(*, every_corner: bool) -> Any:
    config = {"checks": _CHECKS, "phases": {"coverage": {"enabled": every_corner}}}
    schema = schemathesis.openapi.from_dict(DOCUMENT, config=SchemathesisConfig.from_dict(config))
    # A stream never ends; it is tested by itself.
    return schema.exclude(path="/events")


quick = _described(every_corner=False)
thorough = _described(every_corner=True)


def test_the_document_is_the_one_that_is_served(place: Place) -> None:
    served = place.client.get("/openapi.json").json()
    assert {**served, "info": None} == {**msgspec.json.decode(msgspec.json.encode(DOCUMENT)), "info": None}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(an_app(session_lock_timeout=0.02)) as served:
        yield served.url


def _check(case: Any, url: str) -> None:
    _agree(case)
    if case.query and "timeout" in case.query and isinstance(case.query["timeout"], int | float):
        case.query["timeout"] = min(case.query["timeout"], 0.01)
    case.call_and_validate(base_url=url, timeout=30)


def _agree(case: Any) -> None:
    """Leave out of a valid case what a schema can't say: of two names for one thing one is enough."""
    if not case.meta.generation.mode.is_positive:
        return
    body = case.body if isinstance(case.body, dict) else {}
    if body.get("session_id") is not None:
        (case.headers or {}).pop("X-Session-ID", None)
    if case.path.endswith("/execute"):
        # A key that is known waits for what came of it, which may be a run that waits for another one's signal.
        body.pop("background", None)
    if case.method == "PATCH":
        # Names of the session's own fields are no keys of its state; Hypothesis knows them from the source.
        case.body = {key: value for key, value in body.items() if key not in FIELDS}
        return
    if case.path == "/sessions/bulk" and body:
        case.body = _one_bulk(body)
    if body.get("reuse"):
        (case.headers or {}).pop("X-Session-ID", None)
        case.body = {"reuse": True, "user_id": "u", **{key: body[key] for key in ("timeout",) if key in body}}
    if case.path in ("/sessions", "/groups", "/sessions/{session_id}/children"):
        # Their cursors are only to be had from a page before.
        (case.query or {}).pop("cursor", None)


_BULK_TAKES = {
    "end": ("status", "reason"), "extend": ("seconds",), "resume": ("checkpoint_id", "inputs"),
    "fork": ("checkpoint_id",), "signal": ("name", "payload"), "patch": ("patch",), "undo": (),
}  # fmt: skip


def _one_bulk(body: dict[str, Any]) -> dict[str, Any]:
    """Sessions named in one way, and what the action takes."""
    which = "q" if (body.get("q") or "").strip() else "ids"
    named = {which: body.get(which) or []}
    kept = {key: body[key] for key in ("action", "dry_run", *_BULK_TAKES[body["action"]]) if body.get(key) is not None}
    examples: dict[str, dict[str, Any]] = {"signal": {"name": "go"}, "patch": {"patch": {}}}
    needed = examples.get(body["action"], {})
    return {**needed, **kept, **named}


@quick.parametrize()  # type: ignore[untyped-decorator]
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_answer_is_undescribed(case: Any, url: str) -> None:
    _check(case, url)


@pytest.mark.long
@thorough.parametrize()  # type: ignore[untyped-decorator]
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_answer_is_undescribed_in_many_more_cases(case: Any, url: str) -> None:
    _check(case, url)
