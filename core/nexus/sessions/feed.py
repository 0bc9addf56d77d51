"""The feed: events as they are committed, by any process, from a cursor on, filtered on the way out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from fnmatch import translate
from re import compile as compile_pattern

import msgspec

from nexus.model import Event, Session
from nexus.query import compile_predicate, parse
from nexus.service import FeedItem
from nexus.sessions.engine import Engine

_BATCH = 500
_WAIT = 15.0
_RECENT_PAGE = 1000
_RECENT_PAGES = 5


class _Filter(msgspec.Struct, frozen=True):
    types: Callable[[str], bool] | None
    session: Callable[[Session, float], bool] | None


def split_types(q: str) -> tuple[tuple[str, ...], str]:
    """Take the ``type:`` terms out of a filter: their patterns, and the rest for the filter language."""
    types: list[str] = []
    rest: list[str] = []
    for word in q.split(" "):
        if word.startswith("type:") and len(word) > 5:
            types.extend(part for part in word[5:].split(",") if part)
        else:
            rest.append(word)
    return tuple(types), " ".join(rest).strip()


def with_types(types: Iterable[str], rest: str) -> str:
    """The filter that ``split_types`` takes apart so."""
    return " ".join([*(f"type:{kind}" for kind in types), rest]).strip()


def of_types(types: Sequence[str]) -> Callable[[str], bool]:
    """A test for the type of an event; any passes where none is wanted.

    Args:
        types: Their patterns, as ``split_types`` gives them.
    """
    patterns = [compile_pattern(translate(pattern)).match for pattern in types]
    return lambda kind: not patterns or any(fits(kind) for fits in patterns)


def _filter(q: str) -> _Filter:
    types, rest = split_types(q)
    return _Filter(of_types(types) if types else None, compile_predicate(parse(rest)) if rest else None)


class Feeds:
    """Feeds of one store's events."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def follow(self, q: str, cursor: str | None) -> AsyncIterator[FeedItem]:
        """Yield events behind ``cursor`` (``None``: from now on), then each as it is committed."""
        wanted = _filter(q)
        store = self._engine.store
        live = False
        while True:
            batch = await store.read_events(cursor, _BATCH)
            if batch.trimmed:
                yield FeedItem(cursor=cursor or batch.cursor, trimmed=True)
            told = ""
            places = {event.seq: place for place, event in enumerate(batch.events)}
            for event in await self._matching(wanted, batch.events):
                told = batch.cursor_behind(places[event.seq])
                yield FeedItem(cursor=told, event=event)
            cursor = batch.cursor
            if batch.events:
                if live and told != cursor:
                    # What was filtered out is read too: who resumes here must not begin before it.
                    yield FeedItem(cursor=cursor)
                continue
            if not live:
                live = True
                yield FeedItem(cursor=cursor, live=True)
            await store.wait_events(cursor, _WAIT)

    async def recent(self, q: str, limit: int) -> Sequence[Event]:
        """The last events that match, ascending; looks back over a bounded number of events."""
        wanted = _filter(q)
        if wanted.types is None and wanted.session is None:
            return await self._engine.store.list_events(limit=limit, newest=True)
        newest = await self._engine.store.list_events(limit=_RECENT_PAGE * _RECENT_PAGES, newest=True)
        return (await self._matching(wanted, newest))[-limit:]

    async def _matching(self, wanted: _Filter, events: Sequence[Event]) -> list[Event]:
        kept = [event for event in events if wanted.types is None or wanted.types(event.type)]
        predicate = wanted.session
        if predicate is None or not kept:
            return kept
        sessions = await self._sessions(event.session_id for event in kept)
        now = self._engine.clock.now()
        return [event for event in kept if _fits(event, sessions, predicate, now)]

    async def _sessions(self, ids: Iterable[str | None]) -> dict[str, Session]:
        wanted = list({session_id for session_id in ids if session_id is not None})
        return {key: snapshot.session for key, snapshot in (await self._engine.store.load_many(wanted)).items()}


def _fits(event: Event, sessions: dict[str, Session], predicate: Callable[[Session, float], bool], now: float) -> bool:
    session = sessions.get(event.session_id or "")
    return session is not None and predicate(session, now)
