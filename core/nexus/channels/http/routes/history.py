"""Operations on what belongs to one session: checkpoints, events, children, differences, its run."""

from __future__ import annotations

from nexus.channels.http.operation import Call, Says, operation
from nexus.channels.http.reply import Reply, answer
from nexus.channels.wire import shown
from nexus.channels.wire.answers import (
    ChangedValue,
    CheckpointAnswer,
    CheckpointList,
    CurrentRun,
    DifferenceAnswer,
    EventList,
    SessionList,
)
from nexus.channels.wire.asked import Diff, ListCheckpoints, ListEvents, ListPage, NoBody, NoQuery
from nexus.errors import CheckpointNotFound, SessionNotFound


@operation(
    "GET", "/sessions/{session_id}/checkpoints", tag="history", query=ListCheckpoints,
    says=(Says(200, CheckpointList, "a page"),), errors=(SessionNotFound,),
)  # fmt: skip
async def list_checkpoints(call: Call[ListCheckpoints, NoBody]) -> Reply:
    """The session's checkpoints, ascending, without state."""
    page = await call.service.list_checkpoints(call.session, cursor=call.query.cursor, limit=call.query.limit)
    return answer(CheckpointList(items=tuple(map(shown.checkpoint, page.items)), next_cursor=page.next_cursor))


@operation(
    "GET", "/sessions/{session_id}/checkpoints/{checkpoint_id}", tag="history",
    says=(Says(200, CheckpointAnswer, "the checkpoint"),), errors=(SessionNotFound, CheckpointNotFound),
)  # fmt: skip
async def get_checkpoint(call: Call[NoQuery, NoBody]) -> Reply:
    """One checkpoint with its state."""
    return answer(shown.checkpoint(await call.service.get_checkpoint(call.session, call.path["checkpoint_id"])))


@operation(
    "GET", "/sessions/{session_id}/events", tag="history", query=ListEvents,
    says=(Says(200, EventList, "a page"),), errors=(SessionNotFound,),
)  # fmt: skip
async def list_session_events(call: Call[ListEvents, NoBody]) -> Reply:
    """The session's events, ascending; with `newest` the last of them."""
    query = call.query
    page = await call.service.list_events(call.session, cursor=query.cursor, limit=query.limit, newest=query.newest)
    return answer(EventList(items=tuple(map(shown.event, page.items)), next_cursor=page.next_cursor))


@operation(
    "GET", "/sessions/{session_id}/children", tag="history", query=ListPage,
    says=(Says(200, SessionList, "a page"),), errors=(SessionNotFound,),
)  # fmt: skip
async def list_children(call: Call[ListPage, NoBody]) -> Reply:
    """The session's direct children in order of creation."""
    page = await call.service.list_children(call.session, cursor=call.query.cursor, limit=call.query.limit)
    items = tuple(map(shown.session, page.items))
    return answer(SessionList(items=items, next_cursor=page.next_cursor, total=page.total))


@operation(
    "GET", "/sessions/{session_id}/diff", tag="history", query=Diff,
    says=(Says(200, DifferenceAnswer, "the difference"),), errors=(SessionNotFound, CheckpointNotFound),
)  # fmt: skip
async def diff_session(call: Call[Diff, NoBody]) -> Reply:
    """What changed between two states of the session."""
    found = await call.service.diff(call.session, call.query.from_, call.query.to)
    changed = {path: ChangedValue(from_=old, to=new) for path, (old, new) in found.changed.items()}
    return answer(
        DifferenceAnswer(from_=found.from_, to=found.to, added=found.added, removed=found.removed, changed=changed)
    )


@operation(
    "GET", "/sessions/{session_id}/run", tag="history",
    says=(Says(200, CurrentRun, "the run"),), errors=(SessionNotFound,),
)  # fmt: skip
async def get_run(call: Call[NoQuery, NoBody]) -> Reply:
    """The session's current or last run with all that is known of it; `null` before its first."""
    run = await call.service.get_run(call.session)
    return answer(CurrentRun(run=None if run is None else shown.run(run)))


OPERATIONS = (list_checkpoints, get_checkpoint, list_session_events, list_children, diff_session, get_run)
