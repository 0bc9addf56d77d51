"""The settings with which a namespace's part of a store is opened."""

from __future__ import annotations

from msgspec.structs import replace

from nexus.model.namespace import Namespace
from nexus.settings import Settings
from nexus.stores.opening import store_url
from nexus.stores.partitions import partition_of


def settings_in(settings: Settings, namespace: Namespace) -> Settings:
    """The settings of the store, as they are in the part of it that is the namespace's.

    Args:
        settings: The store's.
        namespace: Which part.
    """
    url, prefix = partition_of(store_url(settings), settings.session_prefix, namespace.place)
    return replace(settings, store=url, session_prefix=prefix, namespace=namespace.name)
