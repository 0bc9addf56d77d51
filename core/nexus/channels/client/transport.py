"""Requests to one server: the only module that knows httpx, and where its errors become ours.

A read that broke is asked once more. A change is sent again only if it can't have arrived (no connection was
made) or if the server would recognise it; otherwise the caller is told that it may have been made.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from nexus.errors import AuthenticationRequired, InvalidInput, NexusError, StoreUnavailable, error_from_code
from nexus.model import CHANNELS
from nexus.model.namespace import check_namespace

if TYPE_CHECKING:
    import httpx

_CONNECT = 5.0
_KEEP_ALIVE = 30.0
"""Shorter than the server's own, so that it never closes a connection on which a request is under way."""
_PROBLEM = "application/problem+json"
_PACED = 3
"""Times that a request waits its turn where the server says when to come back."""
_LONGEST_PACE = 10


class Transport:
    """A pool of connections to one server.

    Args:
        base_url: ``http://HOST:PORT``, maybe with a path in front of Nexus' own.
        token: Sent as a bearer token.
        channel: The channel that requests count for.
        reveal: Ask to see what rules hide on terminals.
        timeout: Seconds to wait for an answer to an ordinary request.
        namespace: Act in this one.

    Raises:
        InvalidInput: The address, the token or the channel doesn't fit.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None,
        channel: str,
        timeout: float,
        reveal: bool = False,
        namespace: str | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        shown = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput(
                f"server {shown!r} is no address: it reads http://HOST:PORT", field="server", value=shown
            )
        if channel not in CHANNELS:
            raise InvalidInput(f"channel {channel!r} is unknown: use {', '.join(CHANNELS)}", field="channel")
        if token is not None and not (token.isascii() and token.isprintable()):
            raise InvalidInput("token has characters that no token has: copy it again", field="token")
        self.base_url = shown.rstrip("/")
        """Without a password that a proxy in front may want: this is what is told."""
        self._address = base_url
        self.timeout = timeout
        self.connected = False
        """Whether the last attempt to reach the server reached it."""
        self._headers = {"X-Nexus-Channel": channel, "Accept": "application/json"}
        if reveal:
            self._headers["X-Nexus-Reveal"] = "true"
        if namespace is not None:
            self._headers["Nexus-Namespace"] = check_namespace(namespace)
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._listeners: list[Callable[[bool], object]] = []
        self._client: httpx.AsyncClient | None = None

    async def open(self) -> None:
        """Make the pool; nothing is connected yet."""
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(
                base_url=self._address, headers=self._headers,
                timeout=httpx.Timeout(self.timeout, connect=_CONNECT),
                limits=httpx.Limits(max_connections=None, keepalive_expiry=_KEEP_ALIVE),
            )  # fmt: skip

    async def close(self) -> None:
        """Close all connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def on_connection(self, callback: Callable[[bool], object]) -> Callable[[], None]:
        """Call ``callback`` with the new value whenever ``connected`` changes; gives what ends that."""
        self._listeners.append(callback)

        def forget() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(callback)

        return forget

    def reached(self, connected: bool) -> None:
        """Note whether the server was reached."""
        if connected != self.connected:
            self.connected = connected
            for callback in tuple(self._listeners):
                callback(connected)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        patient: bool = False,
        repeatable: bool = False,
        accept: tuple[int, ...] = (),
    ) -> bytes:
        """Ask and give the answer's body.

        Args:
            query: Parameters; those that are ``None`` are left out.
            body: Something JSON; ``None`` for no body.
            patient: Wait for the answer as long as it takes.
            repeatable: The server recognises a change that comes twice.
            accept: Statuses that aren't errors here, besides 2xx.

        Raises:
            StoreUnavailable: The server can't be reached, or didn't answer in time.
            NexusError: What the server answered, as the class that its code belongs to.
        """
        import httpx

        request = self._build(method, path, query, body, headers, patient=patient)
        again = method == "GET" or repeatable
        paced = 0
        while True:
            try:
                response = await self._open_client().send(request)
                if paced >= _PACED or not (wait := _told_to_wait(response)):
                    break
                paced += 1
                await asyncio.sleep(wait)
            except httpx.TransportError as error:
                if again and isinstance(error, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError):
                    again = False
                    continue
                raise self._unreachable(error, changes=method != "GET") from None
        self.reached(connected=True)
        if response.is_success or response.status_code in accept:
            return response.content
        raise self._refusal(response)

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, Any], headers: Mapping[str, str], silence: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The chunks of an answer without end.

        Args:
            silence: Seconds without a byte after which the connection counts as lost.

        Raises:
            StoreUnavailable: The server can't be reached, or the connection broke.
            NexusError: What the server answered instead.
        """
        import httpx

        client = self._open_client()
        timeout = httpx.Timeout(self.timeout, connect=_CONNECT, read=silence)
        params = {name: value for name, value in query.items() if value is not None}
        try:
            async with client.stream("GET", path, params=params, headers=dict(headers), timeout=timeout) as response:
                if response.status_code != httpx.codes.OK:
                    await response.aread()
                    raise self._refusal(response)
                self.reached(connected=True)
                yield response.aiter_bytes()
        except httpx.TransportError as error:
            raise self._unreachable(error, changes=False) from None

    def _build(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, headers: Mapping[str, str] | None,
        *, patient: bool,
    ) -> httpx.Request:  # fmt: skip
        import httpx

        sent = dict(headers or {})
        content = None
        if body is not None:
            content = msgspec.json.encode(body)
            sent["Content-Type"] = "application/json"
        timeout = httpx.Timeout(self.timeout, connect=_CONNECT, read=None if patient else self.timeout)
        params = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        return self._open_client().build_request(
            method, path, params=params or None, content=content, headers=sent, timeout=timeout
        )

    def _open_client(self) -> httpx.AsyncClient:
        if self._client is None:
            raise InvalidInput("this client is not open: use `async with RemoteService(...)`")
        return self._client

    def _unreachable(self, error: httpx.TransportError, *, changes: bool) -> StoreUnavailable:
        import httpx

        self.reached(connected=False)
        sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
        if not sent:
            what = f"no server can be reached at {self.base_url} ({_reason(error)}): is `nexus serve` running there?"
        elif isinstance(error, httpx.TimeoutException):
            what = f"the server at {self.base_url} did not answer in time"
        else:
            what = f"the connection to the server at {self.base_url} broke ({_reason(error)})"
        if changes and sent:
            what += "; the change may have been made: look before doing it again"
        return StoreUnavailable(what, server=self.base_url, may_have_happened=changes and sent)

    def _refusal(self, response: httpx.Response) -> NexusError:
        if response.headers.get("content-type", "").startswith(_PROBLEM):
            with contextlib.suppress(msgspec.DecodeError, KeyError, TypeError):
                problem = msgspec.json.decode(response.content)
                return error_from_code(problem["code"], problem["detail"], problem.get("details") or {})
        status = response.status_code
        kind = {401: AuthenticationRequired, 502: StoreUnavailable, 503: StoreUnavailable, 504: StoreUnavailable}
        message = (
            f"{self.base_url} answered {status} {response.reason_phrase}, not as Nexus does: is the address right?"
        )
        return kind.get(status, NexusError)(message, server=self.base_url, answered=status)


def _told_to_wait(response: httpx.Response) -> float:
    """Seconds after which the server takes a request that it did nothing with; 0.0 for any other answer."""
    after = response.headers.get("retry-after", "")
    limited = response.status_code == 429 and b'"rate_limited"' in response.content
    return float(after) if limited and after.isdecimal() and int(after) <= _LONGEST_PACE else 0.0


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
