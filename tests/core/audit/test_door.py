"""Refusals at the door: the first of a minute at once, the rest counted, whoever sends how many from wherever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from nexus.audit.door import MOST, Door, network_of
from nexus.errors import AuthenticationRequired, InvalidInput, NexusError, StoreUnavailable
from nexus.model import Caller
from nexus.model.audit import AuditRecord
from nexus.stores import codec
from nexus.stores.memory import MemoryStore
from nexus.testing.clock import FakeClock


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    async with MemoryStore() as opened:
        yield opened


async def written(store: MemoryStore) -> list[AuditRecord]:
    return [codec.audit_record("", row) for row in await store.read_audit("", limit=10_000)]


def no_token() -> NexusError:
    return AuthenticationRequired("no token")


async def test_equal_refusals_of_a_minute_are_one_record_and_a_count(store: MemoryStore) -> None:
    clock = FakeClock()
    door = Door(store, clock)
    for _ in range(1000):
        await door.refused(no_token(), channel="api", address="192.0.2.1", reason="none")
    await door.refused(no_token(), channel="mcp", address="192.0.2.1", reason="none")
    await door.refused(no_token(), channel="api", address="192.0.2.2", reason="none")
    clock.advance(60)
    await door.refused(no_token(), channel="api", address="192.0.2.1", reason="none")
    await door.refused(no_token(), channel="api", address="192.0.2.1", reason="none")
    await door.close()
    assert [(each.channel, each.reason) for each in await written(store)] == [
        ("api", "none, from 192.0.2.1"),
        ("api", "10 more of the same within a minute, from 192.0.2.1"),
        ("api", "100 more of the same within a minute, from 192.0.2.1"),
        ("mcp", "none, from 192.0.2.1"),
        ("api", "none, from 192.0.2.2"),
        ("api", "889 more of the same within a minute, from 192.0.2.1"),
        ("api", "none, from 192.0.2.1"),
        ("api", "1 more of the same within a minute, from 192.0.2.1"),
    ]


async def test_a_flood_from_many_addresses_stays_a_few_dozen_records(store: MemoryStore) -> None:
    door = Door(store, FakeClock())
    for number in range(5000):
        await door.refused(no_token(), channel="api", address=f"10.0.{number // 250}.{number % 250}")
    await door.close()
    records = await written(store)
    assert records[MOST].reason == "no token, from many addresses"
    rest = 5000 - MOST - 1 - 1110
    assert [each.reason for each in records[MOST + 1 :]] == [
        f"{count} more of the same within a minute, from many addresses" for count in (10, 100, 1000, rest)
    ]


async def test_strangers_do_not_crowd_out_actors_who_are_known(store: MemoryStore) -> None:
    door = Door(store, FakeClock())
    for number in range(MOST + 9):
        await door.refused(no_token(), channel="api", address=f"10.0.0.{number}")
    ann = Caller(actor="ann", channel="mcp", scope="run")
    await door.refused(InvalidInput("hunter2", field="body"), channel="api", address="x", caller=ann, action="patch")
    last = (await written(store))[-1]
    assert (last.actor, last.channel, last.action, last.code) == ("ann", "mcp", "patch", "invalid_input")
    assert last.reason == "Invalid input: body"


async def test_a_count_is_written_when_its_minute_is_over_though_nothing_follows(store: MemoryStore) -> None:
    clock = FakeClock()
    door = Door(store, clock, interval=0.01)
    for _ in range(3):
        await door.refused(no_token(), channel="api", address="10.0.0.1", reason="none")
    clock.advance(1)
    async with asyncio.timeout(30):
        while len(await written(store)) < 2:
            await asyncio.sleep(0.005)
    assert (await written(store))[-1].reason == "2 more of the same within a minute, from 10.0.0.1"
    await door.close()
    assert len(await written(store)) == 2


async def test_what_is_counted_is_written_after_a_few_seconds_and_so_outlives_a_kill(store: MemoryStore) -> None:
    door = Door(store, FakeClock(), interval=0.1)
    for _ in range(3):
        await door.refused(no_token(), channel="api", address="10.0.0.1", reason="none")
    async with asyncio.timeout(30):
        while len(await written(store)) < 2:
            await asyncio.sleep(0.005)
    # The minute isn't over: its clock stands still.
    assert (await written(store))[-1].reason == "2 more of the same within a minute, from 10.0.0.1"
    await door.refused(no_token(), channel="api", address="10.0.0.1", reason="none")
    await door.close()
    assert (await written(store))[-1].reason == "1 more of the same within a minute, from 10.0.0.1"
    assert len(await written(store)) == 3


async def test_what_is_written_already_or_is_no_refusal_is_not_written(store: MemoryStore) -> None:
    door, error = Door(store, FakeClock()), no_token()
    await door.refused(error, channel="api")
    await door.refused(error, channel="api")
    await door.refused(StoreUnavailable("away"), channel="api")
    await door.close()
    assert len(await written(store)) == 1


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("\x1b[31mred", "[31mred"),
        ("", ""),
    ],
)
def test_strangers_are_told_apart_by_network(address: str, network: str) -> None:
    assert network_of(address) == network
