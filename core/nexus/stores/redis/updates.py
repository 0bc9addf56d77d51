"""The usual commit, as ``update.lua`` reads it: the next version of one session, which stays where it is.

It names only the keys that such a commit touches, and describes it by plain words. That takes the server and this
process half of what ``commit.lua`` takes. Whether a session really stays where it is, only the server knows: if not,
the script says so, and the commit is sent in its general form.
"""

from __future__ import annotations

from typing import Final

import msgspec

from nexus.model.change import Change
from nexus.stores.chain import digest
from nexus.stores.prepared import PreparedChange, PreparedRecord
from nexus.stores.redis import entries
from nexus.stores.redis.keys import Keys
from nexus.stores.redis.scripts import UPDATE
from nexus.stores.redis.wire import Word, pack

_REST: Final = 18
"""The place in ``ARGV`` of the first event."""

_pack = msgspec.msgpack.Encoder().encode


class Updates:
    """Updates of one shard.

    Args:
        keys: Its keys.
        remembered: Seconds for which the server remembers a commit's number.
    """

    def __init__(self, keys: Keys, remembered: int) -> None:
        self._keys = keys
        self._remembered = str(remembered)
        self._heads: dict[int, bytes] = {}

    def packed(self, one: PreparedChange, place: bytes, number: int, mark: str, archived: bytes) -> bytes | None:
        """The command that commits a change.

        Args:
            one: The change.
            place: The key of the commit's number.
            number: That number.
            mark: The archive's.
            archived: What goes to the archive; empty for nothing.

        Returns:
            ``None`` for a change that needs the general form, or most likely does.
        """
        change, record = one.change, one.record
        if record is None or one.audit is None or not _is_usual(change, record):
            return None
        keys, session = self._keys, record.session
        name, group = session.id, session.group_id
        packed, activity = entries.of_session(record)
        words: list[Word] = [
            place, keys.record(name), keys.part("es", name), number, mark, change.expected or 0, session.version, name,
            activity, "" if record.due_at is None else repr(record.due_at), group or "", record.run or b"", archived,
            self._remembered, packed, record.document, record.state, one.audit, digest(one.audit),
        ]  # fmt: skip
        at = 3
        if group is not None:
            words.insert(at, keys.part("eg", group))
            at += 1
        rest: list[Word] = []
        for event, document in zip(change.events, one.events, strict=True):
            rest += (repr(event.ts), document)
        for counter, delta in change.counters.items():
            rest += (counter, repr(float(delta)))
        if one.checkpoints or change.drop_checkpoints or change.journal or change.drop_journal:
            words[at:at] = [keys.part(kind, name) for kind in ("c", "cs", "j")]
            at += 3
            words.append(_pack((len(change.events), len(change.counters), _more(one, rest))))
        elif change.counters or len(change.events) != 1:
            words.append(_pack((len(change.events), len(change.counters))))
        else:
            words.append("1")
        return self._command(at, words, rest)

    def _command(self, own_keys: int, words: list[Word], rest: list[Word]) -> bytes:
        head = self._heads.get(own_keys)
        if head is None:
            store = self._keys.timed
            whole = pack(("EVALSHA", UPDATE.sha, own_keys + len(store), *store))
            head = self._heads[own_keys] = whole[whole.index(b"\n") + 1 :]
        own = pack((*words, *rest))
        end = own.index(b"\n") + 1
        return b"*%d\r\n%b%b" % (int(own[1 : end - 2]) + 3 + len(self._keys.timed), head, own[end:])


def _is_usual(change: Change, record: PreparedRecord) -> bool:
    if change.expected is None or change.claims or change.put or change.take:
        return False
    session = record.session
    if any(event.session_id != session.id or event.group_id != session.group_id for event in change.events):
        return False
    if any(checkpoint.session_id != session.id for checkpoint in change.checkpoints):
        return False
    # Whoever counts it by its status does so because that changes, and so its place does.
    return not any(name.startswith("status:") for name in change.counters)


def _more(one: PreparedChange, rest: list[Word]) -> tuple[object, ...]:
    """What else changes, with its documents behind ``rest``."""

    def document(body: bytes) -> int:
        rest.append(body)
        return _REST + len(rest) - 1

    change = one.change
    return (
        [str(number) for number in change.drop_checkpoints],
        [
            (str(saved.number), document((b"1" if saved.pinned else b"0") + saved.document),
             0 if saved.state is None else document(saved.state))
            for saved in one.checkpoints
        ],
        [f"{run_id}\0{key}" for run_id, key in change.drop_journal],
        [
            (f"{entry.run_id}\0{entry.key}", document(body))
            for entry, body in zip(change.journal, one.journal, strict=True)
        ],
    )  # fmt: skip
