"""Namespaces on a cluster, where each is spread over the nodes, and behind Sentinels, whose primary is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from nexus import AsyncNexus, SessionNotFound, StoreUnavailable
from nexus.model import Caller, EventBatch
from nexus.namespaces import estate
from nexus.service import Service
from tests.core.namespaces.conftest import WaitUntil
from tests.core.stores.redis.servers import Server, ask, cluster, cluster_url, eventually, sentinels

SESSIONS = 12


class Spread:
    """A store on several servers.

    Args:
        url: The store's.
        servers: Those that hold keys.
        lose: Ends one whose work another takes over; nothing where there is none.
    """

    def __init__(self, url: str, servers: Sequence[Server], lose: Callable[[], None] = lambda: None) -> None:
        self.url, self.lose = url, lose
        self._servers = list(servers)

    def nodes_with(self, words: str) -> int:
        """How many servers hold keys with these words in their names."""
        return sum(bool(self._keys(server, words)) for server in self._servers)

    @staticmethod
    def _keys(server: Server, words: str) -> Any:
        try:
            return ask(server.port, "KEYS", f"*{words}*")
        except OSError:
            return ()  # it was ended


@pytest.fixture(params=["cluster", "sentinels"])
def spread(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Spread]:
    if request.param == "cluster":
        with cluster(tmp_path) as nodes:
            yield Spread(cluster_url(nodes), nodes)
        return
    with sentinels(tmp_path) as watched:

        def lose() -> None:
            # What has reached no replica is lost with the primary, as `nexus doctor` says.
            def reached() -> bool:
                told = ask(watched.primary.port, "INFO", "replication").splitlines()
                offsets = dict(line.split(":", 1) for line in told if ":" in line)
                return f"offset={offsets['master_repl_offset']}," in offsets["slave0"]

            eventually(reached)
            watched.primary.stop()

        yield Spread(watched.url, (watched.primary, watched.replica), lose)


def an_app(url: str) -> AsyncNexus:
    app = AsyncNexus(store=url, recovery_interval=2, session_cleanup_interval=0.2)

    @app.workflow("count")
    async def count(run: Any, to: int = 3) -> dict[str, int]:
        async for number in run.steps(range(to)):
            run.state["n"] = number
        return {"n": run.state["n"]}

    return app


async def inside(app: AsyncNexus, name: str) -> Service:
    return app.service(await app.enter(Caller(actor="ann", channel="api", scope="admin", namespace=name)))


async def all_events(app: AsyncNexus, name: str) -> set[str]:
    """Ids of all sessions of which a namespace's feed tells."""
    found: set[str] = set()
    store, cursor = app._open_spaces.find(name).store, "0"
    while True:
        batch: EventBatch = await store.read_events(cursor, 500)
        if not batch.events:
            return found
        found.update(event.session_id for event in batch.events if event.session_id is not None)
        cursor = batch.cursor


async def test_a_namespace_lives_apart_outlives_a_server_and_is_removed_from_every_one(
    spread: Spread, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estate, "LETTING_GO", 0.0)
    async with an_app(spread.url) as app:
        await app.start()
        root = app.service(app.local_caller("cli"))
        names = ("acme", "umbrella")
        for name in names:
            await root.create_namespace(name)
        places = {each.name: each.place for each in await root.list_namespaces()}
        acme, umbrella = [await inside(app, name) for name in names]
        secret = (await acme.create_token("ci", "run")).secret
        for service in (acme, umbrella):
            await service.create_group("g")
        ids = [f"s{number}" for number in range(SESSIONS)]
        await asyncio.gather(*(acme.create_session(session_id=name, group="g") for name in ids))
        await asyncio.gather(*(acme.execute("count", session_id=name, background=True) for name in ids))
        await umbrella.create_session(session_id="s0", state={"of": "umbrella"})
        await umbrella.create_session(session_id="brief", timeout=0.2)

        async def settled() -> bool:
            steps = [(await acme.get_session(name)).step for name in ids]
            return steps == [3] * SESSIONS and (await umbrella.statistics()).by_status.get("expired") == 1

        await wait_until(settled, 60)
        assert (await acme.get_group("g")).total == SESSIONS
        assert (await umbrella.get_group("g")).total == 0
        assert ((await acme.statistics()).total, (await umbrella.statistics()).total) == (SESSIONS, 2)
        assert await all_events(app, "acme") == set(ids)
        assert await all_events(app, "umbrella") == {"s0", "brief"}
        if "cluster" in spread.url:
            assert spread.nodes_with(places["acme"]) == 3, "one namespace has all nodes at its service"

        spread.lose()

        async def again() -> bool:
            try:
                await acme.patch_session("s0", {"again": True})
            except StoreUnavailable:
                return False
            return True

        await wait_until(again, 60)
        assert (await acme.execute("count", {"to": 5}, session_id="s1")).outputs == {"n": 4}
        assert (await umbrella.get_session("s0")).state == {"of": "umbrella"}
        with pytest.raises(SessionNotFound):
            await root.get_session("s0")
        assert (await app.caller_of_token(secret, "api")).namespace == "acme"
        assert (await acme.end_group("g")).live == 0
        assert all([(await service.verify_audit()).intact for service in (root, acme, umbrella)])

        held = await root.remove_namespace("acme", everything=True)
        assert (held.sessions, held.groups, held.tokens) == (SESSIONS, 1, 1)
        assert spread.nodes_with(places["acme"]) == 0
        assert spread.nodes_with(places["umbrella"]) > 0
        assert await umbrella.exists("s0")
