"""All groups on a screen of their own: how far each is, in any order, waited for, and ended after a plan."""

from __future__ import annotations

import pytest

from nexus.model import Group
from nexus.testing.builders import a_group, creating_group
from nexus_tui.groups.asking import group_completions, group_mistake_in, parse_groups
from nexus_tui.screens.groups import GroupsScreen
from nexus_tui.screens.plan import PlanScreen
from tests.console.driving import NARROW, WIDE, Driven, driving
from tests.console.world import NOW, World

SIZES = [WIDE, NARROW]


async def opened(driven: Driven, *keys: str) -> GroupsScreen:
    await driven.press(*(keys or ("O",)))
    screen = driven.console.screen
    assert isinstance(screen, GroupsScreen)
    await driven.until(lambda: screen.rows.all and screen.table.row_at(0) is not None)
    return screen


def order(screen: GroupsScreen) -> list[str]:
    return [group.id for group in screen.rows._shown]


@pytest.mark.parametrize("size", SIZES)
async def test_every_group_is_listed_with_how_far_it_is(full_world: World, size: tuple[int, int]) -> None:
    async with driving(full_world, full_world.clock, size=size) as driven:
        screen = await opened(driven)
        assert order(screen) == ["batch-8", "batch-7", "nightly"]
        group = await full_world.service.get_group("batch-8")
        row = next(line for line in driven.text.splitlines() if "batch-8" in line and "%" in line)
        assert f"{round(group.done * 100)} %" in row
        assert f" {group.total} " in row
        assert "▶ at work" in row
        assert f"{group.total} sessions, {group.live} live" in driven.text
        if size == WIDE:
            assert "local:tester" in row
        await driven.press("enter")
        assert driven.on_main
        assert driven.main.sessions.filter == "group:batch-8"


async def test_they_are_put_in_order_by_key_name_and_click(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        screen = await opened(driven)
        await driven.press("S")
        assert order(screen) == ["nightly", "batch-7", "batch-8"]
        await driven.press("colon", *"sort sessions", "enter")
        totals = [group.total for group in screen.rows._shown]
        assert totals == sorted(totals, reverse=True)
        await driven.press("colon", *"sort failed", "enter")
        assert "sort: ✖ err ▼" in driven.text
        await driven.press("colon", *"sort nosuch", "enter")
        assert "There is no column 'nosuch'" in driven.told
        before = screen.rows.sort
        await driven.press("s")
        assert screen.rows.sort != before
        header = next(line for line in driven.text.splitlines() if "STATE" in line)
        await driven.pilot.click("#groups-list", offset=(header.index("GROUP"), 1))
        await driven.until(lambda: screen.rows.sort == ("group", False))


@pytest.mark.parametrize("size", SIZES)
async def test_they_are_filtered_while_it_is_written(full_world: World, size: tuple[int, int]) -> None:
    async with driving(full_world, full_world.clock, size=size) as driven:
        screen = await opened(driven)
        await driven.press("slash")
        await driven.write("batch-* age<10m")
        await driven.until(lambda: order(screen) == ["batch-8"])
        assert "1 of 3 groups" in driven.text
        await driven.write(" ownr:x")
        await driven.press("enter")
        assert "did you mean owner" in driven.text
        await driven.press("escape", "escape")
        await driven.until(lambda: len(order(screen)) == 3)
        await driven.press("colon", *"filter nosuch", "enter")
        await driven.until(lambda: "no group matches" in driven.text)
        await driven.press("enter", "w", "y")
        assert "no group under the cursor" in driven.told
        await driven.press("escape", "escape")
        assert driven.on_main
        await opened(driven, "colon", *"all-groups night", "enter")
        assert "1 of 3 groups" in driven.text


async def test_a_group_is_ended_after_a_plan_and_the_list_says_so(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        screen = await opened(driven)
        await driven.press("x", "enter")
        await driven.until(lambda: isinstance(driven.console.screen, PlanScreen) and "Type" in driven.text)
        assert screen.table.is_frozen
        asked = driven.console.screen
        assert isinstance(asked, PlanScreen)
        assert asked._plan is not None
        await driven.write(str(len(asked._plan.planned)))
        await driven.press("enter")
        await driven.until(lambda: driven.console.screen is screen)
        assert (await full_world.service.get_group("batch-8")).status == "ended"
        await driven.beat_until(lambda: (group := screen.rows.get("batch-8")) is not None and group.status == "ended")
        await driven.until(lambda: "✓ ended" in driven.text)
        await driven.press("tilde")
        await driven.until(lambda: "nexus groups end --yes" in driven.text)


async def test_the_other_keys_act_on_all_sessions_of_the_group(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        screen = await opened(driven)
        await driven.press("e", "enter")
        await driven.until(lambda: isinstance(driven.console.screen, PlanScreen) and "to extend" in driven.text)
        total = (await full_world.service.get_group("batch-8")).total
        assert f"of {total} sessions" in driven.text
        await driven.press("escape")
        await driven.until(lambda: driven.console.screen is screen)
        assert not screen.table.is_frozen


async def test_a_read_only_console_ends_no_group(full_world: World) -> None:
    async with driving(full_world, full_world.clock, read_only=True) as driven:
        screen = await opened(driven)
        await driven.press("x")
        assert driven.console.screen is screen
        assert "read-only" in driven.told


async def test_one_is_told_when_no_session_of_a_group_has_work_left(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await opened(driven)
        await driven.press("w")
        await driven.until(lambda: "◷ awaited" in driven.text and "1 waited for" in driven.text)
        await driven.press("j", "w", "w")
        assert "No more waiting for batch-7" in driven.told
        await driven.press("escape")
        assert driven.on_main
        await full_world.service.end_group("batch-8", status="cancelled")
        await driven.until(lambda: "batch-8 is at rest" in driven.told)
        assert not driven.console.group_waits.awaited
        await driven.press("tilde")
        await driven.until(lambda: "nexus groups wait batch" in driven.text)


async def test_thousands_are_read_page_by_page_and_drawn_where_they_are_seen(world: World) -> None:
    for number in range(2300):
        await world.app.store.commit(creating_group(a_group(f"g-{number:04}", created_at=NOW - number)))
    async with driving(world, world.clock, size=NARROW) as driven:
        screen = await opened(driven)
        await driven.until(lambda: screen.table.total == 2300)
        await driven.press("end")
        await driven.until(lambda: "g-2299" in driven.text)
        assert "2,300 groups" in driven.text
        await driven.press("y")
        assert driven.console.clipboard == "g-2299"


FILTERS = {
    "nightly": ["nightly"], "ali": ["nightly"], "batch-*": ["batch-7", "batch-8"], "-batch-*": ["nightly"],
    "status:ended": ["batch-7"], "status:open,ended": ["batch-7", "batch-8", "nightly"], "owner:al*": ["nightly"],
    "total>2": ["batch-8"], "live>=1 failed<1": ["batch-7"], "failed>0": ["batch-8"], "done=50": None,
    "done>40 done<60": ["batch-7"], "age>1h": ["nightly"], "age<=10m": ["batch-7", "batch-8"], "id:night*": ["nightly"],
    "age>x": None, "nosuch:x": None, "failed>x": None, "status:": None, "status:op": None, "nosuch>1": None,
}  # fmt: skip


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_of_groups_means_what_it_says_or_is_refused_by_column(text: str) -> None:
    groups = [
        Group(id="batch-7", created_at=NOW - 60, owner="ci", ended_at=NOW, counts={"active": 1, "completed": 1}),
        Group(id="batch-8", created_at=NOW - 600, owner="ci", counts={"failed": 2, "completed": 1}),
        Group(id="nightly", created_at=NOW - 7200, owner="alice"),
    ]
    expected = FILTERS[text]
    if text == "done=50":
        assert [each.id for each in groups if parse_groups(text, NOW)(each)] == []
    elif expected is None:
        error = group_mistake_in(f"x {text}")
        assert error is not None
        assert error.column >= 3
    else:
        assert [each.id for each in groups if parse_groups(text, NOW)(each)] == expected


def test_names_owners_and_fields_complete_a_filter_of_groups() -> None:
    groups = [a_group("batch-7"), a_group("a b")]
    for typed, offered in (("sta", "status:"), ("status:o", "open"), ("id:", "batch-7"), ("-fai", "failed>")):
        assert offered in [each.insert for each in group_completions(typed, len(typed), groups)]
    assert "a b" not in [each.insert for each in group_completions("id:", 3, groups)]
