"""The health of the nodes that hold a store's shards, as that of one store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nexus.stores.base import Health
from nexus.stores.durability import lowest


def merged(healths: Sequence[Health], url: str, facts: Mapping[str, str]) -> Health:
    """One answer of all: well if each of them is, and as durable as the least durable.

    Args:
        healths: Of each node.
        url: The store's, without its password.
        facts: Those of the store as a whole; they replace the nodes' own of the same names.
    """
    for health in healths:
        if not health.ok:
            return Health(ok=False, backend=health.backend, url=url, detail=health.detail)
    found: dict[str, str] = {}
    for name in dict.fromkeys(name for health in healths for name in health.facts):
        found[name] = _fact(name, [health.facts[name] for health in healths if name in health.facts])
    return Health(ok=True, backend=healths[0].backend, url=url, facts={**found, **facts})


def _fact(name: str, values: Sequence[str]) -> str:
    """What all say, or each of what some say."""
    return lowest(values) if name == "level" else ", ".join(sorted(set(values)))
