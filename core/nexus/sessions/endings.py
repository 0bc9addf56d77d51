"""Endings that reach further than one session: a parent's descendants, a group's members."""

from __future__ import annotations

import contextlib
from functools import partial

from nexus.errors import InvalidTransition, SessionNotFound
from nexus.lifecycle import Moment, groups, sessions, undoing
from nexus.model import FINAL, Caller, Event, Group, Session, Status
from nexus.query import parse
from nexus.sessions.engine import Engine
from nexus.sessions.ownership import reaching_below
from nexus.sessions.versions import at_version
from nexus.stores.base import Change, Conflict, Order, Snapshot, SortField

_PAGE = 200


async def end_session(
    engine: Engine, session_id: str, caller: Caller, status: Status, reason: str | None, if_version: int | None = None
) -> Snapshot:
    """End a session and its live descendants, parents first; repeating it ends what a crash left over."""
    decide = at_version(lambda before, moment: sessions.end(before, moment, status, reason), if_version)
    after = await engine.apply(session_id, decide, caller)
    await end_descendants(engine, after.session, reaching_below(caller))
    return after


async def end_descendants(engine: Engine, parent: Session, caller: Caller) -> None:
    """End every live descendant of a session that is over, as it ended; of an expired one as ``cancelled``."""
    status = Status.COMPLETED if parent.status is Status.COMPLETED else Status.CANCELLED
    reason = f"parent {parent.id} {parent.status.value}"
    pending = [parent.id]
    while pending:
        for child in await _children(engine, pending.pop()):
            pending.append(child.id)
            if child.live or child.status is Status.FAILED:
                decide = partial(_end_child, status=status, reason=reason)
                await engine.apply(child.id, decide, caller)


def _end_child(before: Snapshot, moment: Moment, *, status: Status, reason: str) -> Change | None:
    running = before.session.status in (Status.IN_PROGRESS, Status.SUSPENDED)
    return sessions.end(before, moment, Status.CANCELLED if running else status, reason)


async def undo(engine: Engine, session_id: str, caller: Caller, if_version: int | None = None) -> Snapshot:
    """Undo the last change of a session; with an end also the ends of the descendants that it brought about."""
    last = await _newest_event(engine, session_id)
    if engine.room.limits_actors:
        current = (await engine.load(session_id)).session
        if current.status in FINAL:
            await engine.room.check_live(current.owner, engine.clock.now())
    decide = at_version(lambda before, moment: undoing.undo(before, moment, last), if_version)
    after = await engine.apply(session_id, decide, caller)
    if last is not None and last.type == "session.ended":
        await _undo_descendants(engine, session_id, reaching_below(caller))
    return after


async def _undo_descendants(engine: Engine, session_id: str, caller: Caller) -> None:
    pending = [session_id]
    while pending:
        parent = pending.pop()
        for child in await _children(engine, parent):
            last = await _newest_event(engine, child.id) if child.status in FINAL else None
            if last is None or not str(last.data.get("reason", "")).startswith(f"parent {session_id} "):
                continue
            with contextlib.suppress(InvalidTransition, SessionNotFound):
                await engine.apply(child.id, partial(undoing.undo, last=last), caller)
                pending.append(child.id)


async def _newest_event(engine: Engine, session_id: str) -> Event | None:
    newest = await engine.store.list_events(session_id=session_id, limit=1, newest=True)
    return newest[0] if newest else None


async def _children(engine: Engine, session_id: str) -> list[Session]:
    found: list[Session] = []
    cursor: str | None = None
    while True:
        page = await engine.live.children(session_id, cursor=cursor, limit=_PAGE)
        found.extend(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return found


async def end_group(engine: Engine, group: Group, caller: Caller, status: Status, reason: str | None) -> None:
    """Close a group to new members and end those that are live or failed."""
    change = groups.end(group, engine.moment(caller), reason)
    while change is not None:
        try:
            await engine.commit(change)
            break
        except Conflict:
            current = await engine.store.load_group(group.id)
            change = groups.end(current, engine.moment(caller), reason) if current is not None else None
    caller = reaching_below(caller)
    query = parse(f'group:"{group.id}" status:active,in_progress,suspended,failed')
    order = Order(SortField.CREATED, descending=False)
    while True:
        page = await engine.live.list_sessions(query, order, cursor=None, limit=_PAGE, now=engine.clock.now())
        if not page.items:
            return
        for member in page.items:
            await end_session(engine, member.id, caller, status, reason or f"group {group.id} ended")
