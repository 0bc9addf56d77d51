"""A store that is spread over the nodes of a Redis Cluster: several one-slot stores behind one interface."""

from nexus.stores.redis.sharded.store import SHARDS, ShardedRedisStore

__all__ = ["SHARDS", "ShardedRedisStore"]
