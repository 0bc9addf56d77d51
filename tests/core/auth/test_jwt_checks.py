"""Tokens of an identity provider: which let in, and every way of forging or misusing one that doesn't."""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from nexus import AsyncNexus, AuthenticationRequired, PermissionDenied
from nexus.auth.jwt_keys import read_jwks
from nexus.auth.jwt_reading import LONGEST
from nexus.local import LocalService
from nexus.testing import FakeClock
from tests.core.auth.provider import AUDIENCE, ISSUER, NOW, b64, claims, jwks, key, settings, signed, token

RSA, EC, OKP = key("rsa", "RSA"), key("one"), key("okp", "OKP")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
async def app(tmp_path: Path, clock: FakeClock) -> AsyncIterator[AsyncNexus]:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(jwks(EC, RSA, OKP)))
    async with AsyncNexus(clock=clock, **settings(str(path), jwt_leeway=0)) as opened:
        yield opened


async def let_in(app: AsyncNexus, secret: str) -> tuple[str, str]:
    caller = await app.caller_of_token(secret, "api")
    return caller.actor, caller.scope


@pytest.mark.parametrize(
    ("by", "algorithm"),
    [(EC, "ES256"), (RSA, "RS256"), (RSA, "RS512"), (RSA, "PS256"), (OKP, "EdDSA"), (OKP, "Ed25519")],
)
async def test_a_signed_token_lets_its_bearer_in(app: AsyncNexus, by: Any, algorithm: str) -> None:
    secret = token(by, algorithm=algorithm)
    assert await let_in(app, secret) == ("jwt:ann", "run")
    assert await let_in(app, secret) == ("jwt:ann", "run")


async def test_own_tokens_let_in_beside_it(app: AsyncNexus) -> None:
    made = await LocalService(app.parts, app.local_caller("cli")).create_token("ann", "read")
    assert await let_in(app, made.secret) == ("ann", "read")
    assert await let_in(app, token()) == ("jwt:ann", "run")


def unsigned() -> str:
    return f"{b64(json.dumps({'alg': 'none'}).encode())}.{b64(json.dumps(claims()).encode())}."


def by_public_key(of: Any) -> str:
    """Signed by HMAC with what everybody can read."""
    header = json.dumps({"alg": "HS256", "kid": of.kid}).encode()
    start = f"{b64(header)}.{b64(json.dumps(claims()).encode())}"
    return f"{start}.{b64(hmac.digest(of.as_pem(private=False), start.encode(), 'sha256'))}"


def swapped_payload() -> str:
    head, _, signature = token().split(".")
    return f"{head}.{b64(json.dumps(claims(scope='nexus:admin')).encode())}.{signature}"


def embedded(by: Any, **where: Any) -> str:
    """Signed by a key that the token itself brings."""
    return token(by, header={"kid": EC.kid, **where})


STRANGER = key("stranger")
FORGED: dict[str, tuple[str, Any]] = {
    "no algorithm": ("form", unsigned),
    "no algorithm, with a signature": (
        "alg", lambda: unsigned() + "AAAA",
    ),
    "none in other letters": ("alg", lambda: token(header={"alg": "nOnE"})),
    "HMAC with the public key (RSA)": ("alg", lambda: by_public_key(RSA)),
    "HMAC with the public key (EC)": ("alg", lambda: by_public_key(EC)),
    "another key": ("signature", lambda: token(STRANGER, header={"kid": EC.kid})),
    "another algorithm of its key": ("signature", lambda: token(RSA, header={"alg": "PS256"}, algorithm="RS256")),
    "an algorithm that isn't the key's": ("kid", lambda: token(RSA, algorithm="RS256", header={"kid": EC.kid})),
    "an unknown key": ("kid", lambda: token(STRANGER)),
    "a key's name that is a path": ("kid", lambda: token(header={"kid": "../../../../dev/null"})),
    "a key's name that is SQL": ("kid", lambda: token(header={"kid": "one' OR '1'='1"})),
    "a key's name that is no text": ("kid", lambda: token(header={"kid": ["one"]})),
    "an endless key's name": ("kid", lambda: token(header={"kid": "k" * 300})),
    "its own key": ("signature", lambda: embedded(STRANGER, jwk=STRANGER.as_dict(private=False))),
    "its own place of keys": ("signature", lambda: embedded(STRANGER, jku="http://127.0.0.1:1/jwks")),
    "its own certificate": ("signature", lambda: embedded(STRANGER, x5u="http://127.0.0.1:1/c.pem", x5c=["AA"])),
    "extensions": ("crit", lambda: token(header={"crit": ["exp"]})),
    "no extensions": ("crit", lambda: token(header={"crit": []})),
    "an unencoded payload": ("header", lambda: token(header={"b64": False})),
    "a packed payload": ("header", lambda: token(header={"zip": "DEF"})),
    "a token in it": ("header", lambda: token(header={"cty": "JWT"})),
    "a token for another purpose": ("typ", lambda: token(header={"typ": "logout+jwt"})),
    "encryption": ("form", lambda: "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AA.AA.AA.AA"),
    "another payload": ("signature", swapped_payload),
    "a cut signature": ("signature", lambda: token()[:-8]),
    "padding": ("form", lambda: token() + "="),
    "a line's end": ("form", lambda: token() + "\n"),
    "letters that aren't ASCII": ("form", lambda: token() + "é"),
    "two parts": ("form", lambda: token().rpartition(".")[0]),
    "no header": ("form", lambda: "." + token().partition(".")[2]),
    "a header that is a list": ("form", lambda: f"{b64(b'[]')}.e30.AA"),
    "a deep header": ("form", lambda: f"{b64(b'[' * 3000)}.e30.AA"),
    "a name that is given twice": (
        "form", lambda: signed(b'{"iss":"x","iss":"y"}', {"alg": "ES256", "kid": EC.kid}, EC),
    ),
    "a number that is none": (
        "form", lambda: signed(b'{"exp":NaN}', {"alg": "ES256", "kid": EC.kid}, EC),
    ),
    "a payload that is no object": ("form", lambda: signed(b"17", {"alg": "ES256", "kid": EC.kid}, EC)),
    "too long": ("size", lambda: token(sub="x" * LONGEST)),
    "a megabyte": ("size", lambda: "a." * (1 << 19)),
    "another issuer": ("iss", lambda: token(iss="https://evil.example.com")),
    "the issuer with a slash": ("iss", lambda: token(iss=ISSUER + "/")),
    "no issuer": ("iss", lambda: token(iss=...)),
    "another audience": ("aud", lambda: token(aud="other")),
    "other audiences": ("aud", lambda: token(aud=["other", AUDIENCE.upper()])),
    "no audience": ("aud", lambda: token(aud=...)),
    "the end of its time": ("exp", lambda: token(exp=NOW)),
    "no end": ("exp", lambda: token(exp=...)),
    "an end that is text": ("exp", lambda: token(exp=str(NOW + 60))),
    "an end that is true": ("exp", lambda: token(exp=True)),
    "an end beyond all time": ("exp", lambda: token(exp=10**400)),
    "a later beginning": ("nbf", lambda: token(nbf=NOW + 60)),
    "an issue in the future": ("nbf", lambda: token(iat=NOW + 60)),
    "an issue that is no time": ("iat", lambda: token(iat="yesterday")),
    "a bearer's own key": ("cnf", lambda: token(cnf={"jkt": "x"})),
    "no name": ("actor", lambda: token(sub=...)),
    "an empty name": ("actor", lambda: token(sub="")),
    "a name that is a number": ("actor", lambda: token(sub=17)),
    "half a character": ("actor", lambda: token(sub="\ud800")),
    "an endless name": ("actor", lambda: token(sub="x" * 300)),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_or_misused_token_lets_nobody_in(
    app: AsyncNexus, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    check, make = FORGED[name]
    secret = make()
    with caplog.at_level(logging.DEBUG), pytest.raises(AuthenticationRequired) as refused:
        await app.caller_of_token(secret, "api")
    # The client learns only that; the log says which check, and nothing of the token.
    assert refused.value.message == "the token lets nobody in: get a new one from the identity provider"
    (told,) = [record.getMessage() for record in caplog.records if record.name == "nexus.auth"]
    assert told.startswith(f"a JWT was refused ({check}): ")
    assert len(told) < 300
    assert not [part for part in secret.split(".") if len(part) > 20 and part[:20] in caplog.text]


async def test_a_token_is_good_from_its_beginning_to_its_end(app: AsyncNexus, clock: FakeClock) -> None:
    secret = token(nbf=NOW + 10, exp=NOW + 20)
    for now, good in ((9, False), (10, True), (19, True), (20, False)):
        clock.advance(NOW + now - clock.now())
        if good:
            assert await let_in(app, secret) == ("jwt:ann", "run")
        else:
            with pytest.raises(AuthenticationRequired):
                await let_in(app, secret)


async def test_leeway_is_for_clocks_that_differ(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps(jwks(EC)))
    async with AsyncNexus(clock=clock, **settings(str(tmp_path / "jwks.json"), jwt_leeway=30)) as app:
        for good in (token(exp=NOW - 29), token(nbf=NOW + 30), token(iat=NOW + 30)):
            assert await let_in(app, good) == ("jwt:ann", "run")
        for late in (token(exp=NOW - 30), token(nbf=NOW + 31), token(iat=NOW + 31)):
            with pytest.raises(AuthenticationRequired):
                await let_in(app, late)


@pytest.mark.parametrize(
    ("granted", "scope"),
    [
        ("nexus:read", "read"),
        ("openid  nexus:operate profile", "operate"),
        (["nexus:run", "nexus:admin", 5], "admin"),
        ("nexus:read nexus:run", "run"),
        ("nexus:operate nexus:read", "operate"),
    ],
)
async def test_of_several_scopes_the_widest_counts(app: AsyncNexus, granted: Any, scope: str) -> None:
    assert await let_in(app, token(scope=granted)) == ("jwt:ann", scope)


@pytest.mark.parametrize("granted", [..., "", "admin", "nexus:root", "NEXUS:ADMIN", {"nexus:admin": True}, 7, None, []])
async def test_who_has_no_scope_is_known_and_may_do_nothing(app: AsyncNexus, granted: Any) -> None:
    with pytest.raises(PermissionDenied, match="nexus:run, nexus:read"):
        await let_in(app, token(scope=granted))


async def test_claims_and_their_values_are_the_settings(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps(jwks(EC)))
    given = settings(
        str(tmp_path / "jwks.json"), jwt_actor_claim="email", jwt_scope_claim="realm_access.roles",
        jwt_scopes=["staff=read", "a=b=admin"], jwt_algorithms=["ES256"],
    )  # fmt: skip
    async with AsyncNexus(clock=clock, **given) as app:
        roles: dict[str, Any] = {
            "realm_access": {"roles": ["a=b"]},
            "email": "ann@example.com",
            "scope": "nexus:operate",
        }
        assert await let_in(app, token(**roles)) == ("jwt:ann@example.com", "admin")
        exact: dict[str, Any] = {"realm_access.roles": "staff", "email": "ann@example.com"}
        assert await let_in(app, token(**exact)) == ("jwt:ann@example.com", "read")
        with pytest.raises(PermissionDenied, match=r"realm_access\.roles"):
            await let_in(app, token(email="ann@example.com"))


async def test_a_claim_says_in_which_namespace_its_bearer_acts(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps(jwks(EC)))
    given = settings(str(tmp_path / "jwks.json"), jwt_namespace_claim="org.name")
    async with AsyncNexus(clock=clock, **given) as app:
        for claim, namespace in (({"name": "acme"}, "acme"), ({"name": "default"}, "default")):
            assert (await app.parts.verifier.identify(token(org=claim))).namespace == namespace
        for wrong in (..., {}, {"name": ""}, {"name": "../acme"}, {"name": ["acme"]}, {"name": None}):
            with pytest.raises(AuthenticationRequired):
                await app.parts.verifier.identify(token(org=wrong))


NAMES = [
    "ann",
    "local:root",
    "system:host",
    "jwt:ann",
    "auth0|5f7c",
    "a b",
    "a%20b",
    "å",
    "*",
    "x" * 250,
    "a\nb",
    "<b>",
]


async def test_names_are_words_of_their_own_and_never_meet(app: AsyncNexus) -> None:
    """Sessions of one are there for that one alone, whatever the provider lets into a name."""
    made = {}
    own = await LocalService(app.parts, app.local_caller("cli")).create_token("ann", "run")
    for name, secret in [*((each, token(sub=each)) for each in NAMES), ("own", own.secret)]:
        caller = await app.caller_of_token(secret, "api")
        service = app.service(caller)
        session = await service.create_session()
        assert session.owner == caller.actor
        assert caller.actor.isprintable()
        assert caller.actor.isascii()
        assert [each.id for each in (await service.list_sessions()).items] == [session.id]
        made[name] = caller.actor
    assert len(set(made.values())) == len(NAMES) + 1
    assert all(actor.startswith("jwt:") for name, actor in made.items() if name != "own")


async def test_the_audit_names_who_came_by_the_provider(app: AsyncNexus) -> None:
    service = app.service(await app.caller_of_token(token(scope="nexus:operate"), "api"))
    session = await service.create_session()
    await service.end_session(session.id)
    admin = LocalService(app.parts, app.local_caller("cli"))
    records = (await admin.audit("actor:jwt:ann")).items
    assert [(record.action, record.target) for record in records] == [("create", session.id), ("end", session.id)]


async def test_the_library_takes_it_as_auth_token(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps(jwks(EC)))
    given = settings(str(tmp_path / "jwks.json"), enable_auth=False, session_auth_required=True)
    async with AsyncNexus(clock=clock, **given) as app:
        session_id = await app.create_session(auth_token=token())
        assert (await app.get_session(session_id)).owner == "jwt:ann"
        for wrong in (None, token(STRANGER)):
            with pytest.raises(AuthenticationRequired) as refused:
                await app.create_session(auth_token=wrong)
            assert refused.value.details["field"] == "auth_token"
        with pytest.raises(PermissionDenied):
            await app.create_session(auth_token=token(scope="nexus:read"))


async def test_two_keys_of_one_name_are_both_the_providers(tmp_path: Path, clock: FakeClock) -> None:
    other, third = key("other"), key("third", "RSA")
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [{**each, "kid": "same"} for each in jwks(EC, other, third)["keys"]]}))
    async with AsyncNexus(clock=clock, **settings(str(path))) as app:
        for by, algorithm in ((EC, "ES256"), (other, "ES256"), (third, "RS256")):
            assert await let_in(app, token(by, algorithm=algorithm, header={"kid": "same"})) == ("jwt:ann", "run")
        with pytest.raises(AuthenticationRequired):
            await let_in(app, token(STRANGER, header={"kid": "same"}))


async def test_a_token_that_names_no_key_is_tried_with_few(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(jwks(EC, key("other"))))
    async with AsyncNexus(clock=clock, **settings(str(path))) as app:
        assert await let_in(app, token(header={"kid": ...})) == ("jwt:ann", "run")
    path.write_text(json.dumps(jwks(EC, *(key(f"more-{number}") for number in range(4)))))
    async with AsyncNexus(clock=clock, **settings(str(path))) as app:
        with pytest.raises(AuthenticationRequired):
            await let_in(app, token(header={"kid": ...}))
        assert await let_in(app, token()) == ("jwt:ann", "run")


def small_rsa() -> dict[str, Any]:
    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()  # noqa: S505 - to be refused
    return {"kty": "RSA", "e": "AQAB", "n": b64(numbers.n.to_bytes(128))}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("a shared secret", {"kty": "oct", "k": b64(b"0" * 32), "alg": "HS256"}),
        ("a key for encryption", {**EC.as_dict(private=False), "use": "enc"}),
        ("a key that may only encrypt", {**RSA.as_dict(private=False), "key_ops": ["encrypt"]}),
        ("an algorithm for encryption", {**RSA.as_dict(private=False), "alg": "RSA-OAEP"}),
        ("a shared secret's algorithm", {**RSA.as_dict(private=False), "alg": "HS256"}),
        ("a weak key", small_rsa()),
        ("a point that isn't on the curve", {**EC.as_dict(private=False), "y": b64(b"1" * 32)}),
        ("an unknown kind", {"kty": "AKP", "pub": "AA"}),
        ("no kind", {"n": "AA"}),
        ("a kind that is no text", {"kty": ["RSA"]}),
        ("half a key", {"kty": "RSA", "e": "AQAB"}),
        ("an unknown curve", {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_keys_that_can_not_verify_are_left_out(name: str, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="none of its 1 keys"):
        read_jwks(json.dumps({"keys": [given]}).encode())
    kept = read_jwks(json.dumps({"keys": [given, EC.as_dict(private=False), "x", None]}).encode())
    assert [each.thumbprint for each in kept] == [EC.thumbprint()]


def test_of_a_published_private_key_the_public_part_is_used() -> None:
    (found,) = read_jwks(json.dumps({"keys": [{**EC.as_dict(private=True), "key_ops": ["sign"]}]}).encode())
    assert not found.key.is_private


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"keys": {}}', b'{"keys": []}', b"\xff", b"[" * 9000, b" " * 300_000]
)
def test_what_is_no_jwks_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what it says is for people
        read_jwks(body)
