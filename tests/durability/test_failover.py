"""One session over HTTP, the command line and MCP, on Redis alone, behind Sentinels and in a cluster, whose primary is
killed in the middle of it: what was acknowledged and had reached the replica is there, and nothing was done twice."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.core.stores.redis.servers import Server, ask, cluster, cluster_url, sentinels, single
from tests.running import EXAMPLES, environment, serving

SESSION = "shared"
CLIENTS = 4
BOUND = 45.0
"""Seconds within which any call is answered, whatever happens; the store gives up after 10."""
PATIENCE = 90.0
KEPT_ON_DISK = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")


class Layout:
    """Servers with one that can be lost.

    Args:
        url: The store's.
        lose: Ends the server that has the session, and brings about what takes over where nobody else does.
        kept: The version of the session that surely survives that.
    """

    def __init__(self, url: str, lose: Callable[[], None], kept: Callable[[], int]) -> None:
        self.url, self.lose, self.kept = url, lose, kept


@contextmanager
def alone(folder: Path) -> Iterator[Layout]:
    """A server that is killed and started again, and wrote everything to its disk."""
    with single(folder, *KEPT_ON_DISK) as server:

        def lose() -> None:
            server.stop()
            server.start()

        yield Layout(server.url, lose, lambda: version_on(server))


@contextmanager
def watched(folder: Path) -> Iterator[Layout]:
    """A primary that Sentinels replace by its replica."""
    with sentinels(folder) as servers:
        yield Layout(servers.url, servers.primary.stop, lambda: version_on(servers.replica))


@contextmanager
def spread(folder: Path) -> Iterator[Layout]:
    """Three primaries, each with a replica that takes its place."""
    with cluster(folder, replicas=True) as servers:

        def owner() -> int:
            return next(place for place in range(3) if record_on(servers[place]))

        def lose() -> None:
            servers[owner()].stop()

        yield Layout(cluster_url(servers), lose, lambda: version_on(servers[owner() + 3]))


def record_on(server: Server) -> str:
    """The key of the session's record on a server; empty if it is another's."""
    found = [key for key in ask(server.port, "KEYS", f"*:r:{SESSION}") if key.endswith(f"}}:r:{SESSION}")]
    return found[0] if found else ""


def version_on(server: Server) -> int:
    """The session's version on a server, be it a replica."""
    from redis import Redis

    with Redis(port=server.port, single_connection_client=True) as redis:
        with suppress(Exception):
            redis.execute_command("READONLY")
        return int(redis.hget(record_on(server), "v") or 0)


class User:
    """Uses one session through all channels, again and again until each use is acknowledged."""

    def __init__(self, url: str, store: str, web: httpx.AsyncClient) -> None:
        self.url, self.store, self.web = url, store, web
        self.acknowledged: dict[str, int] = {}
        self.unsure: set[str] = set()
        self.refused = 0
        self._keys = count()

    async def patch(self) -> None:
        """Set a key of its own, once."""
        key = f"key-{next(self._keys)}"
        async with asyncio.timeout(BOUND):
            answer = await self.web.patch(f"/sessions/{SESSION}", json={key: 1})
        if answer.status_code == 200:
            self.acknowledged[key] = answer.json()["version"]
        else:
            assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable"), answer.text
            self.unsure.add(key)
            self.refused += 1

    async def over_http(self, step: int) -> None:
        """One step of the process, under a key: it may be asked for more than once, and is done once."""
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = await self.web.post(
                    "/workflows/multi-step-process/execute", headers={"Idempotency-Key": f"step-{step}"},
                    json={"session_id": SESSION, "inputs": {"step": step}},
                )  # fmt: skip
                if answer.status_code == 200:
                    return
                assert answer.json()["code"] in ("store_unavailable", "session_busy"), answer.text

    async def by_command(self, step: int) -> int:
        """One step from the command line, once; its exit code."""
        words = ["run", "multi-step-process", "--session", SESSION, "--step", str(step), "--store", self.store]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "nexus_tui", *words, cwd=EXAMPLES, env=environment(self.store),
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(PATIENCE):
            return await process.wait()

    async def by_mcp(self, step: int) -> None:
        """One step as a model's tool call."""
        from mcp import Client

        async with asyncio.timeout(PATIENCE), Client(f"{self.url}/mcp") as client:
            answer = await client.call_tool("multi-step-process", {"step": step, "session_id": SESSION})
        assert not answer.is_error, answer

    async def session(self) -> dict[str, Any]:
        """As it is now."""
        found: dict[str, Any] = (await self.web.get(f"/sessions/{SESSION}")).json()
        return found

    async def until_ready(self, status: int) -> None:
        """Return once ``/ready`` says so."""
        async with asyncio.timeout(PATIENCE):
            while (await self.web.get("/ready")).status_code != status:
                await asyncio.sleep(0.02)


LAYOUTS = [alone, watched, spread]


@pytest.mark.parametrize(
    ("layout", "seconds"),
    [*((layout, 0.5) for layout in LAYOUTS), *(pytest.param(each, 10.0, marks=pytest.mark.long) for each in LAYOUTS)],
)
async def test_a_session_over_all_channels_outlives_the_server_that_holds_it(
    tmp_path: Path, layout: Callable[[Path], AbstractContextManager[Layout]], seconds: float
) -> None:
    with layout(tmp_path) as servers, serving(servers.url, EXAMPLES) as url:
        async with httpx.AsyncClient(base_url=url, timeout=BOUND) as web:
            user = User(url, servers.url, web)
            await user.over_http(1)
            assert await user.by_command(2) == 0
            await user.by_mcp(3)
            over = asyncio.Event()
            patching = [asyncio.create_task(_patch_until(over, user)) for _ in range(CLIENTS)]
            await asyncio.sleep(seconds)
            sure = await asyncio.to_thread(servers.kept)
            killed_at = time.monotonic()
            losing = asyncio.create_task(asyncio.to_thread(servers.lose))
            # With a server that is gone everybody waits; the first to be answered are those that come first after it.
            await asyncio.gather(losing, user.over_http(4))
            back_after = time.monotonic() - killed_at
            await user.until_ready(200)
            await asyncio.sleep(seconds)
            over.set()
            await asyncio.gather(*patching)
            assert await user.by_command(5) == 0
            await user.by_mcp(6)
            await check(user, sure)
            print(
                f"{layout.__name__}: answered again after {back_after:.2f} s, {len(user.acknowledged)} acknowledged,"
                f" {user.refused} refused, {await lost(user)} acknowledged and lost"
            )


async def _patch_until(over: asyncio.Event, user: User) -> None:
    while not over.is_set():
        await user.patch()


async def check(user: User, sure: int) -> None:
    """All that had reached the replica is there, and each step and key once."""
    session = await user.session()
    assert session["channels"] == ["api", "cli", "mcp"]
    assert [step["step"] for step in session["state"]["steps"]] == [1, 2, 3, 4, 5, 6]
    keys = {key for key in session["state"] if key.startswith("key-")}
    assert keys <= user.acknowledged.keys() | user.unsure
    assert {key for key, version in user.acknowledged.items() if version <= sure} <= keys
    page = (await user.web.get(f"/sessions/{SESSION}/events", params={"limit": 1000})).json()
    events = page["items"]
    while page["next_cursor"]:
        page = (
            await user.web.get(f"/sessions/{SESSION}/events", params={"limit": 1000, "cursor": page["next_cursor"]})
        ).json()
        events += page["items"]
    versions = [event["version"] for event in events]
    assert sorted(set(versions)) == list(range(1, session["version"] + 1))
    assert sum(event["type"] == "session.updated" for event in events) == len(keys)
    assert sum(event["type"] == "run.completed" for event in events) == 6


async def lost(user: User) -> int:
    """How many patches were acknowledged and are gone: what the old primary had not sent to its replica."""
    state = (await user.session())["state"]
    return sum(key not in state for key in user.acknowledged)


@pytest.mark.long  # the store is given up twice, after ten seconds each time
async def test_a_service_says_that_its_store_is_gone_and_when_it_is_back(tmp_path: Path) -> None:
    with single(tmp_path, *KEPT_ON_DISK) as server, serving(server.url, EXAMPLES) as url:
        async with httpx.AsyncClient(base_url=url, timeout=BOUND) as web:
            user = User(url, server.url, web)
            await user.over_http(1)
            server.stop()
            await user.until_ready(503)
            assert (await web.get("/health")).status_code == 200
            await user.patch()
            assert user.refused == 1
            assert await user.by_command(2) == 6
            await asyncio.to_thread(server.start)
            await user.until_ready(200)
            await user.patch()
            assert len(user.acknowledged) == 1
