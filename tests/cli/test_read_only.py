"""A target that is opened read-only has a service that refuses every change, whoever asks for it."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.app import AsyncNexus
from nexus.errors import PermissionDenied
from nexus.model.bulk import BulkRequest
from nexus.service import Service
from nexus_tui.app import NexusConsole
from nexus_tui.cli.read_only import READS
from nexus_tui.cli.target import Target
from tests.running import serving

CHANGES = {
    "create_session", "patch_session", "end_session", "extend_session", "undo_session", "bulk", "sync_session",
    "resume_session", "fork_session", "signal_session", "get_or_create", "execute", "create_group", "end_group",
}  # fmt: skip


def test_every_method_of_the_service_is_known_as_a_look_or_a_change() -> None:
    methods = {name for name, _ in inspect.getmembers(Service, inspect.isfunction) if not name.startswith("_")}
    assert methods - READS >= CHANGES
    assert methods >= READS


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'sessions.sqlite3'}"


async def assert_reads_only(target: Target) -> None:
    async with replace(target, read_only=True).open_service() as service:
        assert (await service.get_session("kept")).live
        assert (await service.list_sessions()).total == 1
        assert [item async for item in _first(service)]
        for name in sorted(CHANGES):
            with pytest.raises(PermissionDenied, match="read-only"):
                await getattr(service, name)("kept")
        with pytest.raises(PermissionDenied):
            await service.bulk(BulkRequest(action="end", ids=("kept",)))
        assert (await service.get_session("kept")).version == 1


async def _first(service: Service):  # type: ignore[no-untyped-def]
    async for item in service.feed():
        yield item
        return


async def test_a_store_is_only_read(store: str) -> None:
    async with AsyncNexus(store=store) as app:
        await app.service(app.local_caller("cli")).create_session(session_id="kept")
    await assert_reads_only(Target(store=store, origin="--store"))


async def test_a_server_is_only_read(store: str, tmp_path: Path) -> None:
    (tmp_path / "nexus_app.py").write_text("from nexus import AsyncNexus\napp = AsyncNexus()\n", encoding="utf-8")
    async with AsyncNexus(store=store) as app:
        await app.service(app.local_caller("cli")).create_session(session_id="kept")
    with serving(store, tmp_path) as url:
        await assert_reads_only(Target(server=url, origin="--server"))


def test_the_console_of_such_a_target_is_read_only(store: str) -> None:
    assert NexusConsole(Target(store=store, read_only=True)).feed.read_only
    assert not NexusConsole(Target(store=store)).feed.read_only
