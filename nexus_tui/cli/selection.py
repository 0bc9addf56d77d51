"""Which sessions a command is about: ids, or all that a filter matches, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from nexus.errors import InvalidInput
from nexus.model import Page
from nexus.service import MAX_LIMIT, Service

T = TypeVar("T")


ENDINGS = ("completed", "cancelled")


def check_ending(status: str) -> None:
    """Refuse a ``--status`` that nothing can be ended as."""
    if status not in ENDINGS:
        raise InvalidInput(f"--status {status!r} ends nothing: use {' or '.join(ENDINGS)}", field="status")


@contextmanager
def filter_errors(q: str) -> Iterator[None]:
    """Let an error about a filter carry the filter, so that its mistake can be pointed at."""
    try:
        yield
    except InvalidInput as error:
        if "column" in error.details:
            error.details.setdefault("q", q)
        raise


async def every(page: Callable[[str | None], Awaitable[Page[T]]]) -> AsyncIterator[T]:
    """All items of a paged list, fetched as they are wanted."""
    cursor: str | None = None
    while True:
        found = await page(cursor)
        for item in found.items:
            yield item
        cursor = found.next_cursor
        if cursor is None:
            return


async def matching(service: Service, q: str) -> dict[str, int | None]:
    """All sessions that a filter matches, oldest first, as of now, with their versions.

    They are all read before anything is done to the first, so that what is done can't change what matches.
    """
    with filter_errors(q):
        return {
            session.id: session.version
            async for session in every(
                lambda cursor: service.list_sessions(q, sort="created_at", limit=MAX_LIMIT, cursor=cursor)
            )
        }


async def chosen(service: Service, ids: list[str], q: str | None) -> dict[str, int | None]:
    """The sessions that ids and ``-q`` name; ids may come from stdin as ``-``.

    Returns:
        Each with the version that was seen; ``None`` for those that were named by id, whatever they are by now.

    Raises:
        InvalidInput: Neither or both are given, or the filter has a mistake.
    """
    if bool(ids) == (q is not None):
        raise InvalidInput("name sessions by id, or give a filter with -q; one of the two", field="ids")
    if q is not None:
        return await matching(service, q)
    return dict.fromkeys(_expanded(ids))


def _expanded(ids: list[str]) -> Iterator[str]:
    import sys

    for one in ids:
        if one == "-":
            yield from (line.strip() for line in sys.stdin if line.strip())
        else:
            yield one
