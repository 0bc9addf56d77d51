"""The check of the archive finds a complete one complete, also after a loss, and each planted bug of archiving."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from nexus import AsyncNexus
from nexus.archive import remaking
from nexus.stores.redis.outbox import RedisOutbox
from nexus.verifying import Ledger, Verdict, check, gather
from nexus.verifying.evidence import Follower
from tests.chaos.suite.archived import archive_all, kept
from tests.core.stores.redis.servers import Server, ask, single

PREFIX = "promise:"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with single(tmp_path_factory.mktemp("valkey")) as server:
        yield server


async def played(server: Server, folder: Path) -> dict[str, Verdict]:
    """Sessions live and end, all is lost, and they go on; what the checks say then."""
    ask(server.port, "FLUSHALL")
    where = server.url, PREFIX, f"sqlite:///{folder / 'archive.sqlite3'}"
    app = AsyncNexus(
        store=server.url, session_prefix=PREFIX, session_persistence=True, database_url=where[2],
        session_retention=0.001,
    )  # fmt: skip
    async with app:
        follower = Follower(app.store)
        async with follower.following():
            await app.session_manager.create_group("g")
            for number in range(5):
                await app.create_session(session_id=f"s{number}", group="g" if number < 2 else None)
                await app.update_session(f"s{number}", {"n": number})
            await app.end_session("s4")
            await app.create_session(session_id="s5", group=await app.session_manager.create_group("over"))
            await app.session_manager.end_group("over")
            await archive_all(*where)
            ask(server.port, "FLUSHALL")
            for number in range(3):
                await app.update_session(f"s{number}", {"m": number})
            await app.session_manager.end_group("g")
            await archive_all(*where)
            assert await app.parts.sweeper.delete_old() >= 2
        await archive_all(*where)
        evidence = await gather(app.store, live=app.parts.engine.live, followed=follower)
        verdicts = [*check(Ledger(complete=False), evidence), await kept(*where, evidence)]
    return {verdict.promise: verdict for verdict in verdicts}


async def test_an_archive_is_complete_after_a_loss(server: Server, tmp_path: Path) -> None:
    verdicts = await played(server, tmp_path)
    assert [verdict.broken for verdict in verdicts.values()] == [()] * len(verdicts)
    assert verdicts["archived"].checked > 20


def forgets_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than two that are read at once, one is never applied."""
    read = RedisOutbox.read

    async def fewer(self: RedisOutbox, *given: Any) -> Any:
        found = await read(self, *given)
        return replace(found, entries=(*found.entries[:1], *found.entries[2:])) if len(found.entries) > 2 else found

    monkeypatch.setattr(RedisOutbox, "read", fewer)


def forgets_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of those that are lost isn't put back."""
    wanted = remaking.names_wanted

    def fewer(*given: Any, **more: Any) -> Sequence[str]:
        return [name for name in wanted(*given, **more) if name != "s3"]

    monkeypatch.setattr(remaking, "names_wanted", fewer)


@pytest.mark.parametrize("plant", [forgets_an_entry, forgets_a_session])
async def test_a_bug_of_archiving_is_found_out(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    plant(monkeypatch)
    assert (await played(server, tmp_path))["archived"].broken
