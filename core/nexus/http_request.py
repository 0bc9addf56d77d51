"""The request that a route of the user's is answering: ``nexus.request``.

``request`` is one object for everybody; in each handler it stands for the request being answered there, also in
the thread of a synchronous handler. It knows no web framework. ``nexus.channels.http`` fills it in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import cached_property
from typing import Any

from nexus.errors import InvalidInput, NexusError
from nexus.model import Caller, jsonvalue

__all__ = ["CURRENT", "Headers", "HttpRequest", "RequestProxy", "request"]


class Headers(Mapping[str, str]):
    """Headers by name, whatever its case."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in values.items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __repr__(self) -> str:
        return f"Headers({self._values!r})"


class HttpRequest:
    """One request to a route of the user's.

    Args:
        id: The client's ``X-Request-ID``, or a new one; the answer carries it too.
        method: In capitals.
        path: Decoded, without the query.
        path_params: What the braces in the route's path stood for.
        query: Parameters by name; of one given several times, the last.
        headers: By name, whatever its case.
        body: The bytes, at most ``max_body_bytes``.
        caller: Who asks; with ``enable_auth`` the token's name is its ``actor``.
    """

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - the name that users read
        method: str,
        path: str,
        path_params: Mapping[str, Any],
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        caller: Caller,
    ) -> None:
        self.id = id
        self.method = method
        self.path = path
        self.path_params = path_params
        self.query = query
        self.headers = Headers(headers)
        self.body = body
        self.caller = caller

    @cached_property
    def json(self) -> Any:
        """The body as JSON; ``None`` where there is none.

        Raises:
            InvalidInput: It isn't JSON.
        """
        return jsonvalue.decode(self.body, "body") if self.body else None

    @property
    def session_id(self) -> str | None:
        """The session that the ``X-Session-ID`` header or ``session_id`` in a JSON body names.

        Raises:
            InvalidInput: Both do, and they differ.
        """
        header = self.headers.get("x-session-id")
        body = self._session_in_body()
        if header is not None and body is not None and header != body:
            raise InvalidInput(
                f"X-Session-ID {header[:80]!r} and session_id {str(body)[:80]!r} differ: give one, or the same twice",
                field="X-Session-ID", value=header[:80],
            )  # fmt: skip
        return header if header is not None else body

    def _session_in_body(self) -> str | None:
        if "json" not in self.headers.get("content-type", ""):
            return None
        value = self.json
        return value.get("session_id") if isinstance(value, dict) else None

    def __repr__(self) -> str:
        return f"<{self.method} {self.path} {self.id}>"


CURRENT: ContextVar[HttpRequest] = ContextVar("nexus.request")


class RequestProxy:
    """Reads as the request of the handler that reads it.

    Raises:
        NexusError: No request is being answered here.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_current(), name)

    def __repr__(self) -> str:
        current = CURRENT.get(None)
        return "<no request>" if current is None else repr(current)


def _current() -> HttpRequest:
    current = CURRENT.get(None)
    if current is None:
        raise NexusError("nexus.request is only there while a route's handler answers a request")
    return current


request = RequestProxy()
