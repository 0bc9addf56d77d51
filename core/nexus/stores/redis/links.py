"""Reading several shards as one: commands for each, in one round trip for all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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

    Returns:
        The replies, in the order of the commands. Each shard answers for its own moment.
    """
    if len(links) == 1:
        return await links[0].client.calls([words for _, words in commands])
    places: dict[int, list[int]] = {}
    for place, (link, _) in enumerate(commands):
        places.setdefault(link, []).append(place)
    asked = [links[link].client.calls([commands[place][1] for place in found]) for link, found in places.items()]
    answers = [await asked[0]] if len(asked) == 1 else await asyncio.gather(*asked)
    replies: list[Any] = [None] * len(commands)
    for found, answer in zip(places.values(), answers, strict=True):
        for place, reply in zip(found, answer, strict=True):
            replies[place] = reply
    return replies


async def ask_each(links: Sequence[Link], commands: Sequence[Command]) -> list[Any]:
    """One command for each link, in their order."""
    return await ask(links, list(enumerate(commands)))
