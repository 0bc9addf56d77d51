"""A store that is spread over shards keeps the contract: on a cluster, and on one server."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from uuid import uuid4

import pytest

from nexus.stores.positions import write_positions
from nexus.stores.redis.placing import shard_of, shard_of_claim
from nexus.stores.redis.sharded import SHARDS, ShardedRedisStore
from nexus.testing.contract import StoreContract
from tests.core.stores.redis.servers import cluster, single
from tests.core.stores.redis.test_contract_redis import assert_transient_keys_go_by_themselves


class Spread(StoreContract):
    """What the contract has to know of a store of many shards."""

    one_order = False
    step = SHARDS
    ports: list[int]
    prefix: str

    @property
    def ahead(self) -> str:  # type: ignore[override]
        return write_positions([999_999] * self.step)

    def beside(self, *names: str) -> tuple[str, ...]:
        place = shard_of_claim(names[0], self.step)
        return (names[0], *(_like(name, place, self.step) for name in names[1:]))


def _like(name: str, place: int, shards: int) -> str:
    candidates = (name if n == 0 else f"{name}-{n}" for n in count())
    return next(one for one in candidates if shard_of(one, shards) == place)


@pytest.fixture(scope="module")
def cluster_ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[int]]:
    with cluster(tmp_path_factory.mktemp("cluster")) as servers:
        yield [server.port for server in servers]


@pytest.fixture(scope="module")
def server_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with single(tmp_path_factory.mktemp("single")) as server:
        yield server.port


class TestSixteenShardsOnACluster(Spread):
    @pytest.fixture(autouse=True)
    def _choose(self, cluster_ports: list[int]) -> Iterator[None]:
        self.ports, self.prefix = cluster_ports, f"test:{uuid4().hex}:"
        yield
        assert_transient_keys_go_by_themselves(self.ports, self.prefix)

    def open_store(self) -> ShardedRedisStore:
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return ShardedRedisStore(f"redis+cluster://{hosts}", prefix=self.prefix)


@pytest.mark.long
class TestThreeShardsOnOneServer(Spread):
    step = 3

    @pytest.fixture(autouse=True)
    def _choose(self, server_port: int) -> Iterator[None]:
        self.ports, self.prefix = [server_port], f"test:{uuid4().hex}:"
        yield
        assert_transient_keys_go_by_themselves(self.ports, self.prefix)

    def open_store(self) -> ShardedRedisStore:
        return ShardedRedisStore(f"redis://127.0.0.1:{self.ports[0]}/0?shards=3", prefix=self.prefix)
