"""``nexus doctor`` and ``nexus config show`` on an identity provider's keys."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nexus_tui.cli.checks.provider import provider_of_server
from tests.channels.http.http_places import an_app
from tests.channels.http.http_places import serving as serving_nexus
from tests.cli.support import Line
from tests.core.auth import provider
from tests.core.auth.provider import ISSUER, jwks, key


@pytest.fixture
def named(line: Line, monkeypatch: pytest.MonkeyPatch) -> Line:
    """With a provider in the environment, whose keys are in a file."""
    (line.folder / "jwks.json").write_text(json.dumps(jwks(key("one"))))
    for name, value in (("ISSUER", ISSUER), ("AUDIENCE", "nexus"), ("JWKS", "jwks.json")):
        monkeypatch.setenv(f"NEXUS_JWT_{name}", value)
    monkeypatch.setenv("NEXUS_ENABLE_AUTH", "true")
    return line


def check(line: Line, *arguments: str) -> dict[str, Any] | None:
    ran = line("doctor", "-o", "json", *arguments)
    return next((found for found in ran.json if found["check"] == "jwt"), None)


def test_without_a_provider_there_is_nothing_to_look_at(line: Line) -> None:
    assert check(line) is None


def test_keys_that_are_there_pass(named: Line) -> None:
    found = check(named)
    assert found is not None
    assert found["grade"] == "ok"
    assert found["found"].startswith(f"{ISSUER}: 1 key from jwks.json")


def test_keys_that_can_not_be_had_fail_with_the_cause(named: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_JWT_JWKS", "http://127.0.0.1:1/jwks")
    found = check(named)
    assert found is not None
    assert found["grade"] == "fail"
    assert "http://127.0.0.1:1/jwks" in found["found"]
    assert "jwks_uri" in found["fix"]


def test_keys_of_no_algorithm_that_is_allowed_fail(named: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_JWT_ALGORITHMS", "RS256")
    found = check(named)
    assert found is not None
    assert found["grade"] == "fail"
    assert "jwt_algorithms" in found["fix"]


def test_a_server_tells_how_it_stands_with_its_keys(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEXUS_STORE")
    with provider.serving() as serves:
        serves.publish(key("one"))
        with serving_nexus(an_app(**provider.settings(serves.url))) as place:
            found = check(line, "--server", place.url)
    assert found is not None
    assert found["grade"] == "ok"
    assert found["found"].startswith("the provider's keys were read ")


@pytest.mark.parametrize(
    ("facts", "says"),
    [({"jwt_keys": "kept", "jwt_keys_age": "400"}, "those of 400 s ago"), ({"jwt_keys": "missing"}, "none are known")],
)
def test_keys_that_a_server_could_not_read_are_a_warning(facts: dict[str, str], says: str) -> None:
    (found,) = provider_of_server(facts)
    assert found.grade == "warn"
    assert says in found.found


def test_the_settings_are_shown_with_where_they_come_from(named: Line) -> None:
    shown = named("config", "show", "-o", "json").json
    assert shown["jwt_issuer"] == {"value": ISSUER, "origin": "environment"}
    assert shown["jwt_leeway"] == {"value": 10.0, "origin": "default"}
