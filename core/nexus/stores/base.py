"""The store: where records live, and the one way in which they change.

A store knows no rule of a session's life. It commits what the pure transitions decided
(``lifecycle/``), all of it or nothing, if the version is still the one that the decision was
made on; or it says ``Conflict`` and hands over what is there now. It also answers queries, keeps
counters, and gives out events in order.

Promises that every store keeps (``nexus.testing.StoreContract`` checks them):

- ``commit`` is atomic over everything in its changes, and durable when it returns.
- Commits to one session are linearizable; versions rise by exactly one.
- ``seq`` of events is unique, and rises in the commit order of each session and each group's record, without a reader
  ever seeing a later one before an earlier one.
- A session's events, checkpoints, journal, inbox, claims, counters and audit record commit with its record; each change
  of a session or group brings exactly one audit record, and one that is not made brings none.
- Nothing a caller gets is shared with the store: records are frozen, documents are bytes.

A store in one place promises two things more, and one that is spread over shards does not (``Harness.one_order``):

- A commit may hold changes of any sessions and groups. Spread, it holds those of one shard, and others are a
  ``ValueError``. So no service commits several changes at once, and a key is claimed with an id from ``id_beside``.
- ``seq`` rises in commit order over all sessions, without gaps, and is a cursor. Spread, lists of several sessions'
  events come by time, and only what ``EventBatch`` gives is a cursor.

Implemented by ``MemoryStore``, ``SQLiteStore``, ``RedisStore``, ``ShardedRedisStore``. Only ``opening.py`` names them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

import msgspec

from nexus.model import Checkpoint, Event, EventBatch, Group, JournalEntry, Page, Session, Window, Worker
from nexus.model.audit import AuditEntry, AuditHead, StoredAudit
from nexus.model.change import UNOWNED, Change, Claim, Message, Snapshot
from nexus.query import Query

__all__ = [
    "UNOWNED",
    "Change",
    "Claim",
    "Committed",
    "Conflict",
    "Health",
    "Message",
    "Order",
    "Snapshot",
    "SortField",
    "Store",
]


class Committed(msgspec.Struct, frozen=True):
    """What came of a commit: its events in the order of the changes, now numbered."""

    events: tuple[Event, ...]


class Conflict(Exception):
    """Another commit came first. Nothing was changed.

    Args:
        session_id: The session (or group) that differs.
        current: What the store holds now; ``None`` if there is no such session, or it is a group.
        claim: The key whose value differed, with that value, when it was a claim.
    """

    def __init__(
        self, session_id: str, current: Snapshot | None = None, claim: tuple[str, str | None] | None = None
    ) -> None:
        super().__init__(session_id)
        self.session_id = session_id
        self.current = current
        self.claim = claim


class SortField(StrEnum):
    """What a list of sessions can be sorted by; ties go by id."""

    CREATED = "created_at"
    ACTIVITY = "last_activity"
    ID = "id"
    STATUS = "status"
    WORKFLOW = "workflow"
    CHANNEL = "channel"
    STEP = "step"
    EXPIRES = "expires_at"
    DURATION = "duration"
    USER = "user_id"
    GROUP = "group_id"
    VERSION = "version"


class Order(msgspec.Struct, frozen=True):
    """A sort order: ``-created_at`` is newest first."""

    field: SortField = SortField.CREATED
    descending: bool = True

    def __str__(self) -> str:
        return f"{'-' if self.descending else ''}{self.field.value}"


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the store answers, and facts for ``nexus doctor``."""

    ok: bool
    backend: str
    url: str
    detail: str = ""
    facts: Mapping[str, str] = {}


class Store(Protocol):
    """One place where sessions live. Opened and closed as an async context manager.

    Every method may raise ``StoreUnavailable``. Methods are coroutine-safe: any number of tasks
    of one event loop may call at once; another process may work on the same store.
    """

    url: str

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    # -- records

    async def load(self, session_id: str) -> Snapshot | None:
        """The session and its run as last committed, or ``None``."""
        ...

    async def load_many(self, session_ids: Sequence[str]) -> dict[str, Snapshot]:
        """Those of the given sessions that exist."""
        ...

    async def commit(self, *changes: Change) -> Committed:
        """Apply all changes atomically, or none.

        A checkpoint of another session may be replaced a moment before the rest, whatever becomes of that.

        Returns:
            The events, numbered; durable by then.

        Raises:
            Conflict: A version, claim or inbox message was not as expected.
            ValueError: The changes contradict themselves, or can't be in one commit of this store.
        """
        ...

    # -- sessions in bulk; ``now`` is for terms such as ``age>10m``

    async def list_sessions(
        self, query: Query, order: Order, *, cursor: str | None, limit: int, now: float
    ) -> Page[Session]:
        """A page by key, without ``total``. A cursor that this order can't read is ``InvalidInput``."""
        ...

    async def window(
        self, query: Query, order: Order, *, offset: int, limit: int, now: float, stride: int = 1
    ) -> Window[Session]:
        """Rows by rank, with how many match and how many there are.

        Args:
            query: Which sessions.
            order: In which order.
            offset: The rank of the first row.
            limit: How many rows at most.
            now: Seconds since the epoch.
            stride: How far apart their ranks are. A store that has to look for each of them may give some ``FEW``
                (``nexus.stores.strides``) that are spread over the same ranks, a multiple of it apart; the window's
                own ``stride`` says so.
        """
        ...

    async def count(self, query: Query, now: float) -> int:
        """How many sessions match."""
        ...

    async def due(self, now: float, limit: int) -> list[str]:
        """Ids of sessions whose ``Snapshot.due_at`` is at or before ``now``, longest overdue first.

        A store may index a lower bound of ``due_at`` and rewrite it lazily, but answers exactly.
        """
        ...

    async def ended_before(self, before: float, limit: int) -> list[str]:
        """Ids of final sessions with ``ended_at`` under ``before``, oldest first, for retention."""
        ...

    async def children(self, session_id: str, *, cursor: str | None, limit: int) -> Page[Session]:
        """Direct children in order of creation."""
        ...

    # -- what belongs to a session

    async def list_checkpoints(self, session_id: str, *, after: int, limit: int) -> list[Checkpoint]:
        """Checkpoints numbered over ``after``, ascending, without state and without ``superseded`` worked out."""
        ...

    async def load_checkpoint(self, session_id: str, number: int) -> Checkpoint | None:
        """One checkpoint with its state, or ``None``."""
        ...

    async def load_journal(self, session_id: str, run_id: str) -> list[JournalEntry]:
        """The recorded results of a run, in the order in which they were committed."""
        ...

    async def inbox(self, session_id: str) -> list[Message]:
        """Messages that no commit has taken yet, in order of arrival."""
        ...

    def id_beside(self, key: str, make: Callable[[], str]) -> str:
        """An id for a new session that claims a key in the commit that makes it.

        Args:
            key: What it will claim; for ``idem:SESSION:KEY`` the session's own commits do.
            make: Gives another id each time; called until one fits.
        """
        ...

    async def claim(self, key: str) -> str | None:
        """The value of a claimed key."""
        ...

    # -- groups

    async def load_group(self, group_id: str) -> Group | None:
        """The group with its counts, or ``None``."""
        ...

    async def list_groups(self, *, cursor: str | None, limit: int) -> Page[Group]:
        """Newest first, with counts and ``total``."""
        ...

    # -- events

    async def list_events(
        self,
        *,
        session_id: str | None = None,
        group_id: str | None = None,
        after: int = 0,
        limit: int,
        newest: bool = False,
    ) -> list[Event]:
        """Events of one session, one group (and its members), or all, with ``seq`` over ``after``, ascending.

        With ``newest`` the last ``limit`` of them instead of the first, still ascending. Ascending is by ``seq``; where
        there is no one order, by time over several sessions.
        """
        ...

    async def read_events(self, cursor: str | None, limit: int) -> EventBatch:
        """All events behind a cursor; ``None`` starts at the end, ``"0"`` at the oldest kept.

        Returns at once, maybe with no events. ``trimmed`` says that some were deleted unread.

        Raises:
            InvalidInput: The text is no cursor of this store.
        """
        ...

    async def wait_events(self, cursor: str, timeout: float) -> bool:
        """Sleep until there may be events behind the cursor, whichever process commits them.

        Returns:
            ``False`` when ``timeout`` seconds went by without any.
        """
        ...

    async def trim_events(self, before: float, limit: int) -> int:
        """Delete up to ``limit`` events older than ``before`` that belong to no stored session; how many."""
        ...

    # -- counters

    async def counters(self, prefix: str = "") -> dict[str, float]:
        """Counters whose names start with ``prefix``; group counters only when it asks for them."""
        ...

    async def drop_counters(self, names: Sequence[str]) -> None:
        """Forget counters that are no longer read."""
        ...

    # -- documents of the system: tokens and the like

    async def documents(self, kind: str) -> dict[str, bytes]:
        """All documents of a kind by name."""
        ...

    async def put_document(
        self, kind: str, name: str, body: bytes | None, *, expected: bytes | None, audit: AuditEntry | None = None
    ) -> None:
        """Keep or replace a document, or with ``None`` remove it; durable when it returns.

        ``audit`` is written down in the same commit, and not where the document is as wanted already.

        Raises:
            Conflict: What is kept under the name isn't ``expected`` (``None``: nothing is), nor ``body`` already.
        """
        ...

    # -- audit

    async def append_audit(self, entry: AuditEntry) -> None:
        """Write down what changes nothing, such as a refusal; durable when it returns."""
        ...

    async def audit_heads(self) -> list[AuditHead]:
        """Every chain with its last record's number and hash, by name; one chain a shard."""
        ...

    async def read_audit(
        self, chain: str, *, after: int = 0, before: int | None = None, limit: int, newest: bool = False
    ) -> list[StoredAudit]:
        """Records of a chain numbered over ``after`` and under ``before``, as they are kept: the first, ascending, or
        with ``newest`` the last, descending."""
        ...

    async def trim_audit(self, upto: AuditHead, anchor: AuditEntry) -> int:
        """Delete the records of a chain from its front, and write down that they were, in one commit.

        Args:
            upto: The last one to delete, by chain, number and hash. Nothing happens where it isn't there.
            anchor: What goes to the end of the chain (``model.audit.anchor_of``).

        Returns:
            How many were deleted.
        """
        ...

    # -- workers

    async def beat(self, worker: Worker, lease: float) -> None:
        """Say that a worker lives, and is to be believed for ``lease`` seconds from now."""
        ...

    async def workers(self) -> list[Worker]:
        """All workers that are not gone, with ``alive`` and ``seen_at`` filled in."""
        ...

    async def forget_worker(self, worker_id: str) -> None:
        """Remove a worker that stopped, or whose runs have all been taken over."""
        ...

    async def runs_of(self, worker_id: str, limit: int) -> list[str]:
        """Ids of the sessions whose run this worker holds; with ``UNOWNED``, of those that wait for one."""
        ...

    async def holders(self) -> set[str]:
        """Ids of all workers that hold runs, listed or forgotten; ``UNOWNED`` is none."""
        ...

    async def health(self) -> Health:
        """Whether the store answers now; never raises."""
        ...
