"""A commit as ``commit.lua`` reads it, and its answer.

Each commit has a number of its own among those of its client, and a place that no other commit has until its answer is
heard. The server keeps the last number of each place, so a commit that is sent again after its answer was lost is
recognised, whatever happened to its sessions since, and is not done twice. One that is cancelled, or was sent twice,
gives its place up for ever, because a copy of it may still be on its way.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from nexus.model import Event
from nexus.stores import archiving, codec
from nexus.stores.base import Change, Committed, Conflict, Snapshot
from nexus.stores.chain import digest
from nexus.stores.prepared import PreparedChange, PreparedRecord
from nexus.stores.redis import entries
from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys, Shard
from nexus.stores.redis.replicas import Assured, needs_replicas
from nexus.stores.redis.scripts import COMMIT
from nexus.stores.redis.updates import Updates
from nexus.stores.redis.wire import pack

REMEMBERED: Final = 3600
"""Seconds for which a commit's number is kept; no commit is tried for nearly as long."""

_ELSEWHERE: Final = -3
_MARKED: Final = -2
_CONFLICT: Final = -1

_pack = msgspec.msgpack.Encoder().encode


class Commits:
    """Commits of one client.

    Args:
        client: Who sends them.
        keys: The store's keys.
        assured: Who sends those that replicas have to have; without it there are none.
    """

    def __init__(self, client: Client, keys: Keys, assured: Assured | None = None) -> None:
        self._client = client
        self._assured = assured
        self._keys = keys
        self._updates = Updates(keys, REMEMBERED)
        self._last = 0
        self._name = secrets.token_hex(8)
        self._places = 0
        self._free: list[bytes] = []
        self.mark = ""
        """The archive's, as last heard of; ``""`` while the store has none."""

    async def commit(self, prepared: Sequence[PreparedChange], *, mark: str | None = None) -> Committed:
        """See ``Store.commit``.

        Args:
            prepared: The changes.
            mark: The mark that the store must have; by default the one it was last heard to have, or has now.

        Raises:
            StoreLost: The store has lost its mark, or has another one than it must.
            StoreUnavailable: No server answers, or too few replicas have it in time; ``details`` tell which.
        """
        known = self.mark if mark is None else mark
        archived = b""
        if known or mark is not None:
            archived = archiving.encode_changes([archiving.archived(one) for one in prepared])
        place = self._free.pop() if self._free else self._new_place()
        self._last += 1
        assured = self._assured if self._assured and any(map(needs_replicas, prepared)) else None
        packed = None
        if len(prepared) == 1:
            packed = self._updates.packed(prepared[0], place, self._last, known, archived)
        answer, replicas = await self._send(assured, place, packed or self._general(prepared, place, known, archived))
        first: int = answer[0]
        if first == _ELSEWHERE:
            place = self._free.pop() if self._free else self._new_place()
            self._last += 1
            answer, replicas = await self._send(assured, place, self._general(prepared, place, known, archived))
            first = answer[0]
        if first == _CONFLICT:
            raise _conflict([one.change for one in prepared], answer)
        if first == _MARKED:
            self._learn(answer[1], sure=mark is None)
            return await self.commit(prepared)
        if assured is not None and replicas < assured.demand.replicas:
            raise assured.too_few(replicas)
        return _committed(prepared, first, self._keys.shard)

    def _general(self, prepared: Sequence[PreparedChange], place: bytes, mark: str, archived: bytes) -> bytes:
        names = _Names(self._keys, place)
        changes = [_change(one, names) for one in prepared]
        head = _pack((self._last, REMEMBERED, changes, mark, names.document(archived) if archived else False))
        return pack(("EVALSHA", COMMIT.sha, len(names.keys), *names.keys, head, *names.documents))

    def _learn(self, found: bytes | None, *, sure: bool) -> None:
        if found is None or not sure:
            raise archiving.StoreLost(
                "the store has lost its sessions: a process with session_persistence puts them back from the archive",
                reason="lost",
            )
        self.mark = found.decode()

    def _new_place(self) -> bytes:
        self._places += 1
        return self._keys.part("done", f"{self._name}:{self._places}")

    async def _send(self, assured: Assured | None, place: bytes, packed: bytes) -> tuple[list[Any], int]:
        client = self._client if assured is None else assured.client
        breaks, replicas = client.breaks, 0
        if assured is None:
            answer: list[Any] = (await client.pipeline([packed]))[0]
        else:
            answer, replicas = await assured.send(packed)
        if client.breaks == breaks:
            # Only then can no copy of it still be on its way, so that another commit may have its place.
            self._free.append(place)
        return answer, replicas


class _Names:
    """The keys that a commit touches, each named once, and its documents, with their places in the script's lists."""

    def __init__(self, keys: Keys, done_key: bytes) -> None:
        self._names = keys
        self.keys = [*keys.store, done_key, keys.meta, keys.root + b"o", keys.audit]
        self.documents: list[bytes] = []
        self._places: dict[tuple[str, str], int] = {}

    def document(self, document: bytes) -> int:
        """The place of a document in ``ARGV``, where it comes behind the description of the changes."""
        # MessagePack in Redis knows no bytes, only text.
        self.documents.append(document)
        return len(self.documents) + 1

    def session(self, session_id: str) -> int:
        """The place of the first of a session's keys."""
        return self._place("", session_id)

    def part(self, kind: str, owner: str) -> int:
        """The place of one key."""
        return self._place(kind, owner)

    def _place(self, kind: str, owner: str) -> int:
        place = self._places.get((kind, owner))
        if place is None:
            place = self._places[kind, owner] = len(self.keys) + 1
            self.keys.extend([self._names.part(kind, owner)] if kind else self._names.of_session(owner))
        return place


def _change(prepared: PreparedChange, names: _Names) -> dict[str, Any]:
    """What a change says, without what it leaves out: absent, and never null, which Lua can't hold in a list."""
    change = prepared.change
    said: dict[str, Any] = {"expected": False if change.expected is None else change.expected}
    if change.session_id is not None:
        said |= _session(change.session_id, prepared, names)
    if change.group_id is not None:
        said["group"] = change.group_id
        if change.group_after is not None:
            said["group_record"] = (
                change.group_after.version,
                names.document(prepared.group or b""),
                names.document(entries.of_group(change.group_after)),
            )
    if prepared.audit is not None:
        said["audit"] = (names.document(prepared.audit), digest(prepared.audit))
    if change.events:
        pairs = zip(change.events, prepared.events, strict=True)
        said["events"] = [_event(event, document, names) for event, document in pairs]
    if prepared.checkpoints:
        said["checkpoints"] = [
            (names.session(one.session_id), str(one.number),
             names.document((b"1" if one.pinned else b"0") + one.document),
             False if one.state is None else names.document(one.state))
            for one in prepared.checkpoints
        ]  # fmt: skip
    if change.claims:
        said["claims"] = [
            (
                claim.key,
                False if claim.value is None else claim.value,
                False if claim.expected is None else claim.expected,
            )
            for claim in change.claims
        ]
    if change.counters:
        said["counters"] = [(name, repr(float(delta))) for name, delta in change.counters.items()]
    return said


def _session(session_id: str, prepared: PreparedChange, names: _Names) -> dict[str, Any]:
    change = prepared.change
    said: dict[str, Any] = {"session": session_id, "at": names.session(session_id)}
    if prepared.record is None:
        said["events_at"] = names.part("es", session_id)
    else:
        said["record"] = _record(prepared.record, names)
    if change.drop_checkpoints:
        said["drop_checkpoints"] = [str(number) for number in change.drop_checkpoints]
    parts = {
        "drop_journal": [f"{run_id}\0{key}" for run_id, key in change.drop_journal],
        "journal": [
            (f"{entry.run_id}\0{entry.key}", names.document(document))
            for entry, document in zip(change.journal, prepared.journal, strict=True)
        ],
        "take": change.take,
        "put": [
            (message.id, names.document(document)) for message, document in zip(change.put, prepared.put, strict=True)
        ],
    }
    filled = {name: value for name, value in parts.items() if value}
    return said | filled | {"belongings": bool(filled)}


def _record(record: PreparedRecord, names: _Names) -> tuple[Any, ...]:
    return (
        record.session.version,
        names.document(record.document),
        names.document(record.state),
        False if record.run is None else names.document(record.run),
        *map(names.document, entries.of_session(record)),
        False if record.due_at is None else repr(record.due_at),
    )


def _event(event: Event, document: bytes, names: _Names) -> tuple[Any, ...]:
    session_id, group_id = event.session_id or "", event.group_id or ""
    return (
        session_id,
        names.part("es", session_id),
        group_id,
        names.part("eg", group_id) if group_id else False,
        names.session(session_id),
        repr(event.ts),
        names.document(document),
    )


def _committed(prepared: Sequence[PreparedChange], first: int, shard: Shard) -> Committed:
    events = (event for one in prepared for event in one.change.events)
    return Committed(tuple([replace(event, seq=shard.seq(first + place)) for place, event in enumerate(events)]))


def _conflict(changes: Sequence[Change], answer: list[Any]) -> Conflict:
    _, place, document, state, run, key, value = answer
    change = changes[place - 1]
    claim = None if key is None else (key.decode(), None if value is None else value.decode())
    subject = change.session_id or change.group_id or (claim[0] if claim else "")
    current = None
    if document is not None:
        current = Snapshot(codec.decode_session(document, state), codec.decode_run(run))
    return Conflict(subject, current, claim)
