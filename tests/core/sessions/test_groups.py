"""Groups: create, end together, wait for."""

from __future__ import annotations

import asyncio

import pytest

from nexus.errors import GroupNotFound, WaitTimeout
from nexus.local import LocalService
from nexus.model import Status
from nexus.testing import FakeClock


async def test_a_group_is_created_once_and_opened_again_after_its_end(service: LocalService) -> None:
    first = await service.create_group("batch", metadata={"k": 1})
    assert await service.create_group("batch") == first
    await service.end_group("batch")
    again = await service.create_group("batch")
    assert again.ended_at is None
    assert again.metadata == {"k": 1}


async def test_a_group_counts_its_members_by_status(service: LocalService) -> None:
    await service.create_group("batch")
    members = [await service.create_session(group="batch") for _ in range(4)]
    await service.end_session(members[0].id)
    group = await service.get_group("batch")
    assert (group.total, group.live, group.done) == (4, 3, 0.25)
    assert group.to_dict()["by_status"]["completed"] == 1


async def test_ending_a_group_ends_its_live_members(service: LocalService) -> None:
    await service.create_group("batch")
    members = [await service.create_session(group="batch") for _ in range(3)]
    outside = await service.create_session()
    await service.end_group("batch", reason="enough")
    assert {(await service.get_session(member.id)).status for member in members} == {Status.COMPLETED}
    assert (await service.get_session(outside.id)).status is Status.ACTIVE
    assert (await service.end_group("batch")).live == 0


async def test_waiting_ends_when_the_last_member_has(service: LocalService) -> None:
    await service.create_group("batch")
    members = [await service.create_session(group="batch") for _ in range(3)]
    waiting = asyncio.create_task(service.wait_group("batch", timeout=30))
    for member in members:
        assert not waiting.done()
        await service.end_session(member.id)
    assert (await waiting).live == 0


async def test_waiting_too_long_says_how_many_are_left(service: LocalService) -> None:
    await service.create_group("batch")
    await service.create_session(group="batch")
    with pytest.raises(WaitTimeout) as late:
        await service.wait_group("batch", timeout=0.01)
    assert late.value.details["left"] == 1


async def test_an_empty_group_is_not_waited_for(service: LocalService) -> None:
    await service.create_group("batch")
    assert (await service.wait_group("batch", timeout=0)).total == 0


async def test_a_group_that_is_not_there_is_said_so(service: LocalService) -> None:
    for call in (service.get_group("no"), service.end_group("no"), service.wait_group("no")):
        with pytest.raises(GroupNotFound):
            await call


async def test_groups_are_listed_newest_first(service: LocalService, clock: FakeClock) -> None:
    for name in ("a", "b", "c"):
        await service.create_group(name)
        clock.advance(1)
    page = await service.list_groups(limit=2)
    assert [group.id for group in page.items] == ["c", "b"]
    assert page.total == 3
    rest = await service.list_groups(limit=2, cursor=page.next_cursor)
    assert [group.id for group in rest.items] == ["a"]
