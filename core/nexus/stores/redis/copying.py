"""Copies into the outbox of what is stored already, so that an archive that is begun later has it too.

Everything is read and appended by one script at a time, so each copy stands in its right place among the commits, and
whoever applies the outbox in order has what the store has. A cursor says how far it has come; what is copied twice
does no harm.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from nexus.stores.archiving import ArchivedChange, copied_event_name, decode_changes, encode_changes
from nexus.stores.redis import entries
from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys
from nexus.stores.redis.scripts import OUTBOX
from nexus.stores.redis.wire import Word, pack

_GLOB: Final = re.compile(rb"([\\*?\[\]])")


async def copy_on(client: Client, keys: Keys, cursor: str | None, limit: int) -> str | None:
    """Append the next things behind a cursor.

    Returns:
        The cursor behind them; ``None`` at the end.
    """
    stage, _, place = (cursor or f"{_STAGES[0]}:").partition(":")
    following = await _COPIES[stage](Copier(client, keys), place, limit)
    if following is not None:
        return f"{stage}:{following}"
    return dict(pairwise((*(f"{name}:" for name in _STAGES), None))).get(f"{stage}:")


class Copier:
    """Reads what is there and says what to append.

    Args:
        client: Asks the server.
        keys: The shard's keys.
    """

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def sessions(self, place: str, limit: int) -> str | None:
        """All sessions, in order of creation."""
        found = await self._range("created", place, limit)
        ids = [entries.id_of(entry) for entry in found]
        await self._append([("session", self._keys.of_session(session_id)[:5], [session_id]) for session_id in ids])
        return found[-1].decode() if len(found) == limit else None

    async def groups(self, place: str, limit: int) -> str | None:
        """All groups."""
        found = await self._range("groups", place, limit)
        ids = [entries.id_of(entry) for entry in found]
        await self._append([("group", [self._keys.groups], [group_id]) for group_id in ids])
        return found[-1].decode() if len(found) == limit else None

    async def claims(self, place: str, limit: int) -> str | None:
        """All claims."""
        owners = self._keys.root + b"owners"
        return await self._names("claims", self._keys.claims, [self._keys.claims, owners], place, limit)

    async def counters(self, place: str, limit: int) -> str | None:
        """All counters."""
        await self._reset("counters", place)
        return await self._names("counters", self._keys.counters, [self._keys.counters], place, limit)

    async def group_counters(self, place: str, limit: int) -> str | None:
        """The counters of groups."""
        return await self._names("counters", self._keys.group_counters, [self._keys.group_counters], place, limit)

    async def documents(self, place: str, limit: int) -> str | None:
        """All documents of the system. Their kinds are known from the names of keys alone."""
        await self._reset("documents", place)
        head = self._keys.part("doc", "")
        pattern = _GLOB.sub(rb"\\\1", head) + b"*"
        cursor, found = await self._client.call("SCAN", place or "0", "MATCH", pattern, "COUNT", 10 * limit)
        await self._append([("documents", [key], [key.removeprefix(head)]) for key in found])
        return None if int(cursor) == 0 else cursor.decode()

    async def events(self, place: str, limit: int) -> str | None:
        """All events that are still kept from before there was a mark; commits have handed over all later ones."""
        until = await self._client.call("HGET", self._keys.meta, "archive_since")
        found = await self._client.call(
            "XRANGE", self._keys.stream, f"({place or 0}-0", f"{int(until or 0)}-0", "COUNT", limit
        )
        if not found:
            return None
        numbers = [int(name.partition(b"-")[0]) for name, _ in found]
        seqs = tuple(map(self._keys.shard.seq, numbers))
        change = ArchivedChange(
            events=tuple([document for _, (_, document) in found]), names=tuple(map(copied_event_name, seqs)), seqs=seqs
        )
        await self._append([("events", [], [encode_changes((change,))])])
        return str(numbers[-1]) if len(found) == limit else None

    # -- inside

    async def _range(self, index: str, behind: str, limit: int) -> list[bytes]:
        start = f"({behind}" if behind else "-"
        found: list[bytes] = await self._client.call(
            "ZRANGEBYLEX", self._keys.index[index], start, "+", "LIMIT", 0, limit
        )
        return found

    async def _names(self, action: str, scanned: bytes, keys: Sequence[bytes], place: str, limit: int) -> str | None:
        cursor, flat = await self._client.call("HSCAN", scanned, place or "0", "COUNT", limit)
        if flat:
            await self._append([(action, list(keys), flat[::2])])
        return None if int(cursor) == 0 else cursor.decode()

    async def _reset(self, what: str, place: str) -> None:
        if not place:
            await self._append([("reset", [], [what])])

    async def _append(self, wanted: Sequence[tuple[str, Sequence[bytes], Sequence[Word]]]) -> None:
        commands = []
        for action, keys, arguments in wanted:
            names = [self._keys.meta, self._keys.root + b"o", *keys]
            words: tuple[Word, ...] = ("EVALSHA", OUTBOX.sha, len(names), *names, action, secrets.token_hex(8))
            commands.append(pack((*words, *arguments)))
        if commands:
            await self._client.pipeline(commands)


_COPIES: Final[dict[str, Callable[[Copier, str, int], Awaitable[str | None]]]] = {
    "sessions": Copier.sessions,
    "groups": Copier.groups,
    "claims": Copier.claims,
    "counters": Copier.counters,
    "group_counters": Copier.group_counters,
    "documents": Copier.documents,
    "events": Copier.events,
}
_STAGES: Final = tuple(_COPIES)


def change_of(flat: Sequence[bytes]) -> ArchivedChange:
    """What a copy in the outbox says; ``flat`` are the fields of its entry, after its token."""
    kind = flat[1].decode()
    if kind in ("claims", "counters"):
        return _listed(kind, flat[2:])
    if kind == "events":
        return decode_changes(flat[3])[0]
    name = flat[3].decode()
    if kind == "reset":
        return ArchivedChange(resets=name)
    if kind in ("journal", "inbox"):
        return _belongings(kind, name, int(flat[5]), flat[6:])
    return _alone(kind, name, dict(zip(flat[4::2], flat[5::2], strict=True)))


def _alone(kind: str, name: str, fields: Mapping[bytes, bytes]) -> ArchivedChange:
    if kind == "document":
        return ArchivedChange(documents=((name, fields[b"n"].decode(), fields.get(b"1")),))
    if kind == "group":
        return ArchivedChange(group_id=name, version=int(fields[b"v"]), group=fields[b"d"])
    if kind == "checkpoint":
        document = fields[b"d"]
        saved = (name, int(fields[b"n"]), document[:1] == b"1", document[1:], fields.get(b"s"))
        return ArchivedChange(checkpoints=(saved,))
    record = (fields[b"d"], fields[b"s"], fields.get(b"r"))
    return ArchivedChange(session_id=name, version=int(fields[b"v"]), record=record, whole=True)


def _listed(kind: str, flat: Sequence[bytes]) -> ArchivedChange:
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    if kind == "counters":
        return ArchivedChange(counters=tuple([(name.decode(), float(value)) for name, value in pairs]), absolute=True)
    split: list[Any] = [(key.decode(), *value.split(b"\0", 1)) for key, value in pairs]
    return ArchivedChange(
        claims=tuple([(key, value.decode()) for key, _, value in split]),
        owners=tuple([owner.decode() or None for _, owner, _ in split]),
    )


def _belongings(kind: str, name: str, version: int, flat: Sequence[bytes]) -> ArchivedChange:
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    if kind == "inbox":
        put = tuple([(message_id.decode(), document) for message_id, document in pairs])
        return ArchivedChange(session_id=name, version=version, put=put)
    journal = []
    for field, value in pairs:
        run_id, _, key = field.decode().partition("\0")
        journal.append((run_id, key, value.partition(b":")[2]))
    return ArchivedChange(session_id=name, version=version, journal=tuple(journal))
