"""The verifier: from a secret to the token that it shows, for every door alike.

What the store keeps is read again once a second, so that a request costs a look-up in memory, and a token that is
revoked anywhere lets nobody in two seconds later, wherever it is tried. A secret that isn't known is looked for in
what the store has now, some times a second at most, so that a token is good from the moment it was made. Nobody is let
in on what could not be read.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from nexus.auth.bearer import Bearer
from nexus.auth.tokens import Tokens, digest_of
from nexus.errors import AuthenticationRequired, NexusError
from nexus.model.caller import Proof
from nexus.model.token import Token
from nexus.sessions.clock import Clock

if TYPE_CHECKING:
    from nexus.auth.jwt_verifier import JwtVerifier

FRESH: Final = 1.0
"""Seconds for which what was read is believed."""
LETS_NOBODY_IN: Final = "the token is unknown, revoked or expired: get another with nexus tokens create"
_UNKNOWN: Final = 0.1
"""Seconds between two looks for secrets that aren't known."""
_USE_EVERY: Final = 60.0
_ONCE_GOOD: Final = 1000
"""Revoked tokens that are told from guesses, which wait; the oldest are forgotten first."""
_log = logging.getLogger("nexus.auth")


class Verifier:
    """One for a process and a store; used on one event loop.

    Args:
        tokens: The store's.
        clock: Tells the time.
        jwt: For tokens of an identity provider, where there is one.
    """

    def __init__(self, tokens: Tokens, clock: Clock, jwt: JwtVerifier | None = None) -> None:
        self._tokens = tokens
        self._clock = clock
        self.jwt = jwt
        self._known: dict[str, Token] = {}
        self._revoked: OrderedDict[str, None] = OrderedDict()
        self._read_at = float("-inf")
        self._changes = -1
        self._reading = asyncio.Lock()
        self._noted: dict[str, float] = {}
        self._noting: set[asyncio.Task[None]] = set()

    async def identify(self, secret: str) -> Bearer:
        """Who shows a secret: a token of the store's, or one of the identity provider's.

        Raises:
            AuthenticationRequired: It lets nobody in; why isn't told.
            PermissionDenied: The provider's token is good, and carries no scope.
            StoreUnavailable: The tokens, or the provider's keys, can't be read.
        """
        # Secrets made here have no dot, and a JWT has two at least.
        if self.jwt is not None and "." in secret:
            return await self.jwt.verify(secret)
        token = await self.verify(secret)
        proof = Proof(kind="token", key=token.digest, expires_at=token.expires_at)
        return Bearer(actor=token.name, scope=token.scope, namespace=token.namespace, proof=proof)

    async def stands(self, proof: Proof) -> bool:
        """Whether what a caller has shown is good still; one that was revoked is not within two seconds.

        Raises:
            StoreUnavailable: It can't be told.
        """
        if proof.kind == "jwt":
            return self.jwt is not None and await self.jwt.stands(proof)
        token = (await self._current(FRESH)).get(proof.key)
        return token is not None and not token.is_over(self._clock.now())

    async def open(self) -> None:
        """Read what letting in takes besides the store.

        Raises:
            InvalidInput: The setting ``jwt_jwks`` names a file without keys.
        """
        if self.jwt is not None:
            await self.jwt.open()

    async def verify(self, secret: str) -> Token:
        """The token that a secret shows.

        Raises:
            AuthenticationRequired: It shows none: unknown, revoked or expired; which one isn't told.
            StoreUnavailable: The tokens can't be read.
        """
        digest = digest_of(secret)
        token = (await self._current(FRESH)).get(digest) or await self._look_again(digest)
        now = self._clock.now()
        if token is None or token.is_over(now):
            error = AuthenticationRequired(LETS_NOBODY_IN, field="authorization")
            error.guessed = token is None and digest not in self._revoked
            raise error
        self._note(token, now)
        return token

    async def _look_again(self, digest: str) -> Token | None:
        """For one that isn't known: in what the store has after this moment, and not at once for every guess."""
        await asyncio.sleep(max(0.0, self._read_at + _UNKNOWN - asyncio.get_running_loop().time()))
        return (await self._current(_UNKNOWN)).get(digest)

    async def _current(self, oldest: float) -> dict[str, Token]:
        if self._is_old(oldest):
            async with self._reading:
                if self._is_old(oldest):
                    begun, changes = asyncio.get_running_loop().time(), self._tokens.changes
                    known = {token.digest: token for token in await self._tokens.all()}
                    self._revoked.update(dict.fromkeys(self._known.keys() - known.keys()))
                    while len(self._revoked) > _ONCE_GOOD:
                        self._revoked.popitem(last=False)
                    self._known = known
                    self._read_at, self._changes = begun, changes
        return self._known

    def _is_old(self, oldest: float) -> bool:
        age = asyncio.get_running_loop().time() - self._read_at
        return age >= oldest or self._changes != self._tokens.changes

    def _note(self, token: Token, now: float) -> None:
        if now - self._noted.get(token.digest, token.last_used_at or 0.0) < _USE_EVERY:
            return
        self._noted[token.digest] = now
        task = asyncio.create_task(self._write_down(token, now), name="nexus-token-use")
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _write_down(self, token: Token, now: float) -> None:
        try:
            await self._tokens.note_use(token, now)
        except NexusError as error:
            _log.warning("the use of token %s could not be noted: %s", token.name, error)

    async def close(self) -> None:
        """Finish what is being written down."""
        if self.jwt is not None:
            await self.jwt.close()
        for task in tuple(self._noting):
            with contextlib.suppress(asyncio.CancelledError):
                await task
