"""Names of the store's keys.

All keys of one shard share one hash tag, so they live in one slot of a cluster, and one script can
change them together. A store is one shard, or is spread over several (``sharded/``), each with a tag of its own,
chosen so that the shards' slots lie evenly over all slots, and so over a cluster's nodes. Tags follow from
the prefix too, so stores with different prefixes don't share slots.

``PREFIX{sNN…}:`` and then:

- ``meta`` the version of this layout; ``seq`` the number of the last event; ``e`` the stream of events
- ``r:ID`` a session (hash of version, document, state, run, index entries); ``c:ID`` checkpoints, ``cs:ID``
  their states, ``j:ID`` journal, ``i:ID`` inbox, ``k:ID`` names of claims
- ``es:ID`` numbers of a session's events, ``eg:ID`` of a group's; ``gone`` sessions that are deleted and have events
- ``claims``, ``owners``; ``groups``, ``members``; ``n`` and ``ng`` counters; ``w`` workers
- ``x:…`` indexes: sorted sets whose entries sort as text (``entries.py``)
- ``doc:KIND`` documents of the system, such as tokens
- ``a`` the stream of audit records; where it ends stands in ``meta`` (``audit_seq``, ``audit_hash``), and up
  to where the archive alone has it, once the shard had lost its data (``audit_kept``, ``audit_trimmed``)
- ``o`` what waits for the archive, ``o:lead`` and ``o:restore`` its leases (``outbox.py``)
- ``done:CLIENT:N`` the last commit that this client gave this place, of as many as it has at once; goes by itself
"""

from __future__ import annotations

import zlib
from typing import Final

import msgspec

from nexus.errors import InvalidInput
from nexus.stores.redis.slots import tag_of

LAYOUT: Final = "1"
"""One shard."""

_STORE: Final = ("seq", "e", "n", "ng", "claims", "owners", "groups", "members", "gone")
INDEXES: Final = ("created", "activity", "status", "group", "parent", "worker", "due", "ended")
_OF_SESSION: Final = ("r", "c", "cs", "j", "i", "k")
_LONGEST: Final = 200


class Shard(msgspec.Struct, frozen=True):
    """Which of how many shards. Each numbers its events without gaps; ``seq`` is unique over all of them."""

    number: int = 0
    count: int = 1

    @property
    def layout(self) -> str:
        """What ``meta`` says of the layout."""
        return LAYOUT if self.count == 1 else f"2/{self.count}"

    def seq(self, local: int) -> int:
        """The store's number of the shard's n-th event."""
        return local * self.count + self.number

    def local(self, seq: int) -> int:
        """The shard's number of its last event whose store's number is not over ``seq``; 0 for none."""
        return max((seq - self.number) // self.count, 0)


WHOLE: Final = Shard()
"""The one shard of a store that isn't spread."""


class Keys:
    """The keys of one shard under one prefix.

    Args:
        prefix: Any text without braces, of 1 to 200 characters.
        shard: Which one.

    Raises:
        InvalidInput: The prefix is none.
    """

    def __init__(self, prefix: str, shard: Shard = WHOLE) -> None:
        if not prefix or len(prefix) > _LONGEST or any(sign in prefix for sign in "{}"):
            raise InvalidInput(
                f"session_prefix {prefix[:60]!r} can't start the names of keys: use 1 to {_LONGEST} characters"
                " and no braces",
                field="session_prefix",
                value=prefix[:60],
            )
        self.shard = shard
        whole = f"s00-{zlib.crc32(prefix.encode()) & 0xFFFF:04x}"
        tag = whole if shard.count == 1 else tag_of(prefix, shard.number, shard.count)
        self.root = f"{prefix}{{{tag}}}:".encode()
        self.meta = self.root + b"meta"
        self.seq, self.stream, self.counters, self.group_counters = (
            self.root + name for name in (b"seq", b"e", b"n", b"ng")
        )
        self.claims, self.groups, self.members = (self.root + name for name in (b"claims", b"groups", b"members"))
        self.gone, self.workers, self.audit = self.root + b"gone", self.root + b"w", self.root + b"a"
        self.index: dict[str, bytes] = {name: self.root + f"x:{name}".encode() for name in (*INDEXES, "groups")}
        self.store = (*(self.root + name.encode() for name in _STORE), *self.index.values())
        """What every commit is given, in the order that ``commit.lua`` knows; ``done`` comes next."""
        self.timed = (
            self.seq, self.stream, self.counters, self.index["activity"], self.index["due"], self.meta,
            self.root + b"o", self.group_counters, self.audit,
        )  # fmt: skip
        """What every update is given, in the order that ``update.lua`` knows; ``done`` comes next."""

    def of_session(self, session_id: str) -> list[bytes]:
        """What belongs to a session, in the order that ``commit.lua`` knows."""
        return [self.root + f"{kind}:{session_id}".encode() for kind in _OF_SESSION]

    def record(self, session_id: str) -> bytes:
        """A session."""
        return self.root + b"r:" + session_id.encode()

    def part(self, kind: str, owner: str) -> bytes:
        """Any other key that has an owner: ``c``, ``cs``, ``j``, ``i``, ``es``, ``eg``, ``done``."""
        return self.root + f"{kind}:{owner}".encode()
