"""Which hosts may be asked for: protection against DNS rebinding.

A web page can make the browser of somebody on this machine talk to a server here, by pointing its own name at
127.0.0.1. Such a request carries the page's name in ``Host`` and in ``Origin``, so both have to be ours.
An address written as digits can't come about by rebinding, and is accepted as ``Host`` where the server was told
to listen on all addresses.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from nexus.errors import PermissionDenied

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
ANY = "*"
_EVERYWHERE = frozenset({"0.0.0.0", "::", "[::]", ""})  # noqa: S104 # nosec B104 - compared


class HostGuard:
    """Decides on ``Host`` and ``Origin``.

    Args:
        bound: The address that the server listens on.
        allowed: Names that it is reached by; ``NAME`` with any port, ``NAME:PORT``, or ``*`` for all.
    """

    def __init__(self, bound: str, allowed: Iterable[str] = ()) -> None:
        self._names = {*LOOPBACK, *(name.lower() for name in allowed)}
        self._digits = bound in _EVERYWHERE
        if self._digits:
            self._names.add(socket.gethostname().lower())
        else:
            self._names.add(_bracketed(bound.lower()))

    def check(self, host: str | None, origin: str | None) -> None:
        """Let a request pass or not.

        Args:
            host: Its ``Host`` header.
            origin: Its ``Origin`` header; browsers send it, other clients don't.

        Raises:
            PermissionDenied: Names the header, its value and what would let it pass.
        """
        if ANY in self._names:
            return
        asked = (host or "").lower()
        if not (self._named(asked) or (self._digits and _is_address(asked))):
            raise _refused("Host", host, field="host")
        if origin is not None and not self._own(origin.lower(), asked):
            raise _refused("Origin", origin, field="origin")

    def _named(self, netloc: str) -> bool:
        return netloc in self._names or _without_port(netloc) in self._names

    def _own(self, origin: str, host: str) -> bool:
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and (parts.netloc == host or self._named(parts.netloc))


def _refused(header: str, value: str | None, *, field: str) -> PermissionDenied:
    return PermissionDenied(
        f"{header} {str(value)[:100]!r} is not a name of this server: use localhost, or add it to the allowed hosts",
        field=field,
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _without_port(netloc: str) -> str:
    head, colon, port = netloc.rpartition(":")
    return head if colon and port.isdigit() else netloc


def _is_address(netloc: str) -> bool:
    try:
        ipaddress.ip_address(_without_port(netloc).strip("[]"))
    except ValueError:
        return False
    return True
