"""The keys of an identity provider, from its JWKS (RFC 7517), and what each may verify (joserfc).

What can't be used is left out: shared secrets, encryption keys, unknown kinds, RSA keys under 2048 bits. Of a private
key that somebody published, the public part is used.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry
from joserfc.jws import JWSRegistry

LARGEST: Final = 256 * 1024
"""Bytes of a JWKS."""
_MOST: Final = 100
_WEAKEST_RSA: Final = 2048
_LARGEST_RSA: Final = 8192
"""More bits would make each check of a signature a burden."""
_PUBLIC: Final = ("kty", "n", "e", "crv", "x", "y")
_RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_CURVES: Final = {
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA", "Ed25519"}),
}


class JwksKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key."""

    kid: str | None
    thumbprint: str
    """What it is known by, whatever it is called (RFC 7638)."""
    algorithms: frozenset[str]
    key: Any

    def verifies(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's; never with an algorithm that isn't the key's."""
        if algorithm not in self.algorithms:
            return False
        method = JWSRegistry.algorithms[algorithm]
        try:
            method.check_key(self.key)
            return method.verify(signed, signature, self.key)
        except (JoseError, ValueError):
            return False


def read_jwks(body: bytes) -> tuple[JwksKey, ...]:
    """The usable keys of a JWKS.

    Raises:
        ValueError: It is none, or no key in it can be used; says why.
    """
    if len(body) > LARGEST:
        raise ValueError(f"over {LARGEST:,} bytes")
    try:
        document = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ValueError("no JSON") from None
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError('no JWKS: an object with a list "keys" is wanted')  # noqa: TRY004 - of a document
    if len(listed) > _MOST:
        raise ValueError(f"{len(listed):,} keys, where {_MOST} are read")
    found = tuple(key for each in listed if isinstance(each, dict) and (key := _read(each)) is not None)
    if not found:
        raise ValueError(f"none of its {len(listed)} keys can verify: RSA from 2048 bits, P-256/384/521, Ed25519")
    return found


def _read(given: Mapping[str, Any]) -> JwksKey | None:
    if given.get("use", "sig") != "sig" or "verify" not in _operations(given):
        return None
    kind, kid = given.get("kty"), given.get("kid")
    try:
        algorithms = _RSA if kind == "RSA" else _CURVES.get((str(kind), str(given.get("crv"))), frozenset())
        if isinstance(given.get("alg"), str):
            algorithms &= {given["alg"], *(("EdDSA", "Ed25519") if given["alg"] in ("EdDSA", "Ed25519") else ())}
        if not algorithms:
            return None
        if kind == "RSA" and not _WEAKEST_RSA <= _bits(given["n"]) <= _LARGEST_RSA:
            return None
        key = JWKRegistry.import_key({name: given[name] for name in _PUBLIC if name in given})
        return JwksKey(
            kid=kid if isinstance(kid, str) else None, thumbprint=key.thumbprint(), algorithms=algorithms, key=key
        )
    except (JoseError, LookupError, ValueError, TypeError, OverflowError):
        return None


def _bits(number: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(number + "=" * (-len(number) % 4))).bit_length()


def _operations(given: Mapping[str, Any]) -> Sequence[Any]:
    """What the key is for; a private key that was published signs, and its public part verifies."""
    listed = given.get("key_ops", ["verify"])
    if not isinstance(listed, list):
        return ()
    return [*listed, "verify"] if "sign" in listed else listed


def candidates(keys: Sequence[JwksKey], kid: str | None, algorithm: str) -> list[JwksKey]:
    """The keys that a token may have been signed with: those of its ``kid``, or all where it names none.

    Two keys of one name are both the provider's, so either may be the one.
    """
    return [key for key in keys if algorithm in key.algorithms and (kid is None or key.kid == kid)]
