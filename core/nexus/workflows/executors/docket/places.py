"""The Redis of a store, as docket wants it named."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

SCHEMES: Final = frozenset({"redis", "rediss", "unix", "redis+sentinel", "redis+cluster"})
"""Schemes of stores that docket can work on."""
_KNOCK = 2.0
_PORT = 6379


def queue_name(prefix: str) -> str:
    """The docket's name: its keys begin with it, and in a cluster it is their hash tag."""
    return f"{prefix}docket"


async def queue_url(store_url: str) -> str:
    """The URL for docket, which takes one node of a cluster where a store's URL may name several.

    All other forms are docket's own. Of a cluster's nodes it is the first that can be reached, or the first.
    """
    scheme, _, rest = store_url.partition("://")
    if scheme.lower() != "redis+cluster":
        return store_url
    userinfo, at, rest = rest.rpartition("@")
    nodes = rest.partition("?")[0].rstrip("/").split(",")
    return f"redis+cluster://{userinfo}{at}{await _first_reachable(nodes)}"


async def _first_reachable(nodes: Sequence[str]) -> str:
    if len(nodes) > 1:
        for node in nodes:
            host, port = _split(node)
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_KNOCK):
                    _, writer = await asyncio.open_connection(host, port)
                writer.close()
                return node
    return nodes[0]


def _split(node: str) -> tuple[str, int]:
    if node.startswith("["):
        host, _, rest = node[1:].partition("]")
        return host, int(rest.removeprefix(":") or _PORT)
    host, _, port = node.partition(":")
    return host, int(port or _PORT)
