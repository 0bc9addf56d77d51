"""History: checkpoints, events, children, and what changed between two states."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec.structs import replace

from nexus.errors import CheckpointNotFound, InvalidInput
from nexus.model import Checkpoint, Event, Page, Session, check_id, checkpoint_number
from nexus.query import Glob, GlobTerm, Query
from nexus.service import Difference
from nexus.sessions import arguments
from nexus.sessions.engine import Engine


async def find_checkpoint(engine: Engine, session_id: str, checkpoint_id: str) -> Checkpoint:
    """One checkpoint of a session with its state.

    Raises:
        SessionNotFound: There is no such session.
        CheckpointNotFound: As ``checkpoint_of`` says.
    """
    return await checkpoint_of(engine, (await engine.load(check_id(session_id))).session, checkpoint_id)


async def checkpoint_of(engine: Engine, session: Session, checkpoint_id: str) -> Checkpoint:
    """One checkpoint, with its state, of a session that is loaded already.

    Raises:
        CheckpointNotFound: The session has none of that number, or no longer keeps it.
    """
    number = checkpoint_number(checkpoint_id)
    found = await engine.store.load_checkpoint(session.id, number)
    if found is None:
        kept = (
            f"it keeps {session.oldest_checkpoint} to {session.checkpoints}" if session.checkpoints else "it has none"
        )
        raise CheckpointNotFound(
            f"session {session.id} has no {checkpoint_id}: {kept}", session_id=session.id, checkpoint_id=checkpoint_id
        )
    return replace(found, superseded=session.superseded(number))


def _after(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise InvalidInput(f"cursor {cursor[:60]!r} is not one that a list gave", field="cursor", value=cursor[:60])
    return int(cursor)


class History:
    """What happened to the sessions of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def checkpoints(self, session_id: str, cursor: str | None, limit: int) -> Page[Checkpoint]:
        """Ascending, without state."""
        session = (await self._engine.load(check_id(session_id))).session
        limit = arguments.limit(limit)
        found = await self._engine.store.list_checkpoints(session_id, after=_after(cursor), limit=limit + 1)
        items = tuple(replace(item, superseded=session.superseded(item.number)) for item in found[:limit])
        return Page(items=items, next_cursor=str(items[-1].number) if len(found) > limit else None)

    async def checkpoint(self, session_id: str, checkpoint_id: str) -> Checkpoint:
        """One checkpoint with its state."""
        return await find_checkpoint(self._engine, session_id, checkpoint_id)

    async def events(self, session_id: str, cursor: str | None, limit: int, newest: bool) -> Page[Event]:
        """Ascending; with ``newest`` the last ``limit``."""
        await self._engine.load(check_id(session_id))
        limit = arguments.limit(limit)
        after = _after(cursor)
        found = await self._engine.store.list_events(
            session_id=session_id, after=after, limit=limit if newest else limit + 1, newest=newest
        )
        items = tuple(found[:limit])
        return Page(items=items, next_cursor=str(items[-1].seq) if len(found) > limit else None)

    async def children(self, session_id: str, cursor: str | None, limit: int) -> Page[Session]:
        """Direct children in order of creation, with ``total``."""
        await self._engine.load(check_id(session_id))
        store = self._engine.store
        page = await store.children(session_id, cursor=cursor, limit=arguments.limit(limit))
        whole = cursor is None and page.next_cursor is None
        named = Query((GlobTerm("parent", (Glob(session_id),)),))
        total = len(page.items) if whole else await store.count(named, self._engine.clock.now())
        return replace(page, total=total)

    async def diff(self, session_id: str, from_: str, to: str) -> Difference:
        """Compare two states of a session."""
        old, new = await self._state(session_id, from_, "from"), await self._state(session_id, to, "to")
        return difference(from_, to, old, new)

    async def _state(self, session_id: str, name: str, field: str) -> dict[str, Any]:
        if name == "start":
            await self._engine.load(check_id(session_id))
            return {}
        if name == "current":
            return (await self._engine.load(check_id(session_id))).session.state
        checkpoint_number(name, field)
        return (await find_checkpoint(self._engine, session_id, name)).state or {}


class Shows(Protocol):
    """What shows a session and its checkpoints."""

    async def get_session(self, session_id: str) -> Session:
        """See ``Service``."""
        ...

    async def get_checkpoint(self, session_id: str, checkpoint_id: str) -> Checkpoint:
        """See ``Service``."""
        ...


async def difference_shown(shown: Shows, session_id: str, from_: str, to: str) -> Difference:
    """Compare two states of a session as a service shows them, which may not be as they are stored.

    Args:
        shown: Of which states.
        session_id: Which.
        from_: A checkpoint, ``current``, or ``start``, which is empty.
        to: As ``from_``.

    Raises:
        NexusError: As the service says.
    """

    async def state(name: str) -> dict[str, Any]:
        if name == "start":
            return {}
        if name == "current":
            return (await shown.get_session(session_id)).state
        return (await shown.get_checkpoint(session_id, name)).state or {}

    return difference(from_, to, await state(from_), await state(to))


def difference(from_: str, to: str, old: dict[str, Any], new: dict[str, Any]) -> Difference:
    """What was added, removed and changed from one JSON object to another, by path (``a.b[0]``).

    Objects are compared key by key and lists item by item; keys that are not plain words are quoted: ``a["b.c"]``.
    """
    added: dict[str, Any] = {}
    removed: dict[str, Any] = {}
    changed: dict[str, tuple[Any, Any]] = {}
    pending: list[tuple[str, Any, Any]] = [("", old, new)]
    while pending:
        path, before, after = pending.pop()
        pairs = _parts(path, before, after)
        if pairs is None:
            if before != after or type(before) is not type(after):
                changed[path] = (before, after)
            continue
        for part, one, two in pairs:
            if one is _ABSENT:
                added[part] = two
            elif two is _ABSENT:
                removed[part] = one
            else:
                pending.append((part, one, two))
    return Difference(
        from_=from_, to=to, added=dict(sorted(added.items())), removed=dict(sorted(removed.items())),
        changed=dict(sorted(changed.items())),
    )  # fmt: skip


_ABSENT: Any = object()


def _parts(path: str, before: Any, after: Any) -> list[tuple[str, Any, Any]] | None:
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [*before, *(key for key in after if key not in before)]
        return [(_at(path, key), before.get(key, _ABSENT), after.get(key, _ABSENT)) for key in keys]
    if isinstance(before, list) and isinstance(after, list):
        length = max(len(before), len(after))
        return [(f"{path}[{index}]", _item(before, index), _item(after, index)) for index in range(length)]
    return None


def _item(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else _ABSENT


def _at(path: str, key: str) -> str:
    if key.isidentifier():
        return f"{path}.{key}" if path else key
    import json

    return f"{path}[{json.dumps(key, ensure_ascii=False)}]"
