"""Redis itself, where it is installed, keeps the contract as Valkey does: the oldest that is supported is 7.0."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from nexus.stores.redis import RedisStore
from nexus.testing.contract import StoreContract
from tests.core.stores.redis.servers import REDIS, single
from tests.core.stores.redis.test_contract_redis import assert_transient_keys_go_by_themselves

pytestmark = pytest.mark.skipif(REDIS is None, reason="redis-server is not in PATH")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with single(tmp_path_factory.mktemp("redis"), binary=REDIS) as server:
        yield server.port


class TestRedis(StoreContract):
    @pytest.fixture(autouse=True)
    def _choose_server(self, port: int) -> Iterator[None]:
        self.port, self.prefix = port, f"test:{uuid4().hex}:"
        yield
        assert_transient_keys_go_by_themselves([self.port], self.prefix)

    def open_store(self) -> RedisStore:
        return RedisStore(f"redis://127.0.0.1:{self.port}/0", prefix=self.prefix)
