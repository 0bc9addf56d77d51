"""Tokens and keys of an identity provider: any text is refused by name, and only what was signed lets in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import strategies as st

from nexus.auth.jwt_keys import read_jwks
from nexus.auth.jwt_reading import rules_of
from nexus.auth.jwt_source import KeySource
from nexus.auth.jwt_verifier import JwtVerifier
from nexus.errors import InvalidInput
from nexus.settings import load_settings
from nexus.testing import FakeClock
from tests.core.auth.provider import AUDIENCE, ISSUER, NOW, jwks, key, settings, signed, token
from tests.fuzz.fuzzing import bounded, fuzz, mutated

KEYS = json.dumps(jwks(key("one"), key("rsa", "RSA"), key("okp", "OKP"))).encode()
GOOD = [
    token(),
    token(key("rsa", "RSA"), algorithm="RS256", aud=["a", AUDIENCE], nbf=NOW - 5),
    token(key("okp", "OKP"), algorithm="EdDSA", header={"typ": "JWT", "x5u": "http://127.0.0.1:1/"}),
]
TRULY_SIGNED = {each.rpartition(".")[0] for each in GOOD}


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture(scope="module")
def verifier(loop: asyncio.AbstractEventLoop, tmp_path_factory: pytest.TempPathFactory) -> JwtVerifier:
    path = tmp_path_factory.mktemp("fuzz") / "jwks.json"
    path.write_bytes(KEYS)
    rules = rules_of(load_settings(settings(str(path)), {}))
    assert rules is not None
    made = JwtVerifier(rules, KeySource(str(path)), FakeClock(NOW))
    loop.run_until_complete(made.open())
    return made


@fuzz(80, mutated([each.encode() for each in GOOD], most=2).map(lambda data: data.decode("latin-1")) | st.text())
def test_only_what_was_signed_lets_in(loop: asyncio.AbstractEventLoop, verifier: JwtVerifier, text: str) -> None:
    with bounded("JWT"):
        found = loop.run_until_complete(verifier.verify(text))
        assert text.rpartition(".")[0] in TRULY_SIGNED
        assert found.actor == "jwt:ann"


VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
    | st.sampled_from([ISSUER, AUDIENCE, "one", "ES256", "JWT", "nexus:admin", NOW + 60]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
HEADERS = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "cty", "crit", "jwk", "jku", "x5u", "x5c", "b64", "zip", "enc"]), VALUES
)
CLAIMS = st.dictionaries(
    st.sampled_from(["iss", "aud", "sub", "exp", "nbf", "iat", "scope", "cnf", "realm_access", "jti"]), VALUES
)


@fuzz(80, HEADERS, CLAIMS)
def test_signed_nonsense_lets_in_only_whom_it_names(
    loop: asyncio.AbstractEventLoop, verifier: JwtVerifier, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    given = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": NOW + 60, "scope": "nexus:run", **claims}
    head = {"alg": "ES256", "kid": "one", **header}
    text = signed(json.dumps(given).encode("utf-8", "surrogatepass"), head, key("one"), "ES256")
    with bounded("signed JWT"):
        found = loop.run_until_complete(verifier.verify(text))
        assert (head["alg"], given["iss"]) == ("ES256", ISSUER)
        assert AUDIENCE in given["aud"]
        assert given["exp"] > NOW - 10
        assert "crit" not in head
        assert found.actor.startswith("jwt:")
        assert found.actor.isprintable()


@fuzz(80, mutated([KEYS]) | st.binary(max_size=200))
def test_any_jwks_is_read_or_refused(body: bytes) -> None:
    with bounded("JWKS"):
        try:
            found = read_jwks(body)
        except ValueError as error:
            raise InvalidInput(str(error)) from None
        assert all(each.algorithms and not each.key.is_private for each in found)
