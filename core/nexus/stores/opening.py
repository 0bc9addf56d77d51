"""From a store URL to a store: the one module that names the concrete ones.

Accepted forms:

- ``memory://``: in this process only, gone with it.
- ``sqlite:///relative/path.sqlite3``: relative to the working folder.
- ``sqlite:////absolute/path.sqlite3``: four slashes.
- ``sqlite:///~/path.sqlite3``: in the user's home folder.

- ``redis://HOST:PORT/DB``, ``unix://PATH``, ``redis+sentinel://HOSTS/SERVICE/DB`` and ``redis+cluster://HOSTS``, and
  with ``rediss`` for TLS: see ``nexus.stores.redis``. A store in a cluster is spread over its nodes.

Paths may be percent-encoded, as in any URL.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import unquote

from nexus.errors import InvalidInput
from nexus.settings import Settings
from nexus.stores.base import Store
from nexus.stores.urls import sqlite_url

__all__ = ["default_store_url", "open_store", "sqlite_url", "store_url"]

_ACCEPTED: Final = (
    "memory://, sqlite:///relative/path, sqlite:////absolute/path, sqlite:///~/path, redis://host:port/db,"
    " rediss://, unix://, redis+sentinel://, redis+cluster://"
)
_REDIS: Final = frozenset(
    {"redis", "rediss", "redis+sentinel", "redis+cluster", "rediss+sentinel", "rediss+cluster", "unix"}
)


def open_store(
    url: str, *, prefix: str = "nexus:sessions:", min_replicas: int = 0, replica_timeout: float = 1.0
) -> Store:
    """The store at ``url``, not opened yet: use it as ``async with``.

    Args:
        url: One of the forms in the module's docstring.
        prefix: What the names of all keys begin with, on Redis; several Nexus can share one server so.
        min_replicas: How many replicas of a Redis server have to have a checkpoint before it is acknowledged.
        replica_timeout: Seconds for which they are waited for.

    Raises:
        InvalidInput: The URL has another form; the message lists those that are accepted.
    """
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator:
        raise _refused(url, "is not a store URL")
    if scheme == "memory":
        return _memory(url, rest)
    if scheme == "sqlite":
        return _sqlite(url, rest)
    if scheme in _REDIS:
        return _redis(url, prefix, min_replicas, replica_timeout)
    raise _refused(url, f"has the unknown scheme {scheme[:20]!r}")


def default_store_url() -> str:
    """One SQLite file in the user's data folder, the same for every process of that user."""
    from platformdirs import user_data_path

    return sqlite_url(user_data_path("nexus", appauthor=False) / "nexus.sqlite3")


def store_url(settings: Settings) -> str:
    """The store that the settings name: ``store`` wins over ``session_backend``.

    ``memory`` with ``session_persistence`` is the SQLite file (``database_url`` or the default one): what is written
    through is then all there, and nothing is lost with the process. Redis with it is archived in that database.
    """
    if settings.store is not None:
        return settings.store
    if settings.session_backend == "redis":
        return settings.redis_url
    if settings.session_backend == "memory" and not settings.session_persistence:
        return "memory://"
    return settings.database_url or default_store_url()


def _memory(url: str, rest: str) -> Store:
    if rest.strip("/"):
        raise _refused(url, "has a path, and a memory store has none")
    from nexus.stores.memory import MemoryStore

    return MemoryStore()


def _sqlite(url: str, rest: str) -> Store:
    host, slash, path = rest.partition("/")
    if host:
        raise _refused(url, "has two slashes where a path needs three, or four when it is absolute")
    if not slash or not path.strip("/"):
        raise _refused(url, "names no file")
    if "?" in path or "#" in path:
        raise _refused(url, "has a query or a fragment, and there are no options to set")
    from nexus.stores.sqlite import SQLiteStore

    try:
        return SQLiteStore(Path(unquote(path)).expanduser())
    except RuntimeError:
        raise _refused(url, "names the home folder of a user that the system does not know") from None


def _redis(url: str, prefix: str, min_replicas: int, replica_timeout: float) -> Store:
    from nexus.stores.redis import RedisStore
    from nexus.stores.redis.replicas import Demand
    from nexus.stores.redis.urls import parse_url

    demand = Demand(min_replicas, replica_timeout)
    place = parse_url(url)
    if place.scheme != "redis+cluster" and place.shards is None:
        return RedisStore(url, prefix=prefix, demand=demand)
    from nexus.stores.redis.sharded import ShardedRedisStore

    return ShardedRedisStore(url, prefix=prefix, demand=demand)


def _refused(url: str, why: str) -> InvalidInput:
    shown = _without_secrets(url)
    return InvalidInput(f"store {shown!r} {why}: accepted are {_ACCEPTED}", field="store", value=shown)


def _without_secrets(url: str) -> str:
    # redis://user:password@host is refused with a message, and messages end up in logs.
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2].partition('?')[0]}"[:120]
