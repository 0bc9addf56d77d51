"""A process that dies at any line of a commit leaves an audit that tells of every change, and of no other."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from nexus import AsyncNexus
from nexus.errors import StoreUnavailable
from nexus.model import Group
from nexus.verifying.audited import untold
from nexus.verifying.evidence import gather
from tests.core.stores.redis.servers import Server, single
from tests.running import environment

KEPT_ON_DISK = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with single(tmp_path / "valkey", *KEPT_ON_DISK) as started:
        yield started


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/nexus.sqlite3"
    server: Server = request.getfixturevalue("server")
    return server.url


@pytest.mark.parametrize("every", [151, pytest.param(3, marks=pytest.mark.long)])
async def test_a_process_that_is_killed_at_any_line_of_a_commit_leaves_the_audit_true(url: str, every: int) -> None:
    words = [sys.executable, "-m", "tests.durability.audit_lines", url, str(every)]
    died = subprocess.run(words, env=environment("memory://"), stdout=subprocess.PIPE, text=True, check=True)
    assert int(died.stdout) > 5
    await _audit_is_true(url)


async def test_a_server_that_is_killed_amid_commits_leaves_the_audit_true(server: Server) -> None:
    async with AsyncNexus(store=server.url) as app:
        await app.create_session(session_id="s")
        for _ in range(2):
            committed = asyncio.Event()
            changing = [asyncio.create_task(_change(app, number, committed)) for number in range(10)]
            await committed.wait()
            server.stop()
            await asyncio.to_thread(server.start)
            await asyncio.gather(*changing)
    await _audit_is_true(server.url)


async def _change(app: AsyncNexus, number: int, committed: asyncio.Event) -> None:
    for turn in range(8):
        try:
            await app.update_session("s", {f"{number}": turn})
        except StoreUnavailable:
            continue
        committed.set()


async def _audit_is_true(url: str) -> None:
    async with AsyncNexus(store=url, embedded_worker=False) as app:
        evidence = await gather(app.store)
        groups = {group.id async for group in _groups(app)}
    assert evidence.sessions
    assert evidence.audit
    assert evidence.audit_break == ""
    assert list(untold(evidence, evidence.audit)) == []
    assert groups == {entry.target for entry in evidence.audit if entry.action == "group.create"}
    changes = [entry for entry in evidence.audit if entry.outcome == "done"]
    assert len(changes) == sum(session.version for session in evidence.sessions.values()) + len(groups)


async def _groups(app: AsyncNexus) -> AsyncIterator[Group]:
    cursor = None
    while True:
        page = await app.session_manager.list_groups(cursor=cursor)
        for group in page.items:
            yield group
        cursor = page.next_cursor
        if cursor is None:
            return
