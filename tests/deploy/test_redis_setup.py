"""The production guide's configuration, user and TLS settings of Redis, on real servers."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus import AsyncNexus
from nexus.errors import StoreUnavailable
from nexus.model import RunStatus
from nexus.stores.redis import RedisStore
from nexus.testing.builders import a_session, creating
from tests.core.stores.redis.servers import KEPT_NOWHERE, Server, ask, free_ports, single
from tests.running import ROOT

GUIDE = (ROOT / "docs" / "production" / "redis.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```text\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
OLD_REDIS = shutil.which("redis-server")
BINARIES = [None, *([OLD_REDIS] if OLD_REDIS else [])]


def block(begin: str) -> list[str]:
    """The lines of the guide's block that begins so."""
    (found,) = [text for text in BLOCKS if text.startswith(begin)]
    return str(found).splitlines()


@pytest.mark.parametrize("binary", BINARIES)
async def test_the_guides_configuration_is_one_and_keeps_what_is_acknowledged(
    tmp_path: Path, binary: str | None
) -> None:
    lines = block("appendonly yes")
    (tmp_path / "conf").write_text("\n".join(lines), encoding="utf-8")
    with single(tmp_path / "data", str(tmp_path / "conf"), binary=binary) as server:
        # There is no replica here, and it says so when a store is to be made.
        with pytest.raises(StoreUnavailable, match="NOREPLICAS"):
            await RedisStore(server.url, patience=0.5).__aenter__()
        ask(server.port, "CONFIG", "SET", "min-replicas-to-write", "0")
        async with RedisStore(server.url) as store:
            await store.commit(creating(a_session("s1")))
            health = await store.health()
            assert health.facts["appendfsync"] == "everysec"
            assert health.facts["maxmemory-policy"] == "noeviction"


@pytest.fixture(params=BINARIES, ids=lambda binary: "redis" if binary else "valkey")
def guarded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A server with the guide's user and no other."""
    with single(tmp_path, *KEPT_NOWHERE, binary=request.param) as server:
        first, *others = reversed(block("user default"))
        for line in (first, *others):
            assert ask(server.port, "ACL", "SETUSER", *line.split()[1:]) == "OK", line
        yield server


async def test_the_guides_user_may_do_all_that_servers_and_workers_do(guarded: Server) -> None:
    url = f"redis://nexus:PASSWORD@127.0.0.1:{guarded.port}/0"
    async with AsyncNexus(store=url) as app:

        @app.workflow("add")
        async def add(run: object, one: int, two: int) -> int:
            return one + two

        await app.start()
        result = await app.execute_workflow("add", "s1", {"one": 1, "two": 2}, background=True)
        ended = await app.parts.runs.wait(result.session_id, result.run_id, 30)
        assert (ended.status, ended.outputs) == (RunStatus.COMPLETED, 3)
        health = await app.store.health()
        assert (health.ok, health.facts["role"], health.facts["appendonly"]) == (True, "master", "no")


async def test_the_guides_user_may_do_nothing_that_harms_others(guarded: Server) -> None:
    commands = (("FLUSHALL",), ("KEYS", "*"), ("CONFIG", "SET", "maxmemory", "1"), ("ACL", "LIST"), ("SET", "x", "1"))
    async with RedisStore(f"redis://nexus:PASSWORD@127.0.0.1:{guarded.port}/0") as store:
        wire = await store._open.client.another()
        for words in commands:
            assert str(await wire.call(*words)).startswith("NOPERM"), words
        wire.close()


def _certificates(folder: Path) -> None:
    for words in (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -keyout ca.key -out ca.crt -subj /CN=ca",
        "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost",
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out server.crt -extfile names",
        "req -x509 -newkey rsa:2048 -nodes -days 2 -keyout other.key -out other.crt -subj /CN=other",
    ):
        (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1", encoding="utf-8")
        subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)


@pytest.mark.skipif(not (OLD_REDIS and shutil.which("openssl")), reason="no redis-server with TLS, or no openssl")
async def test_the_guides_tls_settings_let_in_those_who_trust_the_certificate(tmp_path: Path) -> None:
    _certificates(tmp_path)
    tls, plain = free_ports(2)
    lines = [line.replace("/etc/valkey", str(tmp_path)) for line in block("port 0")]
    settings = [line for line in lines if not line.startswith(("port", "tls-port"))]
    assert len(lines) - len(settings) == 2
    (tmp_path / "conf").write_text("\n".join([*settings, f"tls-port {tls}"]), encoding="utf-8")
    # It listens without TLS too, because what waits for a server here speaks none.
    server = Server(tmp_path / "data", plain, str(tmp_path / "conf"), *KEPT_NOWHERE, binary=OLD_REDIS)
    try:
        server.start()
        (url,) = block("rediss://")
        url = url.replace("nexus:PASSWORD@redis.internal:6379", f"localhost:{tls}")
        async with RedisStore(url.replace("/etc/nexus/ca.crt", str(tmp_path / "ca.crt"))) as store:
            await store.commit(creating(a_session("s1")))
            assert await store.load("s1") is not None
        with pytest.raises(StoreUnavailable, match="certificate verify failed"):
            await RedisStore(
                url.replace("/etc/nexus/ca.crt", str(tmp_path / "other.crt")), timeout=2, patience=0.2
            ).__aenter__()
    finally:
        server.stop()
