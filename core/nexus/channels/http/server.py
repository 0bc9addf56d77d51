"""Binding, serving and stopping.

Servers bind to the local machine unless told otherwise, and elsewhere only with authentication or when told that none
is wanted. Stopping ends event streams at once and gives other requests ``GRACE`` seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from nexus.channels.http.application import HttpApplication
from nexus.errors import InvalidInput

if TYPE_CHECKING:
    from nexus.app import AsyncNexus

logger = logging.getLogger("nexus.http")

GRACE = 10.0
_KEEP_ALIVE = 75
_BACKLOG = 2048
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


async def serve(
    app: AsyncNexus,
    host: str | None = None,
    port: int | None = None,
    *,
    insecure: bool = False,
    ready: Callable[[str], object] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until a signal, until ``stop`` is set, or until this call is cancelled; then shut down in order.

    Args:
        app: What to serve; opened and closed here, unless it is open already.
        host: Address to bind; the settings' own by default.
        port: Port; 0 for a free one.
        insecure: Bind beyond the local machine without authentication.
        ready: Called once with the real base URL when requests are answered.
        stop: Ends the server when it is set.

    Raises:
        InvalidInput: The address may not or can't be bound.
        StoreUnavailable: The store can't be opened.
    """
    host = app.settings.host if host is None else host
    port = app.settings.api_port if port is None else port
    check_bind(host, secured=app.settings.asks_who, insecure=insecure)
    listener = bind(host, port)
    with contextlib.closing(listener):
        if is_local(host) and not app.settings.asks_who:
            application = HttpApplication(app, _LOCAL_NAMES | {host.lower()})
        else:
            application = HttpApplication(app, mcp_hosts=("*",))
        async with application.lifespan():
            server = _Server(application)
            await _run(server, listener, ready, stop)


async def _run(
    server: _Server, listener: socket.socket, ready: Callable[[str], object] | None, stop: asyncio.Event | None
) -> None:
    url = url_of(listener)

    def started() -> None:
        logger.info("serving on %s", url)
        if ready is not None:
            ready(url)

    server.on_started = started
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="nexus-http")
    watching = asyncio.create_task(_stopped(stop, server))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.stop()
        await serving
        raise
    finally:
        watching.cancel()


async def _stopped(stop: asyncio.Event | None, server: _Server) -> None:
    if stop is not None:
        await stop.wait()
        server.stop()


class _Server(uvicorn.Server):
    """uvicorn, ending streams when told to stop, and returning from signals instead of dying of them."""

    def __init__(self, application: HttpApplication) -> None:
        config = uvicorn.Config(
            application, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False,
            server_header=False, proxy_headers=False, timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=int(GRACE), backlog=_BACKLOG,
        )  # fmt: skip
        super().__init__(config)
        self._context = application.context
        self._loop = asyncio.get_running_loop()
        self.on_started: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, and then say that requests are answered."""
        await super().startup(sockets)
        if self.on_started is not None:
            self.on_started()

    def stop(self) -> None:
        """Take no more requests, end streams and waits now, and return when the others are done."""
        self.should_exit = True
        self._context.stop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's
        """A first signal stops in order; a second interrupt doesn't wait for requests."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True
        self._loop.call_soon_threadsafe(self._context.stop)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM while serving; uvicorn would raise them again, before the store is closed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        wanted = (signal.SIGINT, signal.SIGTERM)
        before = {each: signal.signal(each, self.handle_exit) for each in wanted}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def is_local(host: str) -> bool:
    """Whether only this machine can reach what is bound to ``host``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_bind(host: str, *, secured: bool, insecure: bool) -> None:
    """Refuse an address that others could reach without a token.

    Raises:
        InvalidInput: It is one, and nobody said that this is wanted.
    """
    if not (is_local(host) or secured or insecure):
        raise InvalidInput(
            f"host {host!r} can be reached by others, and everybody would be allowed everything: set enable_auth, bind"
            " to 127.0.0.1, or say --insecure (insecure=True) if that is wanted",
            field="host", value=host,
        )  # fmt: skip


def bind(host: str, port: int) -> socket.socket:
    """A listening address.

    Raises:
        InvalidInput: ``host`` is no address of this machine, or ``port`` is in use, forbidden or out of range.
    """
    if not 0 <= port <= 65535:
        raise InvalidInput(f"port {port} is out of range: use 0 to 65535; 0 picks a free one", field="port", value=port)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise InvalidInput(f"host {host!r} can't be resolved: {error}", field="host", value=host) from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - the socket module's own
    except OSError as error:
        listener.close()
        raise _not_bound(host, port, error) from None
    return listener


def _not_bound(host: str, port: int, error: OSError) -> InvalidInput:
    if error.errno == errno.EADDRINUSE:
        return InvalidInput(
            f"port {port} on {host} is in use: stop what listens there, or choose another with --port (0 picks a free"
            " one)",
            field="port", value=port,
        )  # fmt: skip
    if error.errno == errno.EACCES:
        return InvalidInput(f"port {port} needs more rights than this user has: choose one from 1024 up",
                            field="port", value=port)  # fmt: skip
    return InvalidInput(f"{host}:{port} can't be bound: {error.strerror or error}", field="host", value=host)


def url_of(listener: socket.socket) -> str:
    """The base URL at which a bound socket is reached from this machine."""
    host, port = listener.getsockname()[:2]
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 # nosec B104 - compared
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
