"""A JWT as it comes in: its form, its header and its claims, checked one by one. Pure, and without keys.

The compact form of a signed token (RFC 7519 in RFC 7515) is read and nothing else: an encrypted one, a nested one, and
one with extensions that must be understood (``crit``) are refused. Header members that say where a key is to be had
(``jku``, ``x5u``, ``jwk``, ``x5c``) are not looked at: keys come from the settings' place alone (``jwt_source``).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn
from urllib.parse import quote

import msgspec

from nexus.errors import InvalidInput
from nexus.model.namespace import DEFAULT, check_namespace
from nexus.model.token import SCOPES, Scope
from nexus.settings import Settings

LONGEST: Final = 8192
"""Characters of a token: nothing longer is parsed."""
_LONGEST_KID: Final = 256
_LONGEST_NAME: Final = 255
_FORM: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)
_ENCRYPTED: Final = 5
_TYPES: Final = frozenset({"jwt", "at+jwt"})
"""Other kinds of tokens (of logout, of proof …) are signed by the same keys, and mean something else."""
_UNREADABLE: Final = ("b64", "zip", "enc")
_LATEST: Final = 1e12
_PLAIN: Final = "-._~@|:/+="
ACTOR_PREFIX: Final = "jwt:"
"""No token of Nexus's own has a name with a colon, and local users are ``local:NAME``."""


class Refused(Exception):
    """A token doesn't let in.

    Args:
        check: The one that it failed; for the log alone.
        told: What was wrong, for the log alone.
    """

    def __init__(self, check: str, told: str) -> None:
        super().__init__(f"{check}: {told}")
        self.check = check
        self.told = told


class JwtRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a token must be, as the settings say."""

    issuer: str
    audience: str
    algorithms: frozenset[str]
    actor_claim: str
    scope_claim: str
    scopes: Mapping[str, Scope]
    namespace_claim: str | None
    """``None``: all act in the default namespace."""
    leeway: float


class SignedText(msgspec.Struct, frozen=True, kw_only=True):
    """A token taken apart; nothing in it is known to be true."""

    algorithm: str
    kid: str | None
    signing_input: bytes
    signature: bytes
    payload: bytes


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says, checked but for its times, which are checked with each use."""

    actor: str
    scope: Scope | None
    """``None``: it carries none of Nexus's."""
    namespace: str
    not_before: float
    expires_at: float


def rules_of(settings: Settings) -> JwtRules | None:
    """What the settings ask of a token; ``None`` where they name no identity provider."""
    if settings.jwt_issuer is None or settings.jwt_audience is None:
        return None
    scopes: dict[str, Scope] = {}
    for rule in settings.jwt_scopes:
        value, _, name = rule.rpartition("=")
        scopes[value] = next(scope for scope in SCOPES if scope == name)
    return JwtRules(
        issuer=settings.jwt_issuer, audience=settings.jwt_audience, algorithms=frozenset(settings.jwt_algorithms),
        actor_claim=settings.jwt_actor_claim, scope_claim=settings.jwt_scope_claim, scopes=scopes,
        leeway=settings.jwt_leeway, namespace_claim=settings.jwt_namespace_claim,
    )  # fmt: skip


def take_apart(token: str, algorithms: frozenset[str]) -> SignedText:
    """Read a token's form and header.

    Raises:
        Refused: It is too long, is none, or asks for what isn't done.
    """
    if len(token) > LONGEST:
        raise Refused("size", f"{len(token):,} characters, where {LONGEST:,} are read")
    found = _FORM.fullmatch(token)
    if found is None:
        if token.count(".") == _ENCRYPTED - 1:
            raise Refused("form", "it is encrypted: have the provider sign tokens only")
        raise Refused("form", "it is no signed token of three parts")
    header = _object(_decoded(found[1], "header"), "header")
    return SignedText(
        algorithm=_algorithm(header, algorithms), kid=_kid(header), signature=_decoded(found[3], "signature"),
        signing_input=f"{found[1]}.{found[2]}".encode("ascii"), payload=_decoded(found[2], "payload"),
    )  # fmt: skip


def _algorithm(header: Mapping[str, Any], algorithms: frozenset[str]) -> str:
    if "crit" in header:
        raise Refused("crit", "it has extensions that must be understood, and none is")
    for name in _UNREADABLE:
        if name in header:
            raise Refused("header", f"{name} is not read")
    if "cty" in header:
        raise Refused("header", "cty: a token inside a token is not read")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _TYPES:
        raise Refused("typ", f"{_short(kind)} is not JWT or at+jwt")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise Refused("alg", f"{_short(algorithm)} is not in jwt_algorithms")
    return algorithm


def _kid(header: Mapping[str, Any]) -> str | None:
    kid = header.get("kid")
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= _LONGEST_KID):
        raise Refused("kid", f"it is no text of 1 to {_LONGEST_KID} characters")
    return kid


def read_claims(payload: bytes, rules: JwtRules) -> Claims:
    """Check what a token says of itself.

    Raises:
        Refused: A claim is missing, malformed, or means somebody else.
    """
    claims = _object(payload, "payload")
    if claims.get("iss") != rules.issuer:
        raise Refused("iss", f"{_short(claims.get('iss'))} is not jwt_issuer")
    meant = claims.get("aud")
    if rules.audience not in (meant if isinstance(meant, list) else [meant]):
        raise Refused("aud", f"{_short(meant)} does not name jwt_audience")
    if "cnf" in claims:
        raise Refused("cnf", "it is bound to a key of its bearer, which is not asked for here")
    issued = _time(claims, "iat", 0.0)
    return Claims(
        actor=_actor(claims, rules.actor_claim), scope=_scope(claims, rules), expires_at=_time(claims, "exp"),
        not_before=max(issued, _time(claims, "nbf", 0.0)), namespace=_namespace(claims, rules.namespace_claim),
    )  # fmt: skip


def check_times(claims: Claims, now: float, leeway: float) -> None:
    """Whether it is good at this moment.

    Raises:
        Refused: It has expired, or was issued or begins later than now.
    """
    if claims.expires_at + leeway <= now:
        raise Refused("exp", f"it expired {now - claims.expires_at:.0f} s ago")
    if claims.not_before - leeway > now:
        raise Refused("nbf", f"it begins or was issued {claims.not_before - now:.0f} s from now: compare clocks")


def _time(claims: Mapping[str, Any], name: str, missing: float | None = None) -> float:
    value = claims.get(name, missing)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LATEST:
        raise Refused(name, "it is missing" if value is None else "it is no time in seconds")
    return float(value)


def _actor(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise Refused("actor", f"the claim {name} is missing or no text")
    try:
        # Whatever a provider lets into a name, the actor stays one printable word, and two never become one.
        actor = ACTOR_PREFIX + quote(value, safe=_PLAIN)
    except UnicodeEncodeError:
        raise Refused("actor", f"the claim {name} is no Unicode text") from None
    if len(actor) > _LONGEST_NAME:
        raise Refused("actor", f"the claim {name} makes a name of over {_LONGEST_NAME} characters")
    return actor


def _scope(claims: Mapping[str, Any], rules: JwtRules) -> Scope | None:
    value = _claim(claims, rules.scope_claim)
    words: Sequence[Any] = value.split(" ") if isinstance(value, str) else value if isinstance(value, list) else ()
    granted = {rules.scopes[word] for word in words if isinstance(word, str) and word in rules.scopes}
    # A bearer of run and read is neither given what only operate allows, nor others' sessions to see: run is the less.
    return next((scope for scope in ("admin", "operate", "run", "read") if scope in granted), None)


def _namespace(claims: Mapping[str, Any], name: str | None) -> str:
    """Where it acts; where a claim is to say that, a token without it lets in nowhere."""
    if name is None:
        return DEFAULT
    try:
        return check_namespace(_claim(claims, name))
    except InvalidInput:
        raise Refused("namespace", f"the claim {name} is missing, or no name of a namespace") from None


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of that name, or the member that a name with dots leads to (``realm_access.roles``)."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _decoded(part: str, what: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Refused("form", f"its {what} is no base64url") from None


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused("form", f"its {what} is no JSON, or says something twice") from None
    if not isinstance(value, dict):
        raise Refused("form", f"its {what} is no JSON object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values for one name, somebody else may have checked the other."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name is given twice")
    return value


def _no_constant(_: str) -> NoReturn:
    raise ValueError("no JSON number")


def _short(value: object) -> str:
    return ascii(value)[:80]
