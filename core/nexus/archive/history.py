"""History: the sessions that the live store has let go, as the archive has them.

The port that ``merged.ArchivedStore`` completes its answers with. Its methods have the names and the meaning of
``Store``'s, over nothing but sessions that were let go; they may raise ``StoreUnavailable``. Implemented by
``history_sql.SQLHistory``.

A session is *let go* before the live store deletes it (``let_go``), and only once the archive has its last version.
So a session is always in one of both, for an instant in both, and never in none; who reads the live store first and
history after that misses no session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from nexus.model import Checkpoint, Event, Group, JournalEntry, Page, Session, Window
from nexus.model.change import Snapshot
from nexus.query import Query
from nexus.stores.base import Order
from nexus.stores.ordering import Key

__all__ = ["History", "Key"]


class History(Protocol):
    """What was let go. Any number of tasks of one event loop may call at once."""

    # -- sessions

    async def load(self, session_id: str) -> Snapshot | None:
        """See ``Store.load``."""
        ...

    async def load_many(self, session_ids: Sequence[str]) -> dict[str, Snapshot]:
        """See ``Store.load_many``."""
        ...

    async def list_sessions(
        self, query: Query, order: Order, *, cursor: str | None, limit: int, now: float
    ) -> Page[Session]:
        """See ``Store.list_sessions``; it reads the cursors that any store gives."""
        ...

    async def window(
        self, query: Query, order: Order, *, offset: int, limit: int, now: float, stride: int = 1
    ) -> Window[Session]:
        """See ``Store.window``."""
        ...

    async def count(self, query: Query, now: float) -> int:
        """See ``Store.count``."""
        ...

    async def split(
        self, query: Query, order: Order, places: Sequence[Key], *, first: int, rank: int, now: float
    ) -> int:
        """How many of some places come before a rank, where they are merged with the matching sessions.

        Args:
            query: Which sessions.
            order: In which order they and the places are.
            places: Keys of other sessions, in that order.
            first: The rank of the first of them among its own.
            rank: A rank among all.
            now: Seconds since the epoch, for ages.
        """
        ...

    async def children(self, session_id: str, *, cursor: str | None, limit: int) -> Page[Session]:
        """See ``Store.children``."""
        ...

    # -- what belongs to them

    async def list_checkpoints(self, session_id: str, *, after: int, limit: int) -> list[Checkpoint]:
        """See ``Store.list_checkpoints``."""
        ...

    async def load_checkpoint(self, session_id: str, number: int) -> Checkpoint | None:
        """See ``Store.load_checkpoint``."""
        ...

    async def load_journal(self, session_id: str, run_id: str) -> list[JournalEntry]:
        """See ``Store.load_journal``."""
        ...

    async def list_events(
        self,
        *,
        session_id: str | None = None,
        group_id: str | None = None,
        after: int = 0,
        limit: int,
        newest: bool = False,
        by_time: bool = False,
    ) -> list[Event]:
        """See ``Store.list_events``, over all archived events, whoever they are of; ``by_time`` orders by ``ts``."""
        ...

    # -- groups

    async def load_group(self, group_id: str) -> Group | None:
        """See ``Store.load_group``, over all archived groups; it counts the members that were let go."""
        ...

    async def members(self, group_ids: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        """How many sessions of each group were let go, by status; groups without any may be left out."""
        ...

    # -- letting go

    async def let_go(self, session_id: str, version: int) -> bool:
        """Show a session from now on, because the live store is about to delete it.

        Returns:
            ``False``, with nothing changed, where the archive does not have that version (yet).
        """
        ...

    async def keep(self, session_id: str, version: int) -> None:
        """Take ``let_go`` back: the live store did not delete that version."""
        ...

    async def close(self) -> None:
        """Stop answering; answers that are under way are not waited for."""
        ...
