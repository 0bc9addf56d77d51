"""The Redis store keeps the contract, on one server, behind Sentinels, and on a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from nexus.stores.redis import RedisStore
from nexus.testing.contract import StoreContract
from nexus.testing.contract.commits import CommitContract
from tests.core.stores.redis.servers import Sentinels, ask, cluster, sentinels, single


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with single(tmp_path_factory.mktemp("single")) as server:
        yield server.port


@pytest.fixture(scope="module")
def cluster_ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[int]]:
    with cluster(tmp_path_factory.mktemp("cluster")) as servers:
        yield [server.port for server in servers]


class TestRedisStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _choose_server(self, one_server: int) -> Iterator[None]:
        self.port, self.prefix = one_server, f"test:{uuid4().hex}:"
        yield
        assert_transient_keys_go_by_themselves([self.port], self.prefix)

    def open_store(self) -> RedisStore:
        return RedisStore(f"redis://127.0.0.1:{self.port}/0", prefix=self.prefix)


class OnACluster:
    @pytest.fixture(autouse=True)
    def _choose_cluster(self, cluster_ports: list[int]) -> Iterator[None]:
        self.ports, self.prefix = cluster_ports, f"test:{uuid4().hex}:"
        yield
        assert_transient_keys_go_by_themselves(self.ports, self.prefix)

    def open_store(self) -> RedisStore:
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return RedisStore(f"redis+cluster://{hosts}", prefix=self.prefix)


class TestCommitsOnACluster(OnACluster, CommitContract):
    """The part that the place has most to do with: the whole contract is kept on a cluster by the sharded store."""


@pytest.mark.long
class TestRedisStoreOnACluster(OnACluster, StoreContract):
    """All of it."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sentinels]:
    with sentinels(tmp_path_factory.mktemp("watched")) as servers:
        for watcher in servers.watchers:
            # A machine that is busy for half a second is no reason for a failover here.
            assert ask(watcher.port, "SENTINEL", "SET", "main", "down-after-milliseconds", "60000") == "OK"
        yield servers


class BehindSentinels:
    @pytest.fixture(autouse=True)
    def _choose_servers(self, watched: Sentinels) -> Iterator[None]:
        self.url, self.prefix = watched.url, f"test:{uuid4().hex}:"
        yield
        assert_transient_keys_go_by_themselves([watched.primary.port], self.prefix)

    def open_store(self) -> RedisStore:
        return RedisStore(self.url, prefix=self.prefix)


class TestCommitsBehindSentinels(BehindSentinels, CommitContract):
    """The part that the place has most to do with: found, it is one server."""


@pytest.mark.long
class TestRedisStoreBehindSentinels(BehindSentinels, StoreContract):
    """All of it."""


def assert_transient_keys_go_by_themselves(ports: list[int], prefix: str) -> None:
    """What no session, group, event, counter, worker or document holds must have a time to live."""
    lasting = ("meta", "a", "seq", "e", "n", "ng", "claims", "owners", "groups", "members", "gone", "w")
    kinds = ("r:", "c:", "cs:", "j:", "i:", "k:", "es:", "eg:", "x:", "doc:")
    for port in ports:
        for key in ask(port, "KEYS", f"{prefix}*"):
            name = key.partition("}:")[2]
            if name not in lasting and not name.startswith(kinds):
                assert int(ask(port, "TTL", key)) > 0, key
            if name.startswith(("c:", "cs:", "j:", "i:", "k:")):
                record = key[: len(key) - len(name)] + "r:" + name.partition(":")[2]
                assert ask(port, "EXISTS", record) == 1, f"{key} outlives its session"
