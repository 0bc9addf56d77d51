"""Tokens of an identity provider: from the text to who somebody is and what they may do.

Whoever shows a token learns only that it lets in or not; the log says which check failed, and never the token. What has
been verified is remembered by the text's digest, so that a request costs a look-up: its times, and whether the
provider has its key still, are looked at each time.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, OrderedDict
from typing import Final

import msgspec

from nexus.auth.bearer import Bearer
from nexus.auth.jwt_keys import JwksKey
from nexus.auth.jwt_reading import (
    Claims,
    JwtRules,
    Refused,
    SignedText,
    check_times,
    read_claims,
    rules_of,
    take_apart,
)
from nexus.auth.jwt_source import KeySource, KeysState
from nexus.auth.tokens import digest_of
from nexus.errors import AuthenticationRequired, PermissionDenied, StoreUnavailable
from nexus.model.caller import Proof
from nexus.sessions.clock import Clock
from nexus.settings import Settings

_REMEMBERED: Final = 4096
_MOST_TRIED: Final = 4
"""Keys that are tried for one token: each costs the making of a check."""
_TELL_EVERY: Final = 1.0
_log = logging.getLogger("nexus.auth")


class _Verified(msgspec.Struct, frozen=True):
    claims: Claims
    thumbprint: str


class JwtVerifier:
    """One for a process; used on one event loop.

    Args:
        rules: What a token must be.
        source: Where the keys are.
        clock: Tells the time.
    """

    def __init__(self, rules: JwtRules, source: KeySource, clock: Clock) -> None:
        self._rules = rules
        self._source = source
        self._clock = clock
        self._verified: OrderedDict[str, _Verified] = OrderedDict()
        self._told: Counter[str] = Counter()
        self._told_at: dict[str, float] = {}

    async def open(self) -> None:
        """Read the keys; see ``KeySource.open``."""
        await self._source.open()

    async def close(self) -> None:
        """Read no more."""
        await self._source.close()

    def state(self) -> KeysState:
        """How things stand with the keys."""
        return self._source.state()

    async def verify(self, token: str) -> Bearer:
        """Who shows a token.

        Raises:
            AuthenticationRequired: It lets nobody in; why isn't told.
            PermissionDenied: It is good, and carries no scope of Nexus's.
            StoreUnavailable: The provider's keys are not to be had.
        """
        try:
            found = await self._known(token)
            check_times(found.claims, self._clock.now(), self._rules.leeway)
        except Refused as refused:
            self._tell(refused)
            raise AuthenticationRequired(
                "the token lets nobody in: get a new one from the identity provider", field="authorization"
            ) from None
        return self._bearer(found)

    async def stands(self, proof: Proof) -> bool:
        """Whether what a caller has shown is good still."""
        now = self._clock.now()
        return (proof.expires_at is None or now < proof.expires_at) and await self._source.knows(proof.key)

    def _bearer(self, found: _Verified) -> Bearer:
        claims = found.claims
        if claims.scope is None:
            self._tell(Refused("scope", f"{claims.actor} carries none of jwt_scopes in {self._rules.scope_claim}"))
            raise PermissionDenied(
                f"the token carries no scope of Nexus: its claim {self._rules.scope_claim[:80]} must hold one of"
                f" {', '.join(self._rules.scopes)}",
                scope="",
            )
        until = claims.expires_at + self._rules.leeway
        proof = Proof(kind="jwt", key=found.thumbprint, expires_at=until)
        return Bearer(actor=claims.actor, scope=claims.scope, namespace=claims.namespace, proof=proof)

    async def _known(self, token: str) -> _Verified:
        digest = digest_of(token)
        found = self._verified.pop(digest, None)
        if found is None or not await self._source.knows(found.thumbprint):
            found = await self._read(token)
        self._verified[digest] = found
        if len(self._verified) > _REMEMBERED:
            self._verified.popitem(last=False)
        return found

    async def _read(self, token: str) -> _Verified:
        text = take_apart(token, self._rules.algorithms)
        key = await self._key(text)
        return _Verified(read_claims(text.payload, self._rules), key.thumbprint)

    async def _key(self, text: SignedText) -> JwksKey:
        """The key that has signed it.

        Raises:
            Refused: None has.
        """
        keys = await self._source.find(text.kid, text.algorithm, worth_asking=self._worth_asking(text))
        if keys is None:
            raise StoreUnavailable(
                "the keys of the identity provider can't be had now, so that no token of its can be verified: try later"
            )
        if not keys:
            raise Refused("kid", f"the provider has no key {ascii(text.kid)[:80]} for {text.algorithm}")
        if len(keys) > _MOST_TRIED:
            raise Refused("kid", f"{len(keys)} keys may have signed it: have the provider name the key")
        for key in keys:
            if key.verifies(text.algorithm, text.signing_input, text.signature):
                return key
        raise Refused("signature", f"it isn't of the key {ascii(text.kid)[:80]}")

    def _worth_asking(self, text: SignedText) -> bool:
        """Whether it would let in if it were signed: the provider isn't asked about keys for anything else."""
        try:
            check_times(read_claims(text.payload, self._rules), self._clock.now(), self._rules.leeway)
        except Refused:
            return False
        return True

    def _tell(self, refused: Refused) -> None:
        """Say why in the log, once a second for each check however many fail."""
        now = time.monotonic()
        if now - self._told_at.get(refused.check, float("-inf")) < _TELL_EVERY:
            self._told[refused.check] += 1
            return
        more = self._told.pop(refused.check, 0)
        self._told_at[refused.check] = now
        _log.warning("a JWT was refused (%s): %s%s", refused.check, refused.told, f"; and {more} more" if more else "")


def jwt_verifier(settings: Settings, clock: Clock) -> JwtVerifier | None:
    """The verifier that the settings ask for; ``None`` where they name no identity provider."""
    rules = rules_of(settings)
    if rules is None or settings.jwt_jwks is None:
        return None
    return JwtVerifier(rules, KeySource(settings.jwt_jwks), clock)
