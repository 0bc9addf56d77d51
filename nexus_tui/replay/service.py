"""ReplayService: a recording as a service, as of the player's time. It answers every question and refuses every change.

Sessions are filtered and sorted in this process: a recording of a hundred thousand sessions is comfortable, one of
millions is not what it is for.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from nexus.errors import CheckpointNotFound, GroupNotFound, InvalidInput, NexusError, PermissionDenied, SessionNotFound
from nexus.lifecycle.counting import statistics
from nexus.model import (
    Caller,
    Checkpoint,
    Event,
    Group,
    Page,
    Run,
    Session,
    Statistics,
    Window,
    WorkflowInfo,
    checkpoint_number,
)
from nexus.query import compile_predicate, parse
from nexus.service import DEFAULT_LIMIT, DEFAULT_SORT, MAX_LIMIT, FeedItem
from nexus.sessions import arguments
from nexus.sessions.feed import of_types, split_types
from nexus.stores import ordering
from nexus.stores.base import Health
from nexus.stores.strides import among, ranks_of
from nexus_tui.partial_service import LookingService
from nexus_tui.replay.player import Player
from nexus_tui.replay.tape import Subject, World

_HELD = 8
"""Sorted lists that are kept."""
_PATIENCE = 5
"""So a big recording takes a sixth of the time to sort, at most, while it plays."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A sorted list: as of how many frames and jumps, when it was made, and how many seconds that took."""

    sessions: list[Session]
    at: int
    jumps: int
    made: float
    took: float

    def serves(self, player: Player, *, patient: bool) -> bool:
        """Whether it is good enough: exactly, or while time passes for a few times as long as it took."""
        if self.jumps != player.jumps:
            return False
        age = time.perf_counter() - self.made
        if self.at == player.tape.at:
            # Terms such as age>10m match others as time goes by, without a frame.
            return not player.is_playing or age < max(self.took * _PATIENCE, 1.0)
        return patient and player.is_playing and age < self.took * _PATIENCE


class ReplayService(LookingService):
    """See the module's docstring."""

    def __init__(self, player: Player) -> None:
        """Answer from a recording.

        Args:
            player: Whose time it is.
        """
        self.caller = Caller(actor="replay", channel="cli", scope="read")
        self._player = player
        self._held: dict[tuple[str, str], _Held] = {}

    def _refusal(self) -> NexusError:
        return PermissionDenied("This is a recording: it can be looked at and not changed")

    @property
    def _world(self) -> World:
        self._player.catch_up()
        return self._player.tape.world

    def _subject(self, session_id: str) -> Subject:
        found = self._world.subjects.get(session_id)
        if found is None:
            raise SessionNotFound(f"session {session_id[:128]} is not there at this time of the recording",
                                  session_id=session_id)  # fmt: skip
        return found

    # Sessions

    async def get_session(self, session_id: str) -> Session:
        """See ``Service``."""
        return self._subject(session_id).session

    async def get_run(self, session_id: str) -> Run | None:
        """See ``Service``."""
        return self._subject(session_id).run

    async def exists(self, session_id: str) -> bool:
        """See ``Service``."""
        found = self._world.subjects.get(session_id)
        return found is not None and not found.session.is_due(self._player.now)

    async def list_sessions(
        self, q: str = "", *, sort: str = DEFAULT_SORT, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Session]:
        """See ``Service``."""
        found, at = self._matching(q, sort), _offset(cursor)
        more = at + limit < len(found)
        return Page(items=tuple(found[at : at + limit]), next_cursor=str(at + limit) if more else None,
                    total=len(found))  # fmt: skip

    async def window(
        self, q: str = "", *, sort: str = "-last_activity", offset: int = 0, limit: int = 50, stride: int = 1
    ) -> Window[Session]:
        """See ``Service``."""
        found = self._matching(q, sort, patient=True)
        subjects = self._world.subjects
        # Their order may be a moment old while time passes; what they are is not.
        rows = (subjects.get(each.id) for each in among(found, 0, ranks_of(offset, limit, stride)))
        shown = tuple(row.session for row in rows if row is not None)
        whole = len(self._world.subjects)
        return Window(items=shown, offset=offset, total=len(found), whole=whole, stride=stride)

    def _matching(self, q: str, sort: str, *, patient: bool = False) -> list[Session]:
        world, query, order = self._world, parse(q), arguments.order(sort)
        held = self._held.get((q, sort))
        if held is None or not held.serves(self._player, patient=patient):
            began = time.perf_counter()
            passes, now = compile_predicate(query), self._player.now
            kept = [each.session for each in world.subjects.values() if not query.terms or passes(each.session, now)]
            found = sorted(kept, key=lambda each: ordering.key_of(each, order.field), reverse=order.descending)
            ended = time.perf_counter()
            self._held.pop((q, sort), None)
            if len(self._held) >= _HELD:
                del self._held[next(iter(self._held))]
            held = self._held[q, sort] = _Held(found, self._player.tape.at, self._player.jumps, ended, ended - began)
        return held.sessions

    async def list_children(
        self, session_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Session]:
        """See ``Service``."""
        self._subject(session_id)
        world, at = self._world, _offset(cursor)
        found = [world.subjects[each].session for each in world.children.get(session_id, {}) if each in world.subjects]
        found.sort(key=lambda each: (each.created_at, each.id))
        more = at + limit < len(found)
        return Page(items=tuple(found[at : at + limit]), next_cursor=str(at + limit) if more else None,
                    total=len(found))  # fmt: skip

    # History

    async def list_checkpoints(
        self, session_id: str, *, cursor: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[Checkpoint]:
        """See ``Service``."""
        session = self._subject(session_id).session
        after = _offset(cursor)
        numbers = sorted(number for number in self._world.checkpoints.get(session_id, {}) if number > after)
        shown = tuple(replace(self._checkpoint(session, number), state_json=None) for number in numbers[:limit])
        return Page(items=shown, next_cursor=str(shown[-1].number) if len(numbers) > limit else None)

    async def get_checkpoint(self, session_id: str, checkpoint_id: str) -> Checkpoint:
        """See ``Service``."""
        return self._checkpoint(self._subject(session_id).session, checkpoint_number(checkpoint_id))

    def _checkpoint(self, session: Session, number: int) -> Checkpoint:
        found = self._world.checkpoints.get(session.id, {}).get(number)
        if found is None:
            raise CheckpointNotFound(f"checkpoint-{number} of session {session.id} is not in this recording",
                                     session_id=session.id, checkpoint_id=f"checkpoint-{number}")  # fmt: skip
        return replace(found, superseded=session.superseded(number)) if session.rewinds else found

    async def list_events(
        self, session_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT, newest: bool = False
    ) -> Page[Event]:
        """See ``Service``."""
        self._subject(session_id)
        after = _offset(cursor)
        found = [event for event in self._player.tape.events_of(session_id) if event.seq > after]
        shown = tuple(found[-limit:] if newest else found[:limit])
        more = len(found) > limit and not newest
        return Page(items=shown, next_cursor=str(shown[-1].seq) if more else None)

    # Groups, workflows, figures

    async def get_group(self, group_id: str) -> Group:
        """See ``Service``."""
        found = self._groups().get(group_id)
        if found is None:
            raise GroupNotFound(f"group {group_id[:128]} is not there at this time of the recording", group_id=group_id)
        return found

    async def list_groups(self, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[Group]:
        """See ``Service``."""
        found = sorted(self._groups().values(), key=lambda group: (group.created_at, group.id), reverse=True)
        at = _offset(cursor)
        more = at + limit < len(found)
        return Page(items=tuple(found[at : at + limit]), next_cursor=str(at + limit) if more else None,
                    total=len(found))  # fmt: skip

    def _groups(self) -> dict[str, Group]:
        """Groups that were recorded, and those that sessions name, with counts as of now."""
        world = self._world
        counts: dict[str, dict[str, int]] = {}
        for name, value in world.counters.items():
            if name.startswith("group:"):
                group, _, status = name[6:].rpartition(":")
                counts.setdefault(group, {})[status] = int(value)
        start = self._player.tape.start
        named = {name: Group(id=name, created_at=start, owner="?") for name in counts}
        return {name: replace(group, counts=counts.get(name, {})) for name, group in (named | world.groups).items()}

    async def list_workflows(self) -> list[WorkflowInfo]:
        """None: a recording can run nothing."""
        return []

    async def statistics(self) -> Statistics:
        """See ``Service``."""
        return statistics(self._world.counters, self._player.now)

    async def health(self) -> Health:
        """See ``Service``."""
        return Health(ok=True, backend="recording", url="replay")

    # Events

    async def recent_events(self, q: str = "", limit: int = 100) -> Sequence[Event]:
        """See ``Service``."""
        self._player.catch_up()
        fits = self._fitting(q)
        if fits is None:
            return self._player.tape.recent(limit)
        return [event for event in self._player.tape.recent(5000) if fits(event)][-limit:]

    async def feed(self, q: str = "", *, cursor: str | None = None) -> AsyncIterator[FeedItem]:
        """Events as the time passes them; wherever it jumps, an item says that all may be different."""
        player, fits = self._player, self._fitting(q)
        player.catch_up()
        told, jumps = player.tape.at if cursor is None else _offset(cursor), player.jumps
        yield FeedItem(cursor=str(told), live=True)
        while True:
            player.catch_up()
            at = player.tape.at
            if player.jumps != jumps:
                told, jumps = at, player.jumps
                yield FeedItem(cursor=str(at), trimmed=True)
                continue
            events, told = player.tape.events_between(told, at), at
            for event in events:
                if fits is None or fits(event):
                    yield FeedItem(cursor=str(at), event=event)
            if not events:
                await player.moved()

    def _fitting(self, q: str) -> Callable[[Event], bool] | None:
        types, rest = split_types(q)
        if not types and not rest:
            return None
        is_wanted = of_types(types)
        passes = compile_predicate(parse(rest)) if rest else None

        def fits(event: Event) -> bool:
            if not is_wanted(event.type):
                return False
            found = self._player.tape.world.subjects.get(event.session_id or "")
            return passes is None or (found is not None and passes(found.session, self._player.now))

        return fits


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise InvalidInput(f"cursor {cursor[:60]!r} is not one that a list gave", field="cursor")
    return int(cursor)
