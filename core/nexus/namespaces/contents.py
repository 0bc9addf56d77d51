"""How much is in a namespace."""

from __future__ import annotations

from nexus.auth import Tokens
from nexus.lifecycle.counting import statistics
from nexus.model.namespace import Namespace, NamespaceContents
from nexus.stores.base import Store


async def contents_of(namespace: Namespace, store: Store, tokens: Tokens, now: float) -> NamespaceContents:
    """Count what is in a namespace.

    Args:
        namespace: Which.
        store: Its part, open.
        tokens: Those of all namespaces.
        now: Seconds since the epoch.
    """
    figures = statistics(await store.counters(), now)
    groups = await store.list_groups(cursor=None, limit=1)
    return NamespaceContents(
        namespace=namespace, sessions=figures.total, live=figures.active, groups=groups.total or 0,
        tokens=len(await tokens.of(namespace.name)),
    )  # fmt: skip
