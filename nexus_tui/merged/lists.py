"""Lists of sessions over several contexts: windows by rank, and pages."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

from nexus.errors import InvalidInput, StoreUnavailable
from nexus.model import Page, Session, Window
from nexus.service import MAX_LIMIT, Service
from nexus.sessions import arguments
from nexus.stores import ordering
from nexus.stores.strides import among, ranks_of
from nexus_tui.merged.filters import filter_for
from nexus_tui.merged.members import ContextAway, Member
from nexus_tui.merged.names import parted, session_of
from nexus_tui.merged.ranks import Block, Fetch, Split, merged_window

_KEPT: Final = 16
"""Lists whose last window is remembered."""

T = TypeVar("T")
Places = Mapping[str, str | int | None]
"""Where a list stands in each context: behind a cursor, at its start, or, with how many it had, at its end."""


@dataclass
class _Seen:
    """What was last seen of one list: its split, rows of each context, and how many each has without the filter."""

    split: Split | None = None
    blocks: Mapping[str, Block[Session]] = field(default_factory=dict)
    wholes: dict[str, int] = field(default_factory=dict)


class Lists:
    """Lists over the members. A member that is away gives what was last seen of it in the same list."""

    def __init__(self, members: Mapping[str, Member]) -> None:
        self._members = members
        self._seen: OrderedDict[tuple[str, str], _Seen] = OrderedDict()

    async def window(self, q: str, sort: str, offset: int, limit: int) -> Window[Session]:
        """Rows by rank; ties between contexts go by (id, context).

        Raises:
            StoreUnavailable: No context answers.
        """
        order = arguments.order(sort)
        filters = self._filters(q)
        seen = self._remembered(q, sort)
        for _ in range(len(self._members) + 1):
            some_live(self._members)
            lists = {name: self._list(name, text, sort, seen) for name, text in filters.items()}
            try:
                found = await merged_window(
                    lists, lambda session: _key(session, order.field), descending=order.descending,
                    offset=max(offset, 0), limit=limit, known=seen.split,
                )  # fmt: skip
            except ContextAway:
                continue  # It is known to be away now: the others are asked again without it.
            seen.split = found.split
            # What a context had is kept while it is away.
            seen.blocks = {**seen.blocks, **{name: each for name, each in found.blocks.items() if self._live(name)}}
            whole = sum(seen.wholes.values())
            return Window(items=found.rows, offset=offset, total=found.total, whole=max(whole, found.total))
        raise StoreUnavailable("no context stays connected")

    def _live(self, name: str) -> bool:
        return self._members[name].state == "live"

    def _filters(self, q: str) -> dict[str, str]:
        found = ((name, filter_for(q, name, self._members)) for name in self._members)
        return {name: text for name, text in found if text is not None}

    def _remembered(self, q: str, sort: str) -> _Seen:
        seen = self._seen.setdefault((q, sort), _Seen())
        self._seen.move_to_end((q, sort))
        if len(self._seen) > _KEPT:
            self._seen.popitem(last=False)
        return seen

    def _list(self, name: str, q: str, sort: str, seen: _Seen) -> Fetch[Session]:
        member = self._members[name]
        if member.state != "live":
            held = seen.blocks.get(name)
            rows = held.rows if held is not None else ()

            async def from_held(offset: int, limit: int, stride: int) -> Block[Session]:
                return Block(offset, among(rows, 0, ranks_of(offset, limit, stride)), len(rows), stride)

            return from_held

        async def from_service(offset: int, limit: int, stride: int) -> Block[Session]:
            rows: list[Session] = []
            while True:
                at, most = offset + len(rows) * stride, min(limit - len(rows), MAX_LIMIT)
                found = await member.read(partial(_window_of, q, sort, at, most, stride))
                rows += [session_of(name, each) for each in found.items]
                if len(rows) >= limit or len(found.items) < most:
                    seen.wholes[name] = found.whole
                    return Block(offset, rows, found.total, found.stride)

        return from_service

    async def page(self, q: str, sort: str, limit: int, cursor: str | None) -> Page[Session]:
        """A page by key over the contexts that answer; one that is away in between ends the list for its part.

        Raises:
            InvalidInput: The cursor is of another list.
            StoreUnavailable: No context answers.
        """
        order = arguments.order(sort)
        filters = self._filters(q)
        places: Places = _read_cursor(cursor) if cursor is not None else dict.fromkeys(filters)
        some_live(self._members)
        begun = {name: at for name, at in places.items() if not isinstance(at, int)}
        asked = [name for name in begun if name in filters and self._live(name)]
        calls = (
            self._members[name].read(_page_of(filters[name], sort, min(limit, MAX_LIMIT), begun[name]))
            for name in asked
        )
        pages = {
            name: page
            for name, page in zip(asked, await asyncio.gather(*calls, return_exceptions=True), strict=True)
            if not isinstance(page, ContextAway)
        }
        for page in pages.values():
            if isinstance(page, BaseException):
                raise page
        whole = {name: page for name, page in pages.items() if not isinstance(page, BaseException)}
        rows = sorted(
            ((name, each) for name, page in whole.items() for each in page.items),
            key=lambda pair: (*ordering.key_of(pair[1], order.field), pair[0]),
            reverse=order.descending,
        )[:limit]
        after: dict[str, str | int | None] = {name: at for name, at in places.items() if isinstance(at, int)}
        for name, page in whole.items():
            mine = [each for where, each in rows if where == name]
            if len(mine) == len(page.items) and page.next_cursor is None:
                after[name] = page.total or 0
            else:
                after[name] = ordering.write_order_cursor(mine[-1], order) if mine else begun[name]
        gone = sum(at for at in places.values() if isinstance(at, int))
        return Page(
            items=tuple(session_of(name, each) for name, each in rows),
            next_cursor=None if all(isinstance(at, int) for at in after.values()) else _write_cursor(after),
            total=gone + sum(page.total or 0 for page in whole.values()),
        )


async def _window_of(q: str, sort: str, offset: int, limit: int, stride: int, service: Service) -> Window[Session]:
    return await service.window(q, sort=sort, offset=offset, limit=limit, stride=stride)


def _page_of(q: str, sort: str, limit: int, cursor: str | None) -> Callable[[Any], Coroutine[Any, Any, Page[Session]]]:
    async def call(service: Any) -> Page[Session]:
        page: Page[Session] = await service.list_sessions(q, sort=sort, limit=limit, cursor=cursor)
        return page

    return call


def _key(session: Session, by: Any) -> tuple[Any, ...]:
    """A place in the merged list: as in each context, and between contexts by (id, context)."""
    where, name = parted(session.id)
    value = ordering.value_of(session, by)
    if by.value in ("id", "group_id") and isinstance(value, str):
        value = parted(value)[1]
    return (*ordering.as_key(value, name), where)


def some_live(members: Mapping[str, Member]) -> list[Member]:
    """The members that answer.

    Raises:
        StoreUnavailable: None does.
    """
    live = [member for member in members.values() if member.state == "live"]
    if not live:
        reasons = "; ".join(f"{member.name}: {member.reason or 'not connected yet'}" for member in members.values())
        raise StoreUnavailable(f"no context is connected ({reasons})")
    return live


def _write_cursor(places: Places) -> str:
    return base64.urlsafe_b64encode(json.dumps(places).encode()).decode()


def _read_cursor(cursor: str) -> Places:
    try:
        value = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
        return {str(name): each if each is None or isinstance(each, int) else str(each) for name, each in value.items()}
    except (ValueError, AttributeError):
        raise InvalidInput(f"cursor {cursor[:60]!r} is not one that a list gave", field="cursor") from None
