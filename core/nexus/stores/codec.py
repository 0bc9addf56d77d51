"""Records as bytes, and back: the one encoding that every store uses.

A session's document leaves out its state, which stores keep beside it, and all fields that have
their default. Sessions, groups and events hold JSON of their users, so they are JSON themselves
(integers of any size come back exactly); runs, checkpoints, messages and workers hold bytes, so
they are MessagePack. Decoding gives fresh records that share nothing with the store.

A field added to a record needs no edit here as long as it has a default: old documents then
read with that default, and older versions keep the field as they found it (``newer.py``). What is
written once, such as an event, needs no such care: nobody writes it again.
"""

from __future__ import annotations

import operator
from typing import Final

import msgspec
from msgspec.structs import force_setattr

from nexus.model import AuditRecord, Checkpoint, Event, Group, JournalEntry, Run, Session, Worker
from nexus.model.audit import AuditEntry, StoredAudit
from nexus.stores.base import Message
from nexus.stores.newer import JsonRecord, Lean, PackedRecord

EMPTY_STATE: Final = b"{}"

_json = msgspec.json.Encoder()
_msgpack = msgspec.msgpack.Encoder()


_sessions = JsonRecord(Session, without=frozenset({"state_json"}))
_groups = JsonRecord(Group, without=frozenset({"counts"}))
_runs = PackedRecord(Run)
_checkpoints = PackedRecord(Checkpoint)
_events = Lean(Event, frozenset({"seq"}))

_event_decoder = msgspec.json.Decoder(Event)
_journal_decoder = msgspec.msgpack.Decoder(JournalEntry)
_message_decoder = msgspec.msgpack.Decoder(Message)
_worker_decoder = msgspec.msgpack.Decoder(Worker)


def is_text(text: str) -> bool:
    """Whether a text can be stored. One with a lone surrogate can't, and so is in no store."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def encode_session(session: Session) -> bytes:
    """The session without its state."""
    return _sessions.encode(session)


def decode_session(document: bytes, state: bytes) -> Session:
    """The session with the state that was kept beside it."""
    session = _sessions.decode(document)
    # Nobody else has seen this record yet, so setting a field of it breaks no promise.
    force_setattr(session, "state_json", state)
    return session


def encode_run(run: Run | None) -> bytes | None:
    """The run; ``None`` for none."""
    return None if run is None else _runs.encode(run)


def decode_run(document: bytes | None) -> Run | None:
    """The run; ``None`` for none."""
    return None if document is None else _runs.decode(document)


def encode_group(group: Group) -> bytes:
    """The group without its counts, which are worked out when it is read."""
    return _groups.encode(group)


def decode_group(document: bytes, counts: dict[str, int]) -> Group:
    """The group with its counts."""
    group = _groups.decode(document)
    force_setattr(group, "counts", counts)
    return group


def encode_event(event: Event) -> bytes:
    """The event without its number."""
    return _events.encode(event)


def decode_event(document: bytes, seq: int) -> Event:
    """The event with its number."""
    event = _event_decoder.decode(document)
    force_setattr(event, "seq", seq)
    return event


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The checkpoint without its state."""
    return _checkpoints.encode(msgspec.structs.replace(checkpoint, state_json=None, superseded=False))


def decode_checkpoint(document: bytes, state: bytes | None) -> Checkpoint:
    """The checkpoint, with its state or (in lists) without."""
    checkpoint = _checkpoints.decode(document)
    force_setattr(checkpoint, "state_json", state)
    return checkpoint


def encode_journal(entry: JournalEntry) -> bytes:
    """The whole entry."""
    return _msgpack.encode(entry)


def decode_journal(document: bytes) -> JournalEntry:
    """The whole entry."""
    return _journal_decoder.decode(document)


def encode_message(message: Message) -> bytes:
    """The whole message."""
    return _msgpack.encode(message)


def decode_message(document: bytes) -> Message:
    """The whole message."""
    return _message_decoder.decode(document)


def encode_worker(worker: Worker) -> bytes:
    """The worker; ``alive`` and ``seen_at`` are filled in when it is read."""
    return _msgpack.encode(worker)


def decode_worker(document: bytes, *, alive: bool, seen_at: float) -> Worker:
    """The worker with what the store knows of its beats."""
    return msgspec.structs.replace(_worker_decoder.decode(document), alive=alive, seen_at=seen_at)


_AUDIT_FIELDS: Final = tuple(field.name for field in msgspec.structs.fields(AuditEntry))
_read_entry = operator.attrgetter(*_AUDIT_FIELDS)


def encode_audit(entry: AuditEntry) -> bytes:
    """The entry as a JSON list of its fields, in their order: one entry has one form, which its hash is over."""
    return _json.encode(_read_entry(entry))


def decode_audit(document: bytes) -> AuditEntry | None:
    """The entry; ``None`` for what is none: somebody wrote into the store."""
    try:
        found = msgspec.json.decode(document, type=list)
        return msgspec.convert(dict(zip(_AUDIT_FIELDS, found, strict=True)), AuditEntry)
    except (msgspec.MsgspecError, ValueError, UnicodeDecodeError):
        return None


def audit_record(chain: str, stored: StoredAudit) -> AuditRecord:
    """The record; with the action ``unreadable`` where its entry can't be read."""
    entry = decode_audit(stored.document)
    if entry is None:
        entry = AuditEntry(at=0.0, actor="", channel="", action="unreadable", target_kind="store", target="")
    return AuditRecord(seq=stored.seq, chain=chain, hash=stored.hash, **msgspec.structs.asdict(entry))
