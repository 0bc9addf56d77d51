"""Whoever edits, drops, swaps, adds or cuts off records in a store is found out, and where is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus import AsyncNexus
from nexus.audit import verify
from nexus.model.audit import AuditBreak, AuditHead
from nexus.stores.opening import open_store
from tests.core.stores.redis.servers import Server, free_ports


async def filled(app: AsyncNexus) -> None:
    service = app.service(app.local_caller("cli"))
    await service.create_session(session_id="s")
    for number in range(8):
        await service.patch_session("s", {"n": number})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("audit"), free_ports(1)[0], "--save", "")
    running.start()
    yield running
    running.stop()


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    file = tmp_path / "n.sqlite"
    async with AsyncNexus(store=f"sqlite:///{file}") as app:
        await filled(app)
    return file


async def broken(url: str, *noted: AuditHead) -> tuple[int, str] | None:
    async with open_store(url) as store:
        verdict = await verify(store, noted)
    found: AuditBreak | None = verdict.broken
    return None if found is None else (found.seq, found.problem)


SQL: dict[str, tuple[str, tuple[int, str]]] = {
    "edited": ("UPDATE audit SET document = replace(document, 'patch', 'touch') WHERE seq = 4", (4, "edited")),
    "a version edited": ("UPDATE audit SET document = CAST(replace(document, ',3]', ',9]') AS BLOB) WHERE seq = 3",
                         (3, "edited")),
    "hash edited": ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 5", (5, "edited")),
    "dropped": ("DELETE FROM audit WHERE seq = 4", (4, "dropped")),
    "the first dropped": ("DELETE FROM audit WHERE seq = 1", (1, "dropped")),
    "cut off": ("DELETE FROM audit WHERE seq > 6", (7, "truncated")),
    "all gone": ("DELETE FROM audit", (1, "truncated")),
    "added": ("INSERT INTO audit SELECT 10, hash, document FROM audit WHERE seq = 9", (10, "added")),
    "dropped and numbered anew": (
        "DELETE FROM audit WHERE seq = 4; UPDATE audit SET seq = seq - 1 WHERE seq > 4", (4, "edited")),
    "swapped": (
        "UPDATE audit SET seq = -seq WHERE seq IN (4, 5); UPDATE audit SET seq = 9 + seq WHERE seq < 0",
        (4, "edited")),
    "not a record": ("UPDATE audit SET document = 'x' WHERE seq = 2", (2, "edited")),
}  # fmt: skip


@pytest.mark.parametrize("how", SQL)
async def test_what_is_done_to_a_file_is_located(path: Path, how: str) -> None:
    statements, expected = SQL[how]
    assert await broken(f"sqlite:///{path}") is None
    with sqlite3.connect(path) as connection:
        connection.executescript(statements)
    connection.close()
    assert await broken(f"sqlite:///{path}") == expected


async def test_a_chain_that_was_made_anew_is_found_by_a_head_that_was_noted(path: Path) -> None:
    async with AsyncNexus(store=f"sqlite:///{path}") as app:
        (head,) = await app.store.audit_heads()
        await app.service(app.local_caller("cli")).patch_session("s", {"more": 1})
    assert await broken(f"sqlite:///{path}", head) is None
    with sqlite3.connect(path) as connection:
        connection.executescript("DELETE FROM audit; UPDATE feed SET audit_seq = 0, audit_hash = x''")
    connection.close()
    async with AsyncNexus(store=f"sqlite:///{path}") as app:
        for number in range(10):
            await app.service(app.local_caller("cli")).patch_session("s", {"n": number})
    assert await broken(f"sqlite:///{path}") is None
    assert await broken(f"sqlite:///{path}", head) == (9, "rewritten")


@pytest.mark.parametrize(
    ("how", "expected"),
    [("edited", (4, "edited")), ("dropped", (4, "dropped")), ("cut off", (9, "truncated")), ("swapped", (4, "edited")),
     ("added", (10, "added"))],
)  # fmt: skip
async def test_what_is_done_to_a_redis_is_located(server: Server, how: str, expected: tuple[int, str]) -> None:
    prefix = f"audit-{how.replace(' ', '-')}:"
    async with AsyncNexus(store=server.url, session_prefix=prefix) as app:
        await filled(app)
        store = app.store
        assert (await verify(store)).intact
        link = store.link  # type: ignore[attr-defined]
        client, key = link.client, link.keys.audit
        rows = await client.call("XRANGE", key, "-", "+")
        await client.call("DEL", key)
        kept = {int(number.partition(b"-")[0]): dict(zip(f[::2], f[1::2], strict=True)) for number, f in rows}
        if how == "edited":
            kept[4][b"d"] = kept[4][b"d"].replace(b"patch", b"touch")
        elif how == "dropped":
            del kept[4]
        elif how == "cut off":
            del kept[9]
        elif how == "swapped":
            kept[4], kept[5] = kept[5], kept[4]
        else:
            kept[10] = kept[9]
        for number, fields in kept.items():
            await client.call("XADD", key, f"{number}-0", "d", fields[b"d"], "h", fields[b"h"])
        found = (await verify(store)).broken
        assert found is not None
        assert (found.seq, found.problem) == expected
