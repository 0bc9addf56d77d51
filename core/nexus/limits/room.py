"""Room for one more session: of an actor, and in a group; exact over all processes of a store.

What is there is counted, and the commit that adds to it claims a key that only one commit can win on that count: who
loses counts again. A store that is spread over shards can't always hold that key beside a session whose id somebody
chose; there as many commits as are under way at one moment may pass together. Without a limit nothing is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from nexus.errors import LimitExceeded
from nexus.model.change import Claim
from nexus.query import Glob, GlobTerm, Query, parse
from nexus.query.globs import escape
from nexus.settings import Settings
from nexus.stores.base import Store

_OPEN: Final = "status:active,in_progress,suspended,failed"
_DUE: Final = "expires<=0s"


class Place(Exception):
    """An id isn't beside a key in a store that is spread over shards."""


class Room:
    """The limits of one store on how many sessions there are.

    Args:
        store: Where claims are.
        live: Where sessions are that can still change.
        settings: Say how many there may be.
    """

    def __init__(self, store: Store, live: Store, settings: Settings) -> None:
        self._store = store
        self._live = live
        self._of_actor = settings.max_live_sessions
        self._of_group = settings.max_group_sessions

    @property
    def limits_actors(self) -> bool:
        """Whether an actor may have only so many live sessions."""
        return bool(self._of_actor)

    def keys(self, actor: str, group_id: str | None) -> tuple[str, ...]:
        """The keys that a new session claims: those for which there is a limit."""
        own = (f"live:{actor}",) if self._of_actor else ()
        return (*own, f"members:{group_id}") if self._of_group and group_id is not None else own

    def new_id(self, keys: tuple[str, ...], make: Callable[[], str]) -> str:
        """A new session's id, beside the first of its keys."""
        return self._store.id_beside(keys[0], make) if keys else make()

    async def reserve(
        self, actor: str, group_id: str | None, session_id: str, keys: tuple[str, ...], now: float
    ) -> tuple[Claim, ...]:
        """What a commit must claim so that nobody else fills the same room.

        Raises:
            LimitExceeded: There is no room.
        """
        # The key is read before anything is counted: a commit in between makes this one lose.
        held = {key: await self._store.claim(key) for key in keys}
        if self._of_actor:
            await self.check_live(actor, now)
        if self._of_group and group_id is not None:
            await self._check_group(group_id)
        return tuple(
            Claim(key=key, value=session_id, expected=value)
            for key, value in held.items()
            if self._beside(key, session_id)
        )

    async def check_live(self, actor: str, now: float) -> None:
        """Refuse one more live session of an actor; not counted where there is no limit.

        Raises:
            LimitExceeded: There are as many as there may be.
        """
        most = self._of_actor
        if not most:
            return
        owner = GlobTerm("owner", (Glob(escape(actor)),))
        terms = (*parse(_OPEN).terms, owner)
        live = await self._live.count(Query(terms), now)
        if live >= most:
            # Those past their time are over, whether or not anybody has said so yet.
            live -= await self._live.count(Query((*terms, *parse(_DUE).terms)), now)
        if live >= most:
            raise LimitExceeded(
                f"{actor} has {live:,} live sessions, and max_live_sessions allows {most:,}: end some first",
                limit=most, live=live, setting="max_live_sessions",
            )  # fmt: skip

    async def _check_group(self, group_id: str) -> None:
        group, most = await self._store.load_group(group_id), self._of_group
        if group is not None and group.total >= most:
            raise LimitExceeded(
                f"group {group_id} has {group.total:,} sessions, and max_group_sessions allows {most:,}: use another"
                " group",
                limit=most, total=group.total, group_id=group_id, setting="max_group_sessions",
            )  # fmt: skip

    def _beside(self, key: str, session_id: str) -> bool:
        offered = iter((session_id,))

        def only() -> str:
            try:
                return next(offered)
            except StopIteration:
                raise Place(session_id) from None

        try:
            self._store.id_beside(key, only)
        except Place:
            return False
        return True
