"""TLS, users and passwords: to one server, to Sentinels and what they watch, and to a cluster.

Valkey from the wheel speaks no TLS, so this needs Redis itself, and openssl for the certificates.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus import AsyncNexus
from nexus.errors import InvalidInput, StoreUnavailable
from nexus.model import RunStatus
from nexus.stores.opening import open_store
from nexus.stores.redis import RedisStore
from nexus.stores.redis.urls import parse_url
from nexus.testing.builders import a_session, creating
from nexus.testing.contract.harness import must_load
from tests.core.stores.redis.servers import KEPT_NOWHERE, REDIS, Server, ask, eventually, free_ports, single

speaks_tls = pytest.mark.skipif(
    REDIS is None or shutil.which("openssl") is None, reason="redis-server with TLS and openssl are not in PATH"
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of the loopback that is its own authority; its key lies beside it."""
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=nexus", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "cert.pem"


def tls_settings(certificate: Path, port: int) -> tuple[str, ...]:
    return (
        "--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-ca-cert-file", str(certificate),
        "--tls-key-file", str(certificate.with_name("key.pem")), "--tls-auth-clients", "no",
    )  # fmt: skip


async def use(url: str) -> None:
    async with open_store(url) as store:
        await store.commit(creating(a_session("s1")))
        assert (await must_load(store, "s1")).session.id == "s1"
        assert await store.wait_events("0", 10)
        assert (await store.health()).ok


async def run_by_docket(url: str) -> None:
    """A run, carried by docket over the same kind of connection."""
    app = AsyncNexus(store=url, executor="docket")

    @app.workflow("double")
    def double(number: int) -> int:
        return 2 * number

    async with app:
        await app.start()
        run = await app.execute_workflow("double", inputs={"number": 21}, background=True)
        async with asyncio.timeout(30):
            while (await app.store.inbox(run.session_id)) or not await ended(app, run.session_id):
                await asyncio.sleep(0.01)


async def ended(app: AsyncNexus, session_id: str) -> bool:
    snapshot = await app.store.load(session_id)
    return snapshot is not None and snapshot.run is not None and snapshot.run.status is RunStatus.COMPLETED


@speaks_tls
async def test_one_server_is_spoken_to_in_private(tmp_path: Path, certificate: Path) -> None:
    (port,) = free_ports(1)
    settings = (*KEPT_NOWHERE, *tls_settings(certificate, port))
    with single(tmp_path, *settings, binary=REDIS) as server:
        ask(server.port, "CONFIG", "SET", "requirepass", "hush")
        await use(f"rediss://:hush@127.0.0.1:{port}/0?ssl_ca_certs={certificate}")
        await run_by_docket(f"rediss://:hush@127.0.0.1:{port}/3?ssl_ca_certs={certificate}")
        await use(f"rediss://:hush@localhost:{port}/1?ssl_ca_certs={certificate}")
        await use(f"rediss://:hush@127.0.0.1:{port}/2?ssl_cert_reqs=none")
        strange = RedisStore(f"rediss://:hush@127.0.0.1:{port}/0", patience=0.1)
        with pytest.raises(StoreUnavailable, match="certificate"):
            await strange.__aenter__()


@contextlib.contextmanager
def watched(folder: Path, certificate: Path) -> Iterator[str]:
    """A primary and one Sentinel, both with TLS and passwords of their own."""
    plain, secure, watcher, watcher_secure = free_ports(4)
    both = ("--tls-replication", "yes")
    primary = Server(
        folder / "primary", plain, *KEPT_NOWHERE, *tls_settings(certificate, secure), *both, binary=REDIS
    )  # fmt: skip
    (home := folder / "watcher").mkdir(parents=True)
    (home / "conf").write_text(
        f"sentinel monitor main 127.0.0.1 {secure} 1\nsentinel auth-pass main hush\nsentinel sentinel-pass quiet\n"
    )
    sentinel = Server(
        home, watcher, str(home / "conf"), "--sentinel", *tls_settings(certificate, watcher_secure), *both, binary=REDIS
    )
    try:
        primary.start()
        ask(primary.port, "CONFIG", "SET", "requirepass", "hush")
        sentinel.start()
        ask(sentinel.port, "ACL", "SETUSER", "nexus", "on", ">quiet", "+@all")
        ask(sentinel.port, "ACL", "SETUSER", "default", "off")
        yield (
            f"rediss+sentinel://:hush@127.0.0.1:{watcher_secure}/main/0?ssl_ca_certs={certificate}"
            "&sentinel_username=nexus&sentinel_password=quiet"
        )
    finally:
        sentinel.stop()
        primary.stop()


@speaks_tls
async def test_sentinels_have_a_password_of_their_own_and_tls_as_their_servers(
    tmp_path: Path, certificate: Path
) -> None:
    with watched(tmp_path, certificate) as url:
        await use(url)
        await run_by_docket(url)
        wrong = RedisStore(url.replace("quiet", "loud"), patience=0.1)
        with pytest.raises(StoreUnavailable, match="no Sentinel leads to a primary") as caught:
            await wrong.__aenter__()
        assert "loud" not in caught.value.message


@speaks_tls
async def test_a_cluster_is_followed_over_tls(tmp_path: Path, certificate: Path) -> None:
    (port,) = free_ports(1)
    settings = (*KEPT_NOWHERE, *tls_settings(certificate, port), "--tls-cluster", "yes", "--cluster-enabled", "yes")
    with single(tmp_path, *settings, binary=REDIS) as server:
        ask(server.port, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        eventually(lambda: "cluster_state:ok" in ask(server.port, "CLUSTER", "INFO"))
        ask(server.port, "CONFIG", "SET", "requirepass", "hush")
        url = f"rediss+cluster://:hush@127.0.0.1:{port}?ssl_ca_certs={certificate}"
        await run_by_docket(url)
        async with open_store(url) as store:
            await store.commit(creating(a_session("s1")))
            assert (await must_load(store, "s1")).session.id == "s1"
            assert (await store.health()).ok


async def test_a_certificate_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    url = f"rediss://127.0.0.1:1?ssl_ca_certs={tmp_path}/none.pem"
    with pytest.raises(InvalidInput, match="certificates that can't be read"):
        await RedisStore(url, patience=0.1).__aenter__()


def test_tls_and_the_passwords_of_sentinels_are_read_out_of_urls() -> None:
    place = parse_url("rediss+sentinel://u:hush@a,b:7000/main/2?sentinel_username=w&sentinel_password=qu%40et")
    assert (place.scheme, place.secure, place.service, place.db) == ("redis+sentinel", True, "main", 2)
    assert (place.sentinel_username, place.sentinel_password) == ("w", "qu@et")
    assert "hush" not in place.shown
    assert "qu%40et" not in place.shown
    assert parse_url("rediss+cluster://a?ssl_cert_reqs=none").tls == {"ssl_cert_reqs": "none"}
    for wrong in ("redis+sentinel://a/main?ssl_cert_reqs=none", "redis://a?sentinel_password=x", "rediss://a,b",
                  "rediss://a?ssl_check_hostname=perhaps"):  # fmt: skip
        with pytest.raises(InvalidInput):
            parse_url(wrong)
