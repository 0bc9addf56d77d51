"""What a Redis server could lose, and when: from its settings as it tells them."""

from __future__ import annotations

from collections.abc import Mapping

from nexus.stores.durability import UNKNOWN


def verdict(facts: Mapping[str, str], waits_for: int) -> tuple[str, str]:
    """The level (``nexus.stores.durability``), and what could be lost in words.

    Args:
        facts: What ``diagnosis.py`` read.
        waits_for: How many replicas this process waits for.
    """
    if "appendonly" not in facts:
        return UNKNOWN, "the server hides its settings"
    policy = facts.get("maxmemory-policy", "noeviction")
    if policy.startswith("allkeys"):
        return "none", f"maxmemory-policy {policy} may evict sessions; set noeviction"
    level, words = _on_disk(facts)
    covered = _number(facts.get("replicas")) >= waits_for > 0
    if level == "power" and covered:
        level = "failover"
    return level, f"{words}; {_elsewhere(facts, waits_for, covered=covered)}"


def _on_disk(facts: Mapping[str, str]) -> tuple[str, str]:
    if facts["appendonly"] != "yes":
        if not facts.get("save"):
            return "process", "the end of the server takes everything, for it keeps nothing on disk; set appendonly yes"
        return "process", (
            f"a crash of the server or a loss of power takes everything since its last snapshot (save {facts['save']});"
            " set appendonly yes"
        )
    if facts.get("last_append", "ok") != "ok":
        return "process", "the server can't write its append-only file now, so its end takes what came since"
    written = facts.get("appendfsync", "no")
    if written == "always":
        return "power", "every commit is on the server's disk before it is acknowledged"
    if written == "everysec":
        return "second", "a loss of power takes about the last second; a crash of the server alone takes nothing"
    return (
        "process",
        "a loss of power takes what the system had not written yet, often 30 seconds; set appendfsync everysec",
    )


def _elsewhere(facts: Mapping[str, str], waits_for: int, *, covered: bool) -> str:
    replicas = _number(facts.get("replicas"))
    if waits_for and not covered:
        return f"redis_min_replicas wants {waits_for} replicas, and {replicas} are connected"
    if not replicas:
        return "no replica takes over if its machine is lost"
    if covered:
        return "a failover takes no checkpoint, start or end of a session, but may take other changes of that moment"
    least = _number(facts.get("min-replicas-to-write"))
    if least:
        lag = facts.get("min-replicas-max-lag", "10")
        return f"a failover takes what the replicas had not got yet, {lag} seconds at most; set redis_min_replicas"
    return "a failover takes what the replica had not got yet; set min-replicas-to-write and redis_min_replicas"


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0
