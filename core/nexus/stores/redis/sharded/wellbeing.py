"""The health of several shards as that of one store."""

from __future__ import annotations

from collections.abc import Sequence

from nexus.stores.base import Health
from nexus.stores.durability import lowest

_SUMMED = frozenset({"sessions"})


def merged(healths: Sequence[Health], url: str) -> Health:
    """One answer of all shards: well if each of them is.

    Args:
        healths: Of each, in their order.
        url: The store's, without its password.
    """
    for number, health in enumerate(healths):
        if not health.ok:
            detail = f"shard {number}: {health.detail}" if len(healths) > 1 else health.detail
            return Health(ok=False, backend=health.backend, url=url, detail=detail, facts={"shards": str(len(healths))})
    facts = {"shards": str(len(healths))}
    for name in dict.fromkeys(name for health in healths for name in health.facts):
        facts[name] = _fact(name, [health.facts[name] for health in healths if name in health.facts])
    return Health(ok=True, backend=healths[0].backend, url=url, facts=facts)


def _fact(name: str, values: Sequence[str]) -> str:
    if name in _SUMMED:
        return str(sum(int(value) for value in values if value.isdecimal()))
    if name == "level":
        return lowest(values)
    return ", ".join(sorted(set(values)))
