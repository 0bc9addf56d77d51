"""The Redis of a store, as docket wants it named."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

SCHEMES: Final = frozenset(
    {"redis", "rediss", "unix", "redis+sentinel", "redis+cluster", "rediss+sentinel", "rediss+cluster"}
)
"""Schemes of stores that docket can work on."""
_PORTS: Final = {"redis+cluster": 6379, "redis+sentinel": 26379, "rediss+cluster": 6379, "rediss+sentinel": 26379}
_KNOCK = 2.0
"""Seconds that a host has to answer."""


def queue_name(prefix: str) -> str:
    """The docket's name: its keys begin with it, and in a cluster it is their hash tag."""
    return f"{prefix}docket"


async def queue_url(store_url: str) -> str:
    """The URL for docket, in which the first host is one that can be reached, if any can.

    All forms are docket's own, but of a cluster's nodes it takes only one; and where the first Sentinel is down, it
    would be slow to try another.
    """
    url = _without_shards(store_url)
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in _PORTS:
        return url
    address, question, options = rest.partition("?")
    userinfo, at, address = address.rpartition("@")
    hosts, slash, path = address.partition("/")
    names = hosts.split(",")
    first = await _first_reachable(names, _PORTS[scheme.lower()])
    if scheme.lower().endswith("+cluster"):
        return f"{scheme.lower()}://{userinfo}{at}{first}{question}{options}"
    others = [name for name in names if name != first]
    return f"{scheme.lower()}://{userinfo}{at}{','.join((first, *others))}{slash}{path}{question}{options}"


def _without_shards(url: str) -> str:
    """The URL without what only the store understands."""
    address, _, query = url.partition("?")
    kept = [option for option in query.split("&") if option and not option.startswith("shards=")]
    return f"{address}?{'&'.join(kept)}" if kept else address


async def _first_reachable(names: Sequence[str], default_port: int) -> str:
    for name in names if len(names) > 1 else ():
        host, port = _split(name, default_port)
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_KNOCK):
                _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return name
    return names[0]


def _split(name: str, default_port: int) -> tuple[str, int]:
    if name.startswith("["):
        host, _, rest = name[1:].partition("]")
        return host, int(rest.removeprefix(":") or default_port)
    host, _, port = name.partition(":")
    return host, int(port or default_port)
