"""Several contexts in one console: real stores, a real server, one list."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nexus.app import AsyncNexus
from nexus.errors import InvalidInput, NexusError, PermissionDenied, SessionNotFound
from nexus.model import Statistics
from nexus.model.bulk import BulkRequest
from nexus.service import Service
from nexus_tui.cli.target import Target
from nexus_tui.merged.figures import added
from nexus_tui.merged.filters import filter_for
from nexus_tui.merged.target import MergedTarget
from tests.console.driving import NARROW, WIDE, driving
from tests.console.world import StandingClock
from tests.running import serving


def store(folder: Path, name: str) -> str:
    return f"sqlite:///{folder}/{name}.sqlite3"


async def fill(url: str, *names: str) -> None:
    async with AsyncNexus(store=url) as app:
        service = app.service(app.local_caller("cli"))
        for name in names:
            await service.create_session(session_id=name, timeout=3600, metadata={"at": url[-12:]})


@pytest.fixture
async def two(tmp_path: Path) -> MergedTarget:
    """Two files that both have a session ``same``."""
    await fill(store(tmp_path, "prod"), "same", "in-prod")
    await fill(store(tmp_path, "staging"), "same", "in-staging")
    return MergedTarget({
        name: Target(store=store(tmp_path, name), origin=f"context {name}") for name in ("prod", "staging")
    })  # fmt: skip


@pytest.fixture
async def half(tmp_path: Path) -> MergedTarget:
    """Two files, of which one may only be looked at."""
    await fill(store(tmp_path, "prod"), "same", "in-prod")
    await fill(store(tmp_path, "staging"), "same", "in-staging")
    return MergedTarget({
        "prod": Target(store=store(tmp_path, "prod"), origin="context prod", read_only=True),
        "staging": Target(store=store(tmp_path, "staging"), origin="context staging"),
    })  # fmt: skip


async def test_the_same_id_in_two_contexts_is_two_rows(two: MergedTarget) -> None:
    async with two.open_service() as service:
        window = await service.window("", sort="id", limit=10)
        assert [row.id for row in window.items] == ["prod:in-prod", "staging:in-staging", "prod:same", "staging:same"]
        assert (window.total, window.whole) == (4, 4)
        assert (await service.statistics()).total == 4
        beyond = await service.window("", sort="id", offset=100_000, limit=1000)
        assert (beyond.items, beyond.total) == ((), 4)


async def test_a_change_reaches_its_context_and_no_other(two: MergedTarget) -> None:
    async with two.open_service() as service:
        await service.end_session("staging:same", reason="enough")
        assert (await service.get_session("staging:same")).status == "completed"
        assert (await service.get_session("prod:same")).status == "active"
        made = await service.fork_session("prod:same", new_session_id="twig")
        assert made.id == "prod:twig"
        with pytest.raises(SessionNotFound, match="CONTEXT:ID"):
            await service.get_session("same")
        with pytest.raises(InvalidInput, match="one place"):
            await service.create_session(session_id="x")


async def test_pages_over_contexts_are_complete_and_in_order(two: MergedTarget) -> None:
    async with two.open_service() as service:
        found: list[str] = []
        cursor: str | None = None
        while True:
            page = await service.list_sessions("", sort="-id", limit=1, cursor=cursor)
            assert page.total == 4
            found += [each.id for each in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == ["staging:same", "prod:same", "staging:in-staging", "prod:in-prod"]


async def test_a_plan_is_frozen_in_each_context_and_a_read_only_one_refuses_row_by_row(half: MergedTarget) -> None:
    async with half.open_service() as service:
        plan = await service.bulk(BulkRequest(action="end", q="same", dry_run=True))
        assert {each.session_id: each.outcome for each in plan.items} == {
            "prod:same": "refused", "staging:same": "planned"
        }  # fmt: skip
        versions = {"staging:same": 1, "staging:in-staging": 7}
        done = await service.bulk(
            BulkRequest(action="end", ids=("prod:same", "staging:same", "staging:in-staging"), versions=versions)
        )
        assert [each.outcome for each in done.items] == ["refused", "done", "drifted"]
        with pytest.raises(PermissionDenied):
            await service.extend_session("prod:same", 60)


async def test_events_of_all_contexts_come_as_one_feed(two: MergedTarget) -> None:
    async with two.open_service() as service:
        recent = await service.recent_events(limit=10)
        assert {each.session_id for each in recent} >= {"prod:same", "staging:same"}
        assert len({each.seq for each in recent}) == len(recent)
        feed = service.feed()
        live = 0
        async for item in feed:
            live += item.live
            if live == 2:
                break
        await service.end_session("prod:same")
        async for item in feed:
            if item.event is not None and item.event.type == "session.ended":
                assert item.event.session_id == "prod:same"
                break


@pytest.mark.parametrize(
    ("q", "prod", "staging"),
    [
        ("status:failed", "status:failed", "status:failed"),
        ("group:batch-7", "group:batch-7", "group:batch-7"),
        ("group:prod:batch-7", "group:batch-7", None),
        ("id:staging:* age>1m", None, "id:* age>1m"),
        ("-id:staging:*", "", "-id:*"),
        ("id:prod:a,staging:b", "id:a", "id:b"),
    ],
)
def test_a_filter_names_places_in_front_of_names(q: str, prod: str | None, staging: str | None) -> None:
    names = ("prod", "staging")
    assert (filter_for(q, "prod", names), filter_for(q, "staging", names)) == (prod, staging)


def some_figures(**more: object) -> Statistics:
    counts = {"completed": 80, "failed": 20, "active": 5, "expired": 0}
    given = {
        "active": 5, "total": 105, "by_status": counts, "by_channel": {"cli": 105}, "by_workflow": {}, "finished": 100,
        "avg_duration": 10.0, "p50_duration": 8.0, "p95_duration": 20.0, "p99_duration": 30.0, "success_rate": 80.0,
        "created_per_minute": 1.0, "ended_per_minute": 2.0, **more,
    }  # fmt: skip
    return Statistics(**given)  # type: ignore[arg-type]


def test_figures_are_added_where_they_can_be_and_percentiles_lie_between() -> None:
    slow = some_figures(p50_duration=80.0, p95_duration=200.0, p99_duration=300.0, avg_duration=100.0)
    both = added([some_figures(), slow])
    assert (both.total, both.finished, both.success_rate, both.created_per_minute) == (210, 200, 80.0, 2.0)
    assert both.by_status == {"completed": 160, "failed": 40, "active": 10, "expired": 0}
    assert both.avg_duration == pytest.approx(55)
    assert 8 < both.p50_duration < 80
    assert 30 < both.p95_duration < 200
    assert added([some_figures(), some_figures()]).p95_duration == 20.0


@dataclass
class Breaking:
    """A store that can be taken away."""

    target: Target
    label: str = "breaking"
    is_away: bool = False
    services: list[Service] = field(default_factory=list)

    @asynccontextmanager
    async def open_service(self) -> AsyncIterator[Service]:
        """Open it, with a switch before its answers."""
        from nexus.errors import StoreUnavailable
        from nexus_tui.cli.read_only import READS

        async with self.target.open_service() as service:
            outer = self

            class Switched:
                def __getattr__(self, name: str) -> object:
                    if outer.is_away and name in READS:
                        raise StoreUnavailable("it was taken away")
                    return getattr(service, name)

            yield Switched()  # type: ignore[misc]


async def test_a_context_that_goes_leaves_its_rows_unknown_and_comes_back_by_itself(tmp_path: Path) -> None:
    await fill(store(tmp_path, "prod"), "a")
    await fill(store(tmp_path, "staging"), "b")
    breaking = Breaking(Target(store=store(tmp_path, "staging")))
    target = MergedTarget({"prod": Target(store=store(tmp_path, "prod")), "staging": breaking})
    async with driving(target, StandingClock(time.time()), size=WIDE) as driven:
        await driven.until(lambda: driven.table.total == 2)
        breaking.is_away = True
        driven.main.sessions.refresh_rows(1)
        await driven.until(lambda: target.contexts.away)
        await driven.until(lambda: "staging ✖" in driven.text and "? active" in driven.text)
        await driven.beat()
        assert "staging: not connected" in driven.text
        assert driven.feed.link.state == "live"
        assert driven.table.total == 2
        breaking.is_away = False
        await driven.until(lambda: not target.contexts.away)
        await driven.until(lambda: "? active" not in driven.text)
        await driven.beat()
        assert "not connected" not in driven.text


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_list_says_where_and_acts_there(two: MergedTarget, size: tuple[int, int]) -> None:
    async with driving(two, StandingClock(time.time()), size=size) as driven:
        await driven.until(lambda: driven.table.total == 4)
        await driven.until(lambda: "WHERE" in driven.text and "staging" in driven.text)
        await driven.beat()
        assert "● prod" in driven.text
        assert "● staging" in driven.text
        await driven.put_cursor_on("staging:same")
        await driven.press("space")
        assert not driven.table.is_marked("prod:same")
        await driven.press("colon")
        await driven.write("extend 10m")
        await driven.press("enter")
        await driven.until(lambda: "Extended by 10m: staging:same" in driven.told)
        actions = [each for each in driven.console.log_of_actions.actions if each.what.startswith("Extended")]
        assert actions[0].like.commands == ("nexus sessions extend --seconds 600 same --context staging",)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_first_line_names_the_namespace_of_each_context(tmp_path: Path, size: tuple[int, int]) -> None:
    await fill(store(tmp_path, "prod"), "a")
    target = MergedTarget({
        "prod": Target(store=store(tmp_path, "prod")),
        "acme": Target(store=store(tmp_path, "prod"), namespace="acme"),
    })  # fmt: skip
    async with driving(target, StandingClock(time.time()), size=size) as driven:
        first = driven.text.splitlines()[0]
        assert "● prod  " in first
        assert " acme [acme]  " in first


async def test_a_session_of_any_context_opens_with_its_history(two: MergedTarget) -> None:
    async with driving(two, StandingClock(time.time())) as driven:
        await driven.until(lambda: driven.table.total == 4)
        await driven.put_cursor_on("staging:same")
        await driven.press("enter")
        await driven.until(lambda: "staging:same" in driven.text)
        await driven.press("W")
        await driven.until(lambda: "why" in driven.text.lower())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "nexus_app.py").write_text("from nexus import AsyncNexus\n\napp = AsyncNexus()\n")
    with serving(store(tmp_path, "far"), tmp_path) as url:
        yield url


async def test_a_server_and_a_file_are_one_list(tmp_path: Path, server: str) -> None:
    await fill(store(tmp_path, "near"), "n-1")
    target = MergedTarget({"near": Target(store=store(tmp_path, "near")), "far": Target(server=server)})
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(target.open_service())
        far = await stack.enter_async_context(Target(server=server).open_service())
        await far.create_session(session_id="f-1")
        found = [each.id for each in (await service.window("", sort="id")).items]
        assert found == ["far:f-1", "near:n-1"]
        await service.end_session("far:f-1")
        assert (await far.get_session("f-1")).status == "completed"


def test_errors_are_of_the_tree() -> None:
    from nexus_tui.merged.members import ContextAway

    assert issubclass(ContextAway, NexusError)


async def test_a_plan_of_all_that_match_names_the_context_that_is_away(tmp_path: Path) -> None:
    await fill(store(tmp_path, "prod"), "a", "b")
    await fill(store(tmp_path, "staging"), "c")
    breaking = Breaking(Target(store=store(tmp_path, "staging")))
    target = MergedTarget({"prod": Target(store=store(tmp_path, "prod")), "staging": breaking})
    async with driving(target, StandingClock(time.time())) as driven:
        await driven.until(lambda: driven.table.total == 3)
        assert "≈" not in driven.text  # Nothing has ended: there is no percentile.
        breaking.is_away = True
        driven.main.sessions.refresh_rows(1)
        await driven.until(lambda: target.contexts.away)
        driven.main.do_filter("age>=0s")
        await driven.until(lambda: driven.table.total == 2)
        await driven.press("asterisk", "x")
        await driven.press("enter")
        await driven.until(lambda: "staging is not connected: its sessions are not in this plan" in driven.text)
        assert "2 of 2 sessions" in driven.text
        await driven.press("escape")
        # What asks only those that are there leaves nobody out.
        driven.main.do_filter("id:prod:*")
        await driven.rest()
        await driven.press("asterisk", "x")
        await driven.press("enter")
        await driven.until(lambda: "2 of 2 sessions" in driven.text)
        assert "not in this plan" not in driven.text
