"""The store on Redis 7 or later, or Valkey 8 or later: many processes, on many machines."""

from nexus.stores.redis.store import RedisStore

__all__ = ["RedisStore"]
