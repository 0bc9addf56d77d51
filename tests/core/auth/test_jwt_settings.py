"""Settings of an identity provider: what can't stand is named with its value and what would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nexus import AsyncNexus, InvalidInput
from nexus.settings import JWT_ALGORITHMS, load_settings
from tests.core.auth.provider import settings

GOOD = settings("https://login.example.com/keys")


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"jwt_jwks": "http://127.0.0.1:8080/keys"},
        {"jwt_jwks": "http://localhost/keys"},
        {"jwt_jwks": "http://[::1]:80/keys"},
        {"jwt_jwks": "keys/jwks.json"},
        {"jwt_algorithms": ["EdDSA"]},
        {"jwt_scopes": ["https://example.com/a=admin"]},
        {"jwt_leeway": 0},
        {"enable_auth": False, "session_auth_required": True},
    ],
)
def test_these_stand(more: dict[str, Any]) -> None:
    assert load_settings({**GOOD, **more}, {}).jwt_audience == "nexus-test"


@pytest.mark.parametrize(
    ("more", "field", "says"),
    [
        ({"jwt_issuer": None}, "jwt_issuer", "is missing"),
        ({"jwt_audience": None}, "jwt_audience", "set jwt_issuer, jwt_audience and jwt_jwks"),
        ({"jwt_jwks": None}, "jwt_jwks", "is missing"),
        ({"jwt_issuer": " "}, "jwt_issuer", "a text"),
        ({"enable_auth": False}, "jwt_issuer", "set enable_auth"),
        ({"jwt_jwks": "http://login.example.com/keys"}, "jwt_jwks", "https"),
        ({"jwt_jwks": "http://127.0.0.1.example.com/keys"}, "jwt_jwks", "https"),
        ({"jwt_jwks": "ftp://127.0.0.1/keys"}, "jwt_jwks", "https address"),
        ({"jwt_jwks": "https://"}, "jwt_jwks", "https address"),
        ({"jwt_jwks": "https://[::1/keys"}, "jwt_jwks", "no address"),
        ({"jwt_jwks": "https://me:hunter2@login.example.com/keys"}, "jwt_jwks", "neither user nor password"),
        ({"jwt_algorithms": ["RS256", "none"]}, "jwt_algorithms", "never taken"),
        ({"jwt_algorithms": ["HS256"]}, "jwt_algorithms", "whoever reads the JWKS could sign"),
        ({"jwt_algorithms": ["RS255"]}, "jwt_algorithms", "RS255 is none: use RS256"),
        ({"jwt_algorithms": []}, "jwt_algorithms", "an empty list"),
        ({"jwt_actor_claim": ""}, "jwt_actor_claim", "sub"),
        ({"jwt_scope_claim": " "}, "jwt_scope_claim", "scope"),
        ({"jwt_namespace_claim": ""}, "jwt_namespace_claim", "must name a claim"),
        ({"jwt_scopes": ["admin"]}, "jwt_scopes", "VALUE=SCOPE"),
        ({"jwt_scopes": ["staff=root"]}, "jwt_scopes", "run, read, operate, admin"),
        ({"jwt_scopes": ["=admin"]}, "jwt_scopes", "VALUE=SCOPE"),
        ({"jwt_scopes": ["two words=admin"]}, "jwt_scopes", "VALUE=SCOPE"),
        ({"jwt_scopes": []}, "jwt_scopes", "VALUE=SCOPE"),
        ({"jwt_leeway": 301}, "jwt_leeway", "0 to 300"),
        ({"jwt_leeway": float("nan")}, "jwt_leeway", "0 to 300"),
    ],
)
def test_these_are_refused_at_the_start(more: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        AsyncNexus(**{**GOOD, **more})
    assert refused.value.details["field"] == field
    assert field in refused.value.message
    assert says in refused.value.message
    assert "hunter2" not in refused.value.message


def test_they_are_read_from_the_environment_and_the_file(tmp_path: Path) -> None:
    (tmp_path / "nexus.toml").write_text(
        'enable_auth = true\njwt_issuer = "https://a"\njwt_audience = "n"\njwt_scopes = ["ops=operate"]\n'
    )
    environ = {"NEXUS_JWT_JWKS": "keys.json", "NEXUS_JWT_ALGORITHMS": "ES256, EdDSA", "NEXUS_JWT_LEEWAY": "3"}
    made = load_settings({}, environ, tmp_path / "nexus.toml")
    assert (made.jwt_jwks, made.jwt_algorithms, made.jwt_leeway) == ("keys.json", ("ES256", "EdDSA"), 3.0)
    assert made.jwt_scopes == ("ops=operate",)


def test_no_shared_secret_is_among_the_algorithms() -> None:
    assert not [name for name in JWT_ALGORITHMS if name.startswith("HS") or name == "none"]
