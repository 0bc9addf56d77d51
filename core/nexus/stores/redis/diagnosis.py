"""Facts about the server, for ``nexus doctor``: what it would lose, and when."""

from __future__ import annotations

from typing import Final

from nexus.errors import StoreUnavailable
from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys

_SETTINGS: Final = ("appendonly", "appendfsync", "maxmemory-policy", "min-replicas-to-write", "save")


async def examine(client: Client, keys: Keys) -> dict[str, str]:
    """What the server says of itself, in words; what it refuses to say is left out."""
    server, replication, memory, persistence, cluster, sessions = await client.calls(
        [*(("INFO", section) for section in ("server", "replication", "memory", "persistence", "cluster")),
         ("ZCARD", keys.index["created"])]
    )  # fmt: skip
    said = {
        name: value
        for section in (server, replication, memory, persistence, cluster)
        for name, _, value in (line.partition(":") for line in section.decode().splitlines())
    }
    facts = {
        "server": said.get("server_name", "redis"),
        "version": said.get("valkey_version") or said.get("redis_version", ""),
        "mode": "cluster" if said.get("cluster_enabled") == "1" else "single",
        "role": said.get("role", ""),
        "replicas": said.get("connected_slaves", ""),
        "memory": said.get("used_memory_human", ""),
        "last_save": said.get("rdb_last_bgsave_status", ""),
        "sessions": str(sessions),
    }
    facts |= await _settings(client)
    facts["durability"] = _durability(facts)
    return facts


async def _settings(client: Client) -> dict[str, str]:

    try:
        flat = await client.call("CONFIG", "GET", *_SETTINGS)
    except StoreUnavailable:
        # Hosted servers and careful ACLs hide their settings.
        return {"settings": "hidden by the server"}
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return {name.decode(): value.decode() for name, value in pairs}


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
