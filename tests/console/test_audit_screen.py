"""The audit in the console: read, filtered, followed, verified, and refused to those who may not read it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from nexus import AsyncNexus
from nexus.model import Caller
from nexus.model.audit import AuditEntry, AuditHead
from nexus.stores.memory import MemoryStore
from nexus_tui.audit.asking import audit_completions
from nexus_tui.audit.book import PAGE
from nexus_tui.cli.target import Target
from nexus_tui.merged.target import MergedTarget
from nexus_tui.screens.audit import AuditScreen
from nexus_tui.screens.record import RecordDialog
from nexus_tui.screens.session import SessionScreen
from tests.console.driving import NARROW, WIDE, Driven, RememberingConsole, driving
from tests.console.test_goldens_of_views import a_recording
from tests.console.world import StandingClock, World

SIZES = [WIDE, NARROW]


async def write(world: World, action: str, target: str = "session-123", kind: str = "session", **more: object) -> None:
    entry = AuditEntry(at=world.clock.at, actor="ci", channel="api", action=action, target_kind=kind, target=target)
    await world.app.store.append_audit(replace(entry, **more))


async def refuse(world: World, action: str = "end", code: str = "permission_denied") -> None:
    await write(world, action, outcome="refused", code=code, reason="a read token changes nothing")


async def opened(driven: Driven, *keys: str) -> AuditScreen:
    await driven.press(*(keys or ("A",)))
    screen = driven.console.screen
    assert isinstance(screen, AuditScreen)
    await driven.until(lambda: screen._book.is_begun or screen._denied)
    await driven.rest()
    return screen


@pytest.mark.parametrize("size", SIZES)
async def test_who_changed_what_and_who_was_refused_to_is_listed_newest_first(
    full_world: World, size: tuple[int, int]
) -> None:
    await write(full_world, "patch", version_before=41, version_after=42)
    await refuse(full_world)
    async with driving(full_world, full_world.clock, size=size) as driven:
        screen = await opened(driven)
        await driven.until(lambda: screen.table.total == 60)
        first, second, *_ = [line for line in driven.text.splitlines() if "✖ end" in line or "✓ patch" in line]
        assert driven.text.index(first) < driven.text.index(second)
        assert "permission" in first
        assert "ci" in second
        row = screen.table.row_at(0)
        assert row is not None
        assert {cell.tone for cell in row.cells if hasattr(cell, "tone")} >= {"bad"}
        assert "60 records" in driven.text
        if size == WIDE:
            assert "41 → 42" in second
        await driven.press("escape")
        assert driven.on_main


async def test_what_is_written_meanwhile_comes_in_at_the_top_and_is_counted_further_down(full_world: World) -> None:
    async with driving(full_world, full_world.clock, size=NARROW) as driven:
        screen = await opened(driven)
        await driven.until(lambda: screen.table.total == 58)
        await full_world.service.extend_session("session-123", 60)
        await driven.beat_until(lambda: screen.table.total == 59)
        await driven.until(lambda: "✓ extend" in driven.text)
        await driven.press("end")
        for _ in range(3):
            await refuse(full_world)
        await driven.beat_until(lambda: "3 newer" in driven.text)
        assert screen.table.total == 59
        await driven.press("home")
        await driven.until(lambda: screen.table.total == 62)
        assert "newer" not in driven.text


async def test_rows_are_held_and_what_waits_is_counted(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        screen = await opened(driven)
        await driven.until(lambda: screen.table.total == 58)
        await driven.press("p")
        await refuse(full_world)
        await driven.beat_until(lambda: "PAUSED, 1 waiting" in driven.text)
        assert screen.table.total == 58
        await driven.press("p")
        await driven.until(lambda: screen.table.total == 59)
        assert "PAUSED" not in driven.text


@pytest.mark.parametrize("size", SIZES)
async def test_it_is_filtered_with_completion_and_mistakes_by_column(full_world: World, size: tuple[int, int]) -> None:
    await refuse(full_world)
    async with driving(full_world, full_world.clock, size=size) as driven:
        screen = await opened(driven)
        await driven.press("slash")
        await driven.write("outcome:r")
        await driven.until(lambda: "refused" in driven.text)
        await driven.press("tab", "enter")
        await driven.until(lambda: screen.table.total == 3)
        await driven.press("slash")
        await driven.write(" actr:x")
        await driven.press("enter")
        assert "did you mean actor" in driven.text
        assert screen.table.total == 3
        await driven.press("escape", "escape")
        await driven.until(lambda: screen.table.total == 59)
        await driven.press("colon", *"filter action", "colon", "e", "n", "d", "enter")
        await driven.until(lambda: screen.table.total == len([1 for line in screen._book.newest()]) > 5)
        assert all(record.action == "end" for record in screen._book.newest())
        await driven.press("exclamation_mark")
        await driven.until(lambda: screen.table.total == 2)
        assert "refused only" in driven.text
        await driven.press("exclamation_mark")
        await driven.until(lambda: screen.table.total > 5)
        await driven.press("escape")
        await driven.until(lambda: screen.table.total == 59)


async def test_a_filter_may_be_given_at_once_and_one_that_is_none_is_refused(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        screen = await opened(driven, "colon", *"audit session-123-ocr", "enter")
        await driven.until(lambda: screen.table.total == 1)
        await driven.press("escape", "escape", "colon", *"audit nosuch", "colon", "x", "enter")
        assert driven.on_main
        assert "audit records have no field" in driven.told


async def test_a_record_is_shown_in_full_and_leads_to_its_session(full_world: World) -> None:
    await refuse(full_world)
    async with driving(full_world, full_world.clock) as driven:
        await opened(driven)
        await driven.until(lambda: "✖ end" in driven.text)
        await driven.press("enter")
        assert isinstance(driven.console.screen, RecordDialog)
        await driven.until(lambda: "✖ refused: permission_denied" in driven.text)
        assert "a read token changes nothing" in driven.text
        await driven.press("y")
        assert json.loads(driven.console.clipboard)["code"] == "permission_denied"
        await driven.press("escape")
        assert isinstance(driven.console.screen, AuditScreen)
        await driven.press("enter", "enter")
        await driven.until(lambda: isinstance(driven.console.screen, SessionScreen))
        await driven.press("escape", "s")
        await driven.until(lambda: isinstance(driven.console.screen, SessionScreen))
        await driven.press("escape", "y")
        assert json.loads(driven.console.clipboard)["target"] == "session-123"


async def test_a_record_of_a_group_leads_to_its_sessions_and_one_of_a_token_nowhere(full_world: World) -> None:
    await write(full_world, "token.create", "ci", "token")
    await write(full_world, "group.end", "batch-7", "group")
    async with driving(full_world, full_world.clock) as driven:
        await opened(driven)
        await driven.until(lambda: "token ci" in driven.text)
        await driven.press("j", "s")
        assert "about no session and no group" in driven.told
        await driven.press("enter", "enter")
        assert isinstance(driven.console.screen, AuditScreen)
        await driven.press("k", "s")
        assert driven.on_main
        assert driven.main.sessions.filter == "group:batch-7"


async def test_it_is_verified_in_the_background_and_said_to_be_whole(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        screen = await opened(driven)
        await driven.press("v")
        await driven.until(lambda: not driven.console.audit_check.is_running)
        (head,) = await full_world.app.store.audit_heads()
        await driven.until(lambda: f"whole: 58 records, head 58:{head.hash[:12]}… " in driven.text)
        assert not screen.table.has_class("-broken")
        assert not driven.told
        await driven.press("tilde")
        await driven.until(lambda: "nexus audit verify" in driven.text)
        assert "curl http://127.0.0.1:8000/audit/verify" in driven.text


async def test_what_is_verified_when_its_screen_is_left_is_said_where_the_user_is(
    full_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    going, heads = asyncio.Event(), full_world.app.store.audit_heads

    async def held() -> list[AuditHead]:
        await going.wait()
        return await heads()

    async with driving(full_world, full_world.clock) as driven:
        await opened(driven)
        monkeypatch.setattr(full_world.app.store, "audit_heads", held)
        await driven.press("v")
        await driven.until(lambda: "verifying …" in driven.text)
        await driven.press("v")
        assert "being verified already" in driven.told
        await driven.press("escape")
        assert driven.on_main
        going.set()
        await driven.until(lambda: "whole: 58 records" in driven.told)
        screen = await opened(driven)
        assert "whole: 58 records" in str(screen.table.border_subtitle)


async def test_where_it_is_broken_is_said(full_world: World) -> None:
    store = full_world.app.store
    assert isinstance(store, MemoryStore)
    kept = store._opened().audit
    kept[16] = replace(kept[16], document=kept[16].document.replace(b"alice", b"mally"))
    async with driving(full_world, full_world.clock) as driven:
        screen = await opened(driven)
        await driven.press("v")
        await driven.until(lambda: "broken: record 17 edited" in driven.told)
        await driven.until(lambda: "broken: record 17 edited" in driven.text)
        assert screen.table.has_class("-broken")


async def test_the_command_log_names_what_would_list_the_same(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await opened(driven, "colon", *"audit outcome", "colon", *"refused", "enter")
        await driven.press("tilde")
        await driven.until(lambda: "nexus audit list -q outcome:refused" in driven.text)
        assert "/audit?q=outcome%3Arefused&newest=true" in driven.text


@pytest.mark.parametrize("size", SIZES)
async def test_a_token_that_may_not_read_it_is_told_so_in_the_tables_place(
    full_world: World, size: tuple[int, int]
) -> None:
    full_world.service = full_world.app.service(Caller(actor="ann", channel="api", scope="read"))
    async with driving(full_world, full_world.clock, size=size) as driven:
        screen = await opened(driven)
        await driven.until(lambda: not screen.table.display)
        assert "admin" in driven.text
        assert "v verify" not in driven.text
        for _ in range(7):
            await driven.beat()
        for key in "vps!":
            await driven.press(key if key != "!" else "exclamation_mark")
        assert isinstance(driven.console.screen, AuditScreen)
        await driven.press("escape")
        assert driven.on_main


async def test_of_several_contexts_and_of_a_recording_it_is_said_where_the_audit_is(tmp_path: Path) -> None:
    for name in ("prod", "staging"):
        async with AsyncNexus(store=f"sqlite:///{tmp_path}/{name}.sqlite3") as app:
            await app.create_session(session_id="same")
    target = MergedTarget({
        name: Target(store=f"sqlite:///{tmp_path}/{name}.sqlite3", origin=f"context {name}")
        for name in ("prod", "staging")
    })  # fmt: skip
    async with driving(target, StandingClock()) as driven:
        await opened(driven)
        assert "nexus console --context NAME" in driven.text
    path = tmp_path / "night.jsonl"
    recording = a_recording(path)
    console = RememberingConsole(recording, read_only=True, clock=recording.player.clock, beat=0,
                                 player=recording.player)  # fmt: skip
    async with console.run_test(size=NARROW) as pilot:
        driven = Driven(console, pilot)
        await driven.until(lambda: console.feed.link.state == "live")
        await opened(driven)
        assert "A recording holds no audit" in driven.text


async def test_thousands_are_paged_through_and_looked_at_again(world: World) -> None:
    for number in range(PAGE * 3):
        await write(world, "end", f"s{number:04}")
    async with driving(world, world.clock, size=NARROW) as driven:
        screen = await opened(driven)
        await driven.until(lambda: "s0599" in driven.text)
        assert "200 read, older behind" in driven.text
        while screen._book.has_more:
            await driven.press("end")
        await driven.until(lambda: screen.table.total == PAGE * 3)
        await driven.press("end")
        await driven.until(lambda: "s0000" in driven.text)
        await driven.press("home")
        await driven.until(lambda: "s0599" in driven.text)


async def test_values_that_were_seen_complete_the_filter(full_world: World) -> None:
    await refuse(full_world)
    records = (await full_world.service.audit(newest=True)).items
    for typed, offered in (("act", "actor:"), ("a", "age<"), ("actor:l", "local:alice"), ("-outcome:", "refused"),
                           ("kind:session,g", "group"), ("code:", "permission_denied")):  # fmt: skip
        assert offered in [each.insert for each in audit_completions(typed, len(typed), records)], typed
    assert audit_completions("nosuch:", 7, records) == []
