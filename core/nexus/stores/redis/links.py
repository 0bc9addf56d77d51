"""Reading several shards as one: commands for each, in one round trip for all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys
from nexus.stores.redis.wire import Word

Command = tuple[Word, ...]


class Link(msgspec.Struct, frozen=True):
    """One shard: who asks it, and its keys."""

    client: Client
    keys: Keys


async def ask(links: Sequence[Link], commands: Sequence[tuple[int, Command]]) -> list[Any]:
    """Commands with the number of the link that each goes to.

    Args:
        links: All shards, in their order.
        commands: Which read, or otherwise may be made twice.

    Returns:
        The replies, in the order of the commands. Each shard answers for its own moment.
    """
    if len(links) == 1:
        return await links[0].client.calls([words for _, words in commands])
    replies: list[Any] = [None] * len(commands)
    places: dict[int, list[int]] = {}
    for place, (link, _) in enumerate(commands):
        places.setdefault(link, []).append(place)
    begun = asyncio.get_running_loop().time()
    failed = await _at_once(links, commands, places, replies)
    if failed:
        calls = [
            links[link].client.calls([commands[place][1] for place in places[link]], since=begun) for link in failed
        ]
        for link, answer in zip(failed, await asyncio.gather(*calls), strict=True):
            for place, reply in zip(places[link], answer, strict=True):
                replies[place] = reply
    return replies


async def _at_once(
    links: Sequence[Link],
    commands: Sequence[tuple[int, Command]],
    places: Mapping[int, Sequence[int]],
    replies: list[Any],
) -> list[int]:
    """Ask over the connections that there are, and fill in the replies; the links whose commands have to be made again.

    Sixteen clients that each wait, retry and say what is wrong cost ten times as much as the commands, so they do it
    only where that is called for.
    """
    failed: list[int] = []
    order: list[int] = []
    waiting: list[asyncio.Future[Any]] = []
    for link, found in places.items():
        begun = links[link].client.begin([commands[place][1] for place in found])
        if begun is None:
            failed.append(link)
        else:
            order.extend(found)
            waiting.extend(begun)
    wrong: set[int] = set()
    for place, reply in zip(order, await asyncio.gather(*waiting, return_exceptions=True), strict=True):
        replies[place] = reply
        if isinstance(reply, Exception):
            wrong.add(commands[place][0])
    return [*failed, *sorted(wrong)]
