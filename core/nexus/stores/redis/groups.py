"""Groups: each record is in the shard of the group's id, and its members are counted in the shards of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nexus.model import RUNNING, Group, Page, Status
from nexus.stores import codec, ordering
from nexus.stores.redis import entries
from nexus.stores.redis.links import Command, Link, ask
from nexus.stores.redis.placing import shard_of

_LISTING: Final = "groups"
_STATUSES: Final = sorted(Status)


async def load_group(links: Sequence[Link], group_id: str) -> Group | None:
    """See ``Store.load_group``."""
    found = await _load(links, [group_id])
    if len(links) > 1 and found and not any(found[0].counts.get(status) for status in RUNNING):
        # Shards answer one after another: a run that ended when it had begun another one, in a shard that had
        # answered, was in neither answer. The second one has it.
        found = await _load(links, [group_id])
    return found[0] if found else None


async def list_groups(links: Sequence[Link], cursor: str | None, limit: int) -> Page[Group]:
    """See ``Store.list_groups``."""
    start = b"+"
    if cursor is not None:
        value, tie = ordering.read_cursor(cursor, _LISTING)
        start = b"(" + entries.timed(float(value or 0.0), tie)
    most = max(limit, 0)
    commands: list[tuple[int, Command]] = []
    for number, link in enumerate(links):
        key = link.keys.index["groups"]
        commands.append((number, ("ZCARD", key)))
        commands.append((number, ("ZREVRANGEBYLEX", key, start, "-", "LIMIT", 0, most + 1)))
    replies = await ask(links, commands)
    found = sorted((entry for reply in replies[1::2] for entry in reply), reverse=True)
    items = await _load(links, [entries.id_of(entry) for entry in found[:most]])
    following = None
    if items and len(found) > most:
        following = ordering.write_cursor(_LISTING, items[-1].created_at, items[-1].id)
    return Page(items=tuple(items), next_cursor=following, total=sum(replies[::2]))


async def _load(links: Sequence[Link], group_ids: Sequence[str]) -> list[Group]:
    """The groups that are still there, in the order given, with their counts."""
    if not group_ids:
        return []
    fields = [f"{name}\0{status.value}" for name in group_ids for status in _STATUSES]
    commands: list[tuple[int, Command]] = []
    for name in group_ids:
        place = shard_of(name, len(links))
        commands.append((place, ("HGET", links[place].keys.groups, f"d:{name}")))
    commands.extend((number, ("HMGET", link.keys.members, *fields)) for number, link in enumerate(links))
    replies = await ask(links, commands)
    documents, members = replies[: len(group_ids)], replies[len(group_ids) :]
    counted = [sum(int(count or 0) for count in counts) for counts in zip(*members, strict=True)]
    found = []
    for place, document in enumerate(documents):
        if document is not None:
            counts = counted[place * len(_STATUSES) : (place + 1) * len(_STATUSES)]
            pairs = zip(_STATUSES, counts, strict=True)
            found.append(codec.decode_group(document, {status.value: count for status, count in pairs if count}))
    return found
