"""Where the keys of an identity provider come from: a file or an address, read again while it is used.

An address is read again every five minutes, and for a token that names an unknown key once in ten seconds at most,
however many such tokens come: so a new key is found when it is first used, and garbage makes no flood of requests.
A file is looked at once a second. Those who wait for the same reading share it.

What was read last stays in force while nothing better can be had, for ``OLDEST`` at most; ``state`` says so. Only
``https`` is followed, or ``http`` on this machine (``settings`` sees to that), never a redirection.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from nexus.auth.jwt_keys import LARGEST, JwksKey, candidates, read_jwks
from nexus.errors import InvalidInput

OLDEST: Final = 6 * 3600.0
"""Seconds for which keys are believed that could not be read again."""
PATIENCE: Final = 5.0
"""Seconds that an address has to answer, all in all."""
_EARLY: Final = 0.8
"""Part of the time after which keys are read again without anybody waiting for them."""
_log = logging.getLogger("nexus.auth")
Clock = Callable[[], float]
Stamp = tuple[int, int, int]
"""What a file is known by: when it was changed, its size and its inode."""


class _Pace(msgspec.Struct, frozen=True):
    """Seconds between two readings."""

    usual: float
    unknown: float
    """For a key that isn't known."""
    failing: float


_ADDRESS: Final = _Pace(300.0, 10.0, 30.0)
_FILE: Final = _Pace(1.0, 1.0, 1.0)


class KeysState(msgspec.Struct, frozen=True, kw_only=True):
    """How things stand with the keys."""

    keys: int
    age: float | None
    """Seconds since they were read; ``None``: never."""
    problem: str | None
    """Why they could not be read the last time."""

    @property
    def word(self) -> str:
        """``current``, ``kept`` (from an earlier reading) or ``missing``."""
        return "missing" if not self.keys else "kept" if self.problem else "current"


class KeySource:
    """One for a process; used on one event loop, and reads on threads.

    Args:
        where: A path or an address.
        clock: Seconds on a clock that only goes forward.
    """

    def __init__(self, where: str, clock: Clock = time.monotonic) -> None:
        self.where = where
        self._is_address = "://" in where
        self._pace = _ADDRESS if self._is_address else _FILE
        self._clock = clock
        self._keys: tuple[JwksKey, ...] = ()
        self._prints: frozenset[str] = frozenset()
        self._tried_at = float("-inf")
        self._good_at = float("-inf")
        self._problem: str | None = None
        self._reading: asyncio.Task[None] | None = None
        self._stamp: Stamp | None = None

    async def open(self) -> None:
        """Read for the first time.

        Raises:
            InvalidInput: It is a file, and holds no keys. An address that doesn't answer is asked again later.
        """
        await asyncio.shield(self._start())
        if self._problem is not None and not self._is_address:
            raise InvalidInput(
                f"jwt_jwks {self.where!r}: {self._problem}: give the file that holds the provider's JWKS",
                field="jwt_jwks", value=self.where,
            )  # fmt: skip

    async def find(self, kid: str | None, algorithm: str, *, worth_asking: bool) -> list[JwksKey] | None:
        """The keys that a token may have been signed with.

        Args:
            kid: What it calls its key.
            algorithm: Of its signature.
            worth_asking: Whether an unknown ``kid`` may be one that the provider has since.

        Returns:
            None at all where no keys are known, so that nobody can be told from anybody.
        """
        await self._refresh()
        found = candidates(self._usable(), kid, algorithm)
        if not found and worth_asking:
            await self._refresh_for_unknown()
            found = candidates(self._usable(), kid, algorithm)
        return found or (None if not self._usable() else found)

    async def knows(self, thumbprint: str) -> bool:
        """Whether that key is one of the provider's still."""
        await self._refresh()
        return bool(self._usable()) and thumbprint in self._prints

    def state(self) -> KeysState:
        """How things stand, without reading anything."""
        age = None if self._good_at == float("-inf") else self._clock() - self._good_at
        return KeysState(keys=len(self._usable()), age=age, problem=self._problem)

    async def close(self) -> None:
        """Wait for nothing more."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def _usable(self) -> tuple[JwksKey, ...]:
        return self._keys if self._clock() - self._good_at <= OLDEST else ()

    async def _refresh(self) -> None:
        gap = self._pace.usual if self._problem is None else self._pace.failing
        age = self._clock() - self._tried_at
        if age >= gap * _EARLY or self._reading is not None:
            reading = self._start()
            # What is known goes on letting in while the provider is away: nobody waits for it then.
            if age >= gap and not (self._problem and self._usable()):
                await asyncio.shield(reading)

    async def _refresh_for_unknown(self) -> None:
        if self._reading is not None or self._clock() - self._tried_at >= self._pace.unknown:
            await asyncio.shield(self._start())

    def _start(self) -> asyncio.Task[None]:
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="nexus-jwks")
            self._reading.add_done_callback(self._over)
        return self._reading

    def _over(self, _: asyncio.Task[None]) -> None:
        self._reading = None

    async def _read(self) -> None:
        self._tried_at = begun = self._clock()
        try:
            found = await asyncio.to_thread(self._read_now)
        except (OSError, ValueError) as error:
            self._failed(str(error))
            return
        if self._problem is not None:
            _log.warning("the keys of the identity provider can be read again, from %s", self.where)
        self._good_at, self._problem = begun, None
        if found is not None:
            self._keys = found
            self._prints = frozenset(key.thumbprint for key in found)

    def _failed(self, problem: str) -> None:
        if self._problem is None:
            kept = f"its {len(self._keys)} known keys stay in force" if self._usable() else "none is known"
            _log.warning("the keys of the identity provider can't be read from %s: %s; %s", self.where, problem, kept)
        self._problem = problem

    def _read_now(self) -> tuple[JwksKey, ...] | None:
        """The keys; ``None`` for a file that hasn't changed. Runs on a thread, one at a time."""
        if self._is_address:
            return read_jwks(_fetch(self.where))
        body, stamp = _load(self.where, None if self._problem else self._stamp)
        if body is None:
            return None
        found = read_jwks(body)
        self._stamp = stamp
        return found


def read_once(where: str) -> tuple[JwksKey, ...]:
    """The keys that are there now; blocks.

    Raises:
        ValueError: There are none to be had; says why.
    """
    return read_jwks(_fetch(where) if "://" in where else _load(where, None)[0] or b"")


def _load(where: str, known: Stamp | None) -> tuple[bytes | None, Stamp]:
    """A file's content, ``None`` if it is what was known, and what to know it by."""
    path = Path(where).expanduser()
    try:
        # Not a pipe or a device: reading those may never end.
        if not path.is_file():
            raise ValueError("there is no such file")
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            stamp = (about.st_mtime_ns, about.st_size, about.st_ino)
            return None if stamp == known else file.read(LARGEST + 1), stamp
    except OSError as error:
        raise ValueError(error.strerror or type(error).__name__) from None


def _fetch(address: str) -> bytes:
    """What an address answers, up to the size of a JWKS; blocks for ``PATIENCE`` or little more.

    Raises:
        ValueError: It doesn't answer, or with something else; says why.
    """
    import httpx

    deadline = time.monotonic() + PATIENCE
    headers = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}
    body = bytearray()
    try:
        with (
            httpx.Client(timeout=PATIENCE, headers=headers) as client,
            client.stream("GET", address) as response,
        ):
            if response.is_redirect:
                raise ValueError("it redirects, which is not followed: give the address that it leads to")
            if response.status_code != httpx.codes.OK:
                raise ValueError(f"it answers {response.status_code}")
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > LARGEST:
                    raise ValueError(f"it answers over {LARGEST:,} bytes")
                if time.monotonic() > deadline:
                    raise ValueError(f"its answer took over {PATIENCE:g} s")
    except httpx.TimeoutException:
        raise ValueError(f"it didn't answer within {PATIENCE:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ValueError(str(error) or type(error).__name__) from None
    return bytes(body)
