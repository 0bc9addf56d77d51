"""Facts about the server, for ``nexus doctor``: what it would lose, and when."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from nexus.errors import StoreUnavailable
from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys
from nexus.stores.redis.locate import look_at_sentinels
from nexus.stores.redis.urls import Place
from nexus.stores.redis.verdict import verdict
from nexus.stores.redis.wire import Word

_SECTIONS: Final = ("server", "replication", "memory", "persistence", "cluster")
_SETTINGS: Final = (
    "appendonly", "appendfsync", "maxmemory", "maxmemory-policy", "min-replicas-to-write", "min-replicas-max-lag",
    "save",
)  # fmt: skip


async def examine(client: Client, keys: Keys, place: Place, waits_for: int) -> dict[str, str]:
    """What the server says of itself, in words; what it doesn't let this user see is said to be hidden.

    Args:
        client: Asks it.
        keys: The store's keys.
        place: The store's URL.
        waits_for: How many replicas this process waits for.

    Raises:
        StoreUnavailable: It can't be reached, or doesn't let this user read sessions.
    """
    sessions = await client.call("ZCARD", keys.index["created"])
    facts = await _server(client) | await _settings(client) | await _clock(client)
    if facts.get("mode") == "cluster" or "cluster" in place.scheme:
        facts |= await _cluster(client)
    if "sentinel" in place.scheme:
        facts["sentinels"] = await look_at_sentinels(place)
    level, words = verdict(facts, waits_for)
    return facts | {"sessions": str(sessions), "level": level, "durability": words}


async def _server(client: Client) -> dict[str, str]:
    sections = await _permitted(client, [("INFO", section) for section in _SECTIONS])
    said = _pairs(b"\r\n".join(sections))
    if not said:
        return {"server": "hidden by the server"}
    facts = {
        "server": said.get("server_name", "redis"),
        "version": said.get("valkey_version") or said.get("redis_version", ""),
        "mode": "cluster" if said.get("cluster_enabled") == "1" else "single",
        "role": said.get("role", ""),
        "replicas": str(len(lags := _lags(said))),
        "memory": said.get("used_memory", ""),
        "last_save": said.get("rdb_last_bgsave_status", ""),
        "last_append": said.get("aof_last_write_status", "ok"),
    }
    return facts | ({"replica_lag": f"{max(lags)} s"} if lags else {})


def _lags(said: Mapping[str, str]) -> list[int]:
    """Seconds since each replica that is online was last heard of."""
    replicas = [
        dict(part.partition("=")[::2] for part in value.split(","))
        for name, value in said.items()
        if name.startswith("slave") and name[5:].isdecimal()
    ]
    return [int(replica.get("lag", 0)) for replica in replicas if replica.get("state") == "online"]


async def _settings(client: Client) -> dict[str, str]:
    found = await _permitted(client, [("CONFIG", "GET", *_SETTINGS)])
    if not found:
        return {"settings": "hidden by the server"}
    pairs = zip(found[0][::2], found[0][1::2], strict=True)
    return {name.decode(): value.decode() for name, value in pairs}


async def _clock(client: Client) -> dict[str, str]:
    """How far the server's clock is ahead of this machine's, less what the way to it may account for."""
    asked = time.time()
    found = await _permitted(client, [("TIME",)])
    back = time.time()
    if not found:
        return {}
    ahead = int(found[0][0]) + int(found[0][1]) / 1e6 - (asked + back) / 2
    sure = max(0.0, abs(ahead) - (back - asked) / 2)
    return {"clock_skew": f"{sure if ahead > 0 or not sure else -sure:.1f} s"}


async def _cluster(client: Client) -> dict[str, str]:
    found = await _permitted(client, [("CLUSTER", "INFO"), ("CLUSTER", "NODES")])
    if not found:
        return {"cluster": "hidden by the server"}
    said = _pairs(found[0])
    flags = [line.split()[2].split(",") for line in found[1].decode().splitlines() if line.count(" ") > 2]
    failed = sum("fail" in node or "fail?" in node for node in flags)
    return {
        "cluster": f"{said.get('cluster_state', '')}, {said.get('cluster_slots_ok', '0')} of 16384 slots covered,"
        f" {failed} of {len(flags)} nodes failed"
    }


def _pairs(text: bytes) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition(":") for line in text.decode().splitlines())}


async def _permitted(client: Client, commands: Sequence[tuple[Word, ...]]) -> list[Any]:
    """Answers; none where hosted servers and careful ACLs refuse the question."""
    try:
        return await client.calls(commands)
    except StoreUnavailable as error:
        if error.details.get("reason") == "unreachable":
            raise
        return []
