"""What the store could lose, and how well its server is: from the facts that its health gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nexus.stores.base import Health
from nexus.stores.durability import UNKNOWN, is_at_least, shortfall
from nexus_tui.cli.checks.finding import Finding

_USUAL = "second"
_MOST_AHEAD = 1.0
_NEARLY_FULL = 0.9


def lasting(health: Health, wanted: str | None) -> Iterator[Finding]:
    """Durability, and where the store's server tells them: clock, memory, replicas, Sentinels, cluster.

    Args:
        health: Of a store that answers.
        wanted: The level that is required; ``None`` if none is.
    """
    facts = health.facts
    yield _durability(health, wanted)
    if "clock_skew" in facts:
        yield _clock(facts["clock_skew"])
    if "maxmemory" in facts and facts.get("memory"):
        yield from _memory(facts)
    if "replicas" in facts:
        yield _replicas(facts)
    if "sentinels" in facts:
        good = not facts["sentinels"].startswith("none") and "down" not in facts["sentinels"]
        yield Finding("sentinels", "ok" if good else "warn", facts["sentinels"], "" if good else "look at their logs")
    if "cluster" in facts:
        yield _cluster(facts["cluster"])


def _durability(health: Health, wanted: str | None) -> Finding:
    level = health.facts.get("level", UNKNOWN)
    found = f"{level}: {health.facts.get('durability', 'the store does not say')}"
    lacks = None if wanted is None else shortfall(health, wanted)
    if lacks is not None:
        return Finding("durability", "fail", f"{found}; {wanted} is required", "see docs/redis.md, What could be lost")
    if is_at_least(level, wanted or _USUAL):
        return Finding("durability", "ok", found)
    fix = "let this user read the server's settings: +config|get +info" if level == UNKNOWN else "see docs/redis.md"
    return Finding("durability", "warn", found, "" if level == "none" and health.backend == "memory" else fix)


def _clock(skews: str) -> Finding:
    """One skew, or those of several servers."""
    worst = max((skew for skew in skews.split(", ")), key=lambda skew: abs(_seconds(skew)))
    if abs(_seconds(worst)) > _MOST_AHEAD:
        way = "ahead of" if _seconds(worst) > 0 else "behind"
        return Finding(
            "clock", "warn", f"the server's clock is {abs(_seconds(worst)):g} s {way} this machine's",
            "keep both right with NTP: deadlines and expiry go by them",
        )  # fmt: skip
    return Finding("clock", "ok", "the server's clock and this machine's agree to a second")


def _seconds(skew: str) -> float:
    return float(skew.removesuffix(" s"))


def _memory(facts: Mapping[str, str]) -> Iterator[Finding]:
    used, most = facts["memory"].split(", "), facts["maxmemory"].split(", ")
    policy = facts.get("maxmemory-policy", "")
    if not all(number.isdecimal() for number in (*used, *most)):
        return
    taken, limit = max(map(int, used)), min(map(int, most))
    if not limit:
        yield Finding("memory", "ok", f"{taken / 2**20:,.1f} MiB used, no maxmemory, {policy}")
        return
    found = f"{taken / 2**20:,.1f} of {limit / 2**20:,.1f} MiB used, {policy}"
    if taken > limit * _NEARLY_FULL:
        yield Finding(
            "memory", "warn", found, "raise maxmemory, or shorten session_retention: a full server refuses commits"
        )
    else:
        yield Finding("memory", "ok", found)


def _replicas(facts: Mapping[str, str]) -> Finding:
    least = facts.get("min-replicas-to-write", "")
    found = f"{facts['replicas']} connected"
    if "replica_lag" in facts:
        found += f", last heard of {facts['replica_lag']} ago"
    if least and least != "0":
        found += f"; commits are refused with fewer than {least}"
    return Finding("replicas", "ok", found)


def _cluster(found: str) -> Finding:
    if found.startswith("ok, 16384") and " 0 of " in found:
        return Finding("cluster", "ok", found)
    return Finding("cluster", "warn", found, "see redis-cli --cluster check")
