"""Names of the store's keys.

All of one store's keys share one hash tag, so they live in one slot of a cluster, and one script can
change them together: commits are atomic over any sessions, and events have one order. The tag
follows from the prefix, so stores with different prefixes spread over the nodes of a cluster.

``PREFIX{s00-XXXX}:`` and then:

- ``meta`` the version of this layout; ``seq`` the number of the last event; ``e`` the stream of events
- ``r:ID`` a session (hash of version, document, state, run, index entries); ``c:ID`` checkpoints, ``cs:ID``
  their states, ``j:ID`` journal, ``i:ID`` inbox, ``k:ID`` names of claims
- ``es:ID`` numbers of a session's events, ``eg:ID`` of a group's; ``gone`` sessions that are deleted and have events
- ``claims``, ``owners``; ``groups``, ``members``; ``n`` and ``ng`` counters; ``w`` workers
- ``x:…`` indexes: sorted sets whose entries sort as text (``entries.py``)
- ``done:CLIENT`` commits that this client has not yet heard of; goes by itself
"""

from __future__ import annotations

import zlib
from typing import Final

from nexus.errors import InvalidInput

LAYOUT: Final = "1"

_STORE: Final = ("seq", "e", "n", "ng", "claims", "owners", "groups", "members", "gone")
INDEXES: Final = ("created", "activity", "status", "group", "parent", "worker", "due", "ended")
_OF_SESSION: Final = ("r", "c", "cs", "j", "i", "k")
_LONGEST: Final = 200


class Keys:
    """The keys under one prefix.

    Args:
        prefix: Any text without braces, of 1 to 200 characters.

    Raises:
        InvalidInput: It is none.
    """

    def __init__(self, prefix: str) -> None:
        if not prefix or len(prefix) > _LONGEST or any(sign in prefix for sign in "{}"):
            raise InvalidInput(
                f"session_prefix {prefix[:60]!r} can't start the names of keys: use 1 to {_LONGEST} characters"
                " and no braces",
                field="session_prefix",
                value=prefix[:60],
            )
        tag = f"s00-{zlib.crc32(prefix.encode()) & 0xFFFF:04x}"
        self.root = f"{prefix}{{{tag}}}:".encode()
        self.meta = self.root + b"meta"
        self.seq, self.stream, self.counters, self.group_counters = (
            self.root + name for name in (b"seq", b"e", b"n", b"ng")
        )
        self.claims, self.groups, self.members = (self.root + name for name in (b"claims", b"groups", b"members"))
        self.gone, self.workers = self.root + b"gone", self.root + b"w"
        self.index: dict[str, bytes] = {name: self.root + f"x:{name}".encode() for name in (*INDEXES, "groups")}
        self.store = (*(self.root + name.encode() for name in _STORE), *self.index.values())
        """What every commit is given, in the order that ``commit.lua`` knows; ``done`` comes next."""

    def of_session(self, session_id: str) -> list[bytes]:
        """What belongs to a session, in the order that ``commit.lua`` knows."""
        return [self.root + f"{kind}:{session_id}".encode() for kind in _OF_SESSION]

    def record(self, session_id: str) -> bytes:
        """A session."""
        return self.root + b"r:" + session_id.encode()

    def part(self, kind: str, owner: str) -> bytes:
        """Any other key that has an owner: ``c``, ``cs``, ``j``, ``i``, ``es``, ``eg``, ``done``."""
        return self.root + f"{kind}:{owner}".encode()
