"""Facts about the server, for ``nexus doctor``: what it would lose, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from nexus.errors import StoreUnavailable
from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys
from nexus.stores.redis.wire import Word

_SECTIONS: Final = ("server", "replication", "memory", "persistence", "cluster")
_SETTINGS: Final = ("appendonly", "appendfsync", "maxmemory-policy", "min-replicas-to-write", "save")


async def examine(client: Client, keys: Keys) -> dict[str, str]:
    """What the server says of itself, in words; what it doesn't let this user see is said to be hidden.

    Raises:
        StoreUnavailable: It can't be reached, or doesn't let this user read sessions.
    """
    sessions = await client.call("ZCARD", keys.index["created"])
    facts = await _server(client) | await _settings(client)
    return facts | {"sessions": str(sessions), "durability": _durability(facts)}


async def _server(client: Client) -> dict[str, str]:
    sections = await _permitted(client, [("INFO", section) for section in _SECTIONS])
    lines = (line for section in sections for line in section.decode().splitlines())
    said = {name: value for name, _, value in (line.partition(":") for line in lines)}
    if not said:
        return {"server": "hidden by the server"}
    return {
        "server": said.get("server_name", "redis"),
        "version": said.get("valkey_version") or said.get("redis_version", ""),
        "mode": "cluster" if said.get("cluster_enabled") == "1" else "single",
        "role": said.get("role", ""),
        "replicas": said.get("connected_slaves", ""),
        "memory": said.get("used_memory_human", ""),
        "last_save": said.get("rdb_last_bgsave_status", ""),
    }


async def _settings(client: Client) -> dict[str, str]:
    found = await _permitted(client, [("CONFIG", "GET", *_SETTINGS)])
    if not found:
        return {"settings": "hidden by the server"}
    pairs = zip(found[0][::2], found[0][1::2], strict=True)
    return {name.decode(): value.decode() for name, value in pairs}


async def _permitted(client: Client, commands: Sequence[tuple[Word, ...]]) -> list[Any]:
    """Answers; none where hosted servers and careful ACLs refuse the question."""
    try:
        return await client.calls(commands)
    except StoreUnavailable as error:
        if error.details.get("reason") == "unreachable":
            raise
        return []


def _durability(facts: dict[str, str]) -> str:
    if "appendonly" not in facts:
        return "unknown: the server hides its settings"
    policy = facts.get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        return f"none: maxmemory-policy {policy} may evict sessions; set noeviction"
    if facts["appendonly"] == "yes":
        return {
            "always": "every commit is on the server's disk before it is acknowledged",
            "everysec": "a crash of the server's machine loses up to a second",
            "no": "a crash of the server's machine loses what the system had not written, often 30 seconds",
        }[facts.get("appendfsync", "no")]
    if facts.get("save"):
        return "a crash of the server loses everything since its last snapshot; set appendonly yes"
    return "none: the server keeps nothing on disk"
