"""PastService: a live service as it was at a moment. It answers every question as of then and refuses every change.

Lists are those of the service with what was touched since put back (see ``overlay``), so that what is read is bounded
by what has happened since, not by how much there is. What can't be known exactly is marked: ``is_doubtful`` tells it
of a session, ``note_of`` of a session's state, ``doubts`` of the figures.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from nexus.errors import CheckpointNotFound, GroupNotFound, NexusError, PermissionDenied, SessionNotFound
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
from nexus.query.format import to_text
from nexus.service import DEFAULT_LIMIT, DEFAULT_SORT, MAX_LIMIT, FeedItem
from nexus.sessions import arguments
from nexus.sessions.feed import of_types, split_types
from nexus.stores.base import Health
from nexus.stores.strides import looked_for
from nexus_tui.partial_service import LookingService
from nexus_tui.rewind.annals import Annals
from nexus_tui.rewind.asked import asked_now
from nexus_tui.rewind.figures import figures_then, group_then, members_then, with_percentiles
from nexus_tui.rewind.lives import Life
from nexus_tui.rewind.overlay import overlaid
from nexus_tui.rewind.runs import run_then, state_then
from nexus_tui.viewmodels.words import moment, plural

T = TypeVar("T")

_TRIES = 3
"""Times that a list is read again because something happened while it was read."""
_GROUP_PAGES = 10


class PastService(LookingService):
    """See the module's docstring."""

    def __init__(self, annals: Annals, at: float) -> None:
        """Answer as of a moment.

        Args:
            annals: What is read of the past; they reach the moment.
            at: Seconds since the epoch.
        """
        self.at = at
        self.caller: Caller = annals.service.caller
        self.is_blurred = False
        """Whether so much happened that something was read in between two changes."""
        self._annals = annals
        self._live = annals.service
        self._notes: dict[str, str] = {}

    def _refusal(self) -> NexusError:
        return PermissionDenied("This is the past: it can be looked at and not changed")

    # What is not known

    def is_doubtful(self, session_id: str) -> bool:
        """Whether what a session was is not known exactly."""
        life = self._annals.lives.known(session_id)
        return life is not None and not life.exact

    def note_of(self, session_id: str) -> str:
        """What is not known of a session's state, as of when it was read; nothing where it is exact."""
        return self._notes.get(session_id, "")

    async def doubts(self) -> tuple[str, ...]:
        """What of the figures is not exact, in words."""
        lives = (await self._annals.touched(self.at)).values()
        vague = sum(not life.exact and life.is_told for life in lives)
        gone = sum(not life.is_told for life in lives)
        found: list[str] = []
        if vague:
            found.append(f"{plural(vague, 'session')} not told by events alone")
        if gone:
            found.append(f"{plural(gone, 'session')} deleted since, not shown")
        if self._annals.chronicle.has_gaps(self.at):
            found.append("events of deleted sessions are gone")
        if not self._annals.knows_rates(self.at):
            found.append("rates a minute count from where events are known")
        if self.is_blurred:
            found.append("read while much happened")
        return tuple(found)

    async def _settled(self, read: Callable[[dict[str, Life]], Awaitable[T]]) -> T:
        """Read the present together with what was touched since; again where something happened between the two."""
        for _ in range(_TRIES):
            before = self._annals.chronicle.newest
            answer = await read(await self._annals.touched(self.at))
            if await self._annals.catch_up() == before:
                return answer
        self.is_blurred = True
        return answer

    async def _life(self, session_id: str) -> Life | None:
        """Its life where something has happened to it since; what it is now is what it was, where nothing has."""
        return (await self._annals.touched(self.at)).get(session_id)

    def _missing(self, session_id: str) -> SessionNotFound:
        return SessionNotFound(f"session {session_id[:128]} is not there at {moment(self.at)}", session_id=session_id)

    # Sessions

    async def get_session(self, session_id: str) -> Session:
        """See ``Service``; with the state as far as checkpoints tell it."""
        self._notes.pop(session_id, None)
        await self._annals.catch_up()
        life = await self._life(session_id)
        if life is None:
            today = await self._live.get_session(session_id)
            if today.created_at > self.at:
                raise self._missing(session_id)
            return today
        session = life.at(self.at)
        if session is None:
            raise self._missing(session_id)
        today = await self._live.get_session(session_id)
        told = life.events_until(self.at)

        async def load(checkpoint_id: str) -> Checkpoint:
            return await self._live.get_checkpoint(session_id, checkpoint_id)

        state = await state_then(told, life.events[len(told) :], today.state_json, load)
        if state.note:
            self._notes[session_id] = state.note
        return replace(session, state_json=state.state_json)

    async def get_run(self, session_id: str) -> Run | None:
        """See ``Service``; without who executed it."""
        life = await self._life(session_id)
        if life is None:
            return await self._live.get_run(session_id)
        today = await self._live.get_run(session_id)
        told = life.events_until(self.at)
        return run_then(today, told, life.events[len(told) :])

    async def exists(self, session_id: str) -> bool:
        """See ``Service``."""
        try:
            return not (await self.get_session(session_id)).is_due(self.at)
        except SessionNotFound:
            return False

    async def list_sessions(
        self, q: str = "", *, sort: str = DEFAULT_SORT, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Session]:
        """See ``Service``; the cursor is a rank."""
        at = int(cursor or 0)
        found = await self.window(q, sort=sort, offset=at, limit=limit)
        more = at + limit < found.total
        return Page(items=found.items, next_cursor=str(at + limit) if more else None, total=found.total)

    async def window(
        self, q: str = "", *, sort: str = "-last_activity", offset: int = 0, limit: int = 50, stride: int = 1
    ) -> Window[Session]:
        """See ``Service``."""
        if stride > 1:
            return await looked_for(
                lambda first, rows: self.window(q, sort=sort, offset=first, limit=rows), offset, limit, stride
            )
        query, order = parse(q), arguments.order(sort)
        asked_now(query, 0.0)
        passes = compile_predicate(query)

        async def read(lives: dict[str, Life]) -> Window[Session]:
            now = self._annals.clock()
            meant = asked_now(query, max(now - self.at, 0.0))
            written, passes_now = to_text(meant), compile_predicate(meant)
            whole = 0

            async def ask(first: int, rows: int, apart: int) -> Window[Session]:
                nonlocal whole
                found = await self._live.window(written, sort=sort, offset=first, limit=rows, stride=apart)
                whole = found.whole
                return found

            today = [life.today for life in lives.values() if life.today is not None]
            then = [session for life in lives.values() if (session := life.at(self.at)) is not None]
            rows, total = await overlaid(
                ask, order, [each for each in today if passes_now(each, now)],
                [each for each in then if passes(each, self.at)], max(offset, 0), limit,
            )  # fmt: skip
            return Window(items=tuple(rows), offset=max(offset, 0), total=total, whole=whole - len(today) + len(then))

        return await self._settled(read)

    async def list_children(
        self, session_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Session]:
        """See ``Service``."""
        page = await self._live.list_children(session_id, cursor=cursor, limit=limit)
        lives = await self._annals.touched(self.at)
        shown = [lives[each.id].at(self.at) if each.id in lives else each for each in page.items]
        later = sum(
            life.today is not None and life.today.parent_id == session_id and life.at(self.at) is None
            for life in lives.values()
        )
        total = None if page.total is None else max(page.total - later, 0)
        kept = tuple(each for each in shown if each is not None)
        return Page(items=kept, next_cursor=page.next_cursor, total=total)

    # History

    async def list_checkpoints(
        self, session_id: str, *, cursor: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[Checkpoint]:
        """See ``Service``; those that are still kept."""
        page = await self._live.list_checkpoints(session_id, cursor=cursor, limit=limit)
        life = await self._life(session_id)
        shown = tuple(self._as_then(each, life) for each in page.items if each.created_at <= self.at)
        return Page(items=shown, next_cursor=page.next_cursor if len(shown) == len(page.items) else None)

    async def get_checkpoint(self, session_id: str, checkpoint_id: str) -> Checkpoint:
        """See ``Service``."""
        found = await self._live.get_checkpoint(session_id, checkpoint_id)
        if found.created_at > self.at:
            raise CheckpointNotFound(
                f"{checkpoint_id} of session {session_id} is not there at {moment(self.at)}",
                session_id=session_id, checkpoint_id=checkpoint_id,
            )  # fmt: skip
        return self._as_then(found, await self._life(session_id))

    def _as_then(self, checkpoint: Checkpoint, life: Life | None) -> Checkpoint:
        session = life.at(self.at) if life is not None else None
        if session is None:
            return checkpoint
        return replace(checkpoint, superseded=session.superseded(checkpoint_number(checkpoint.id)))

    async def list_events(
        self, session_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT, newest: bool = False
    ) -> Page[Event]:
        """See ``Service``."""
        life = await self._life(session_id)
        if life is None or not life.events:
            page = await self._live.list_events(session_id, cursor=cursor, limit=limit, newest=newest)
            return replace(page, items=tuple(event for event in page.items if event.ts <= self.at))
        after = int(cursor or 0)
        found = [event for event in life.events_until(self.at) if event.seq > after]
        shown = tuple(found[-limit:] if newest else found[:limit])
        more = len(found) > limit and not newest
        return Page(items=shown, next_cursor=str(shown[-1].seq) if more else None)

    # Groups, workflows, figures

    async def get_group(self, group_id: str) -> Group:
        """See ``Service``."""
        (found,) = await self._groups([await self._live.get_group(group_id)])
        if found is None:
            raise GroupNotFound(f"group {group_id[:128]} is not there at {moment(self.at)}", group_id=group_id)
        return found

    async def _groups(self, today: Sequence[Group]) -> list[Group | None]:
        members = members_then((await self._annals.touched(self.at)).values(), self.at)
        events = self._annals.chronicle.of_groups
        return [group_then(each, members, events, self.at) for each in today]

    async def list_groups(self, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[Group]:
        """See ``Service``."""

        async def read(_: dict[str, Life]) -> Page[Group]:
            found: list[Group] = []
            after, later, total = cursor, 0, None
            for _page in range(_GROUP_PAGES):
                page = await self._live.list_groups(cursor=after, limit=limit)
                after, total = page.next_cursor, page.total
                then = await self._groups(page.items)
                found += [each for each in then if each is not None]
                later += then.count(None)
                if after is None or len(found) >= limit:
                    break
            known = None if total is None else max(total - later, 0)
            return Page(items=tuple(found[:limit]), next_cursor=after, total=known)

        return await self._settled(read)

    async def list_workflows(self) -> list[WorkflowInfo]:
        """See ``Service``; those of now: what was registered then is not recorded."""
        return await self._live.list_workflows()

    async def statistics(self) -> Statistics:
        """See ``Service``."""
        events = self._annals.chronicle.until(self.at)

        async def read(lives: dict[str, Life]) -> tuple[Statistics, list[Life]]:
            today = await self._live.statistics()
            return figures_then(today, lives.values(), events, self.at), list(lives.values())

        found, lives = await self._settled(read)
        return await with_percentiles(found, lives, self.at, self._duration_at)

    async def _duration_at(self, rank: int) -> float | None:
        found = await self.window("status:final", sort="duration", offset=rank, limit=1)
        return found.items[0].duration if found.items else None

    async def health(self) -> Health:
        """See ``Service``; of now."""
        return await self._live.health()

    # Events

    async def recent_events(self, q: str = "", limit: int = 100) -> Sequence[Event]:
        """See ``Service``; of sessions as they were then."""
        types, rest = split_types(q)
        is_wanted = of_types(types)
        found = [event for event in self._annals.chronicle.until(self.at) if is_wanted(event.type)]
        if rest:
            found = await self._of_matching(found, rest)
        return found[-limit:]

    async def _of_matching(self, events: list[Event], q: str) -> list[Event]:
        asked_now(parse(q), 0.0)
        passes = compile_predicate(parse(q))
        events = events[-MAX_LIMIT:]
        lives = await self._annals.lives.of({event.session_id for event in events if event.session_id is not None})
        fits = {
            session_id for session_id, life in lives.items()
            if (session := life.at(self.at)) is not None and passes(session, self.at)
        }  # fmt: skip
        return [event for event in events if event.session_id in fits]

    async def feed(self, q: str = "", *, cursor: str | None = None) -> AsyncIterator[FeedItem]:
        """Nothing happens in the past: it says that it is there, and ends."""
        del q
        yield FeedItem(cursor=cursor or "", live=True)
