"""One connection to one server, with replies matched to calls in order, and calls joined into few writes.

Implicit pipelining: while replies are under way, the calls of one turn of the event loop go out in one
write at its end; with nothing under way a call goes out at once. A reply that takes longer than
the time-out breaks the connection, because what comes after it can't be trusted to come.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping
from typing import Any, cast

import hiredis

from nexus.errors import InvalidInput
from nexus.stores.redis.urls import Place

Word = bytes | str | float


def pack(words: tuple[Word, ...]) -> bytes:
    """One command as Redis reads it."""
    packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]  # its types know only commands of one word
    return packed


class Lost(Exception):
    """The connection broke. What was under way may have been done, or not."""


class Wire(asyncio.Protocol):
    """See the module's docstring; made by ``connect``.

    Args:
        timeout: Seconds that the server may be silent while it owes replies.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = hiredis.Reader()
        self._owed: deque[asyncio.Future[Any]] = deque()
        self._queued: list[bytes] = []
        self._flush_planned = False
        self._heard_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._cause: str | None = None
        self.closed: asyncio.Future[None] = self._loop.create_future()

    @property
    def open(self) -> bool:
        """Whether calls can be made."""
        return self._transport is not None and self._cause is None

    def call(self, *words: Word) -> asyncio.Future[Any]:
        """Send one command.

        Returns:
            Its reply; an error of the server is a value of type ``hiredis.ReplyError``, and a broken
            connection raises ``Lost``.
        """
        return self.send(pack(words))

    def send(self, packed: bytes) -> asyncio.Future[Any]:
        """``call`` with the command packed."""
        if self._transport is None or self._cause is not None:
            raise Lost(self._cause or "not connected")
        reply: asyncio.Future[Any] = self._loop.create_future()
        if not self._owed:
            self._owed.append(reply)
            self._heard_at = self._loop.time()
            self._plan_watch()
            self._transport.write(packed)
            return reply
        self._owed.append(reply)
        self._queued.append(packed)
        if not self._flush_planned:
            self._flush_planned = True
            self._loop.call_soon(self._flush)
        return reply

    def close(self, why: str = "closed") -> None:
        """Drop the connection; calls under way raise ``Lost``."""
        self._fail(why)

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        # Other loops' transports (uvloop's) are of no class of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        self._heard_at = self._loop.time()
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                if not self._owed:
                    self._fail("the server sent a reply that nobody asked for")
                    return
                waiter = self._owed.popleft()
                if not waiter.done():
                    waiter.set_result(reply)
        except hiredis.ProtocolError as error:
            self._fail(f"what answers there is no Redis server ({error})")

    def connection_lost(self, error: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._fail("the server closed the connection" if error is None else str(error) or type(error).__name__)
        if not self.closed.done():
            self.closed.set_result(None)

    # -- inside

    def _flush(self) -> None:
        self._flush_planned = False
        queued, self._queued = self._queued, []
        if self._transport is not None and self._cause is None and queued:
            self._transport.write(queued[0] if len(queued) == 1 else b"".join(queued))

    def _plan_watch(self) -> None:
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout, self._look)

    def _look(self) -> None:
        self._watch = None
        if not self._owed or self._cause is not None:
            return
        left = self._heard_at + self._timeout - self._loop.time()
        if left <= 0:
            self._fail(f"no answer within {self._timeout:g} s")
        else:
            self._watch = self._loop.call_later(left, self._look)

    def _fail(self, why: str) -> None:
        if self._cause is not None:
            return
        self._cause = why
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()
        owed, self._owed = self._owed, deque()
        for waiter in owed:
            if not waiter.done():
                waiter.set_exception(Lost(why))


async def connect(place: Place, host: str, port: int, *, timeout: float, sentinel: bool = False) -> Wire:
    """Connect, log in and choose the database.

    Args:
        place: Whose socket, TLS settings, user, password and database are used.
        host: The server; not looked at for a socket.
        port: The same.
        timeout: Seconds for each of connecting and answering.
        sentinel: Whether it is a Sentinel, which has a user and a password of its own, and no databases.

    Raises:
        Lost: It can't be reached in time.
        hiredis.ReplyError: It refuses the password or the database.
    """
    loop = asyncio.get_running_loop()

    def made() -> Wire:
        return Wire(timeout)

    try:
        async with asyncio.timeout(timeout):
            if place.socket:
                _, wire = await loop.create_unix_connection(made, place.socket)
            else:
                context = _tls(place) if place.secure else None
                _, wire = await loop.create_connection(made, host, port, ssl=context)
    except TimeoutError:
        raise Lost(f"no connection within {timeout:g} s") from None
    except (OSError, ssl.SSLError) as error:
        raise Lost(str(error)) from error
    try:
        await _greet(wire, place, sentinel=sentinel)
    except BaseException:
        wire.close()
        raise
    return wire


async def _greet(wire: Wire, place: Place, *, sentinel: bool) -> None:
    username, password = place.username, place.password
    if sentinel:
        username, password = place.sentinel_username, place.sentinel_password
    greeting: list[tuple[Word, ...]] = []
    if password is not None:
        greeting.append(("AUTH", *([username] if username else []), password))
    if place.db and not sentinel:
        greeting.append(("SELECT", place.db))
    for words in greeting:
        reply = await wire.call(*words)
        if isinstance(reply, hiredis.ReplyError):
            raise reply


def _tls(place: Place) -> ssl.SSLContext:
    try:
        return _context(place.tls)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            f"store {place.shown!r} names certificates that can't be read: {error}", field="store", value=place.shown
        ) from None


def _context(tls: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.get("ssl_ca_certs"))
    checked = tls.get("ssl_cert_reqs") != "none"
    context.check_hostname = checked and tls.get("ssl_check_hostname") != "false"
    if not checked:
        context.verify_mode = ssl.CERT_NONE
    if certificate := tls.get("ssl_certfile"):
        context.load_cert_chain(certificate, tls.get("ssl_keyfile"))
    return context
