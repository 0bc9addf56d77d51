"""Operations on sessions."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from nexus.channels.http.operation import (
    ETAG,
    IF_MATCH_HEADER,
    IF_NONE_MATCH_HEADER,
    RUN_GRACE,
    SESSION_HEADER,
    Call,
    Says,
    operation,
)
from nexus.channels.http.reply import Reply, answer
from nexus.channels.http.versions import check_match, etag, expected_version, unchanged
from nexus.channels.wire import shown
from nexus.channels.wire.answers import BulkReportAnswer, SessionAnswer, SessionList, SessionWindow
from nexus.channels.wire.asked import (
    BulkSessions,
    CreateSession,
    EndSession,
    ExtendSession,
    ForkSession,
    ListSessions,
    NoBody,
    NoQuery,
    Patch,
    ResumeSession,
    SignalSession,
    SyncSession,
)
from nexus.errors import (
    CheckpointNotFound,
    GroupNotFound,
    InvalidInput,
    InvalidTransition,
    SessionBusy,
    SessionExists,
    SessionExpired,
    SessionNotFound,
    VersionConflict,
    WorkflowNotFound,
)
from nexus.model import Session
from nexus.model.bulk import BulkRequest

_CREATED = {"ETag": ETAG["ETag"], "Location": "the session's address", "X-Session-ID": "its id"}
_AFTER = (Says(200, SessionAnswer, "the session after it", ETAG),)
_GONE = (SessionNotFound, SessionExpired, InvalidTransition)


def after(session: Session, status: int = 200) -> Reply:
    """A session with its ETag; one that was made, also with its address."""
    headers = [("ETag", etag(session.version))]
    if status == 201:
        headers += [("Location", f"/sessions/{session.id}"), ("X-Session-ID", session.id)]
    return answer(shown.session(session), status=status, headers=headers)


@operation(
    "POST", "/sessions", tag="sessions", body=CreateSession, body_optional=True, headers=(SESSION_HEADER,),
    says=(
        Says(201, SessionAnswer, "the new session", _CREATED),
        Says(200, SessionAnswer, "with `reuse`: the user's session, found or new", ETAG),
    ),
    errors=(SessionExists, SessionNotFound, SessionExpired, InvalidTransition, GroupNotFound),
)  # fmt: skip
async def create_session(call: Call[NoQuery, CreateSession]) -> Reply:
    """Create a session, with the id given or a new one. A child starts with its parent's metadata, state, group,
    user and timeout, its own laid over them.
    """
    body = call.body
    if body.reuse:
        return after(await _reused(call))
    session_id = call.session_id(body.session_id)
    given = msgspec.structs.asdict(body)
    del given["reuse"]
    given["session_id"] = session_id
    return after(await call.service.create_session(**given), 201)


async def _reused(call: Call[NoQuery, CreateSession]) -> Session:
    body = call.body
    if body.user_id is None:
        raise InvalidInput("body field reuse needs user_id: whose session is wanted?", field="user_id")
    for name in ("session_id", "channel", "metadata", "state", "parent_session", "group"):
        if getattr(body, name) is not None:
            raise InvalidInput(f"body field {name} can't be given with reuse, which may find a session", field=name)
    return await call.service.get_or_create(body.user_id, ttl=body.timeout)


@operation(
    "GET", "/sessions", tag="sessions", query=ListSessions,
    says=(Says(200, SessionList | SessionWindow, "a page, or with `offset` or `stride` a window"),),
)  # fmt: skip
async def list_sessions(call: Call[ListSessions, NoBody]) -> Reply:
    """The sessions that `q` matches: a page by key with `cursor`, which stays right while sessions come and go, or the
    rows from rank `offset` on (0 where only `stride` is given), with `stride` those at every so many ranks.
    """
    query = call.query
    if query.offset is UNSET and query.stride is UNSET:
        page = await call.service.list_sessions(query.q, sort=query.sort, limit=query.limit, cursor=query.cursor)
        items = tuple(shown.session(each) for each in page.items)
        return answer(SessionList(items=items, next_cursor=page.next_cursor, total=page.total))
    if query.cursor is not None:
        name = "stride" if query.offset is UNSET else "offset"
        raise InvalidInput(f"query parameters cursor and {name} exclude each other: give one", field=name)
    offset, stride = query.offset or 0, query.stride or 1
    window = await call.service.window(query.q, sort=query.sort, offset=offset, limit=query.limit, stride=stride)
    items = tuple(shown.session(each) for each in window.items)
    return answer(
        SessionWindow(items=items, offset=window.offset, total=window.total, whole=window.whole, stride=window.stride)
    )


@operation(
    "GET", "/sessions/{session_id}", tag="sessions", headers=(IF_NONE_MATCH_HEADER,),
    says=(Says(200, SessionAnswer, "the session", ETAG), Says(304, None, "it still has that version", ETAG)),
    errors=(SessionNotFound,),
)  # fmt: skip
async def get_session(call: Call[NoQuery, NoBody]) -> Reply:
    """The session. One past `expires_at` reads as `expired`, marked or not."""
    session = await call.service.get_session(call.session)
    if unchanged(call.headers.get("if-none-match"), session.version):
        return Reply(status=304, media_type=None, headers=[("ETag", etag(session.version))])
    return after(session)


@operation(
    "PATCH", "/sessions/{session_id}", tag="sessions", body=Patch, headers=(IF_MATCH_HEADER,),
    media_types=("application/json", "application/merge-patch+json"), says=_AFTER, errors=(*_GONE, VersionConflict),
)  # fmt: skip
async def patch_session(call: Call[NoQuery, Patch]) -> Reply:
    """Apply a JSON merge patch (RFC 7396) to the state. `last_activity` in it just touches the session; any other
    session field is refused.
    """
    version = await _wanted_version(call)
    return after(await call.service.patch_session(call.session, call.body.document, if_version=version))


async def _wanted_version(call: Call[NoQuery, Any]) -> int | None:
    """The version that ``If-Match`` asks for; ``None`` for any."""
    condition = call.headers.get("if-match")
    if condition is None:
        return None
    version = expected_version(condition)
    return version if version is not None else check_match(condition, await call.service.get_session(call.session))


@operation(
    "POST", "/sessions/{session_id}/end", tag="sessions", body=EndSession, body_optional=True, says=_AFTER,
    headers=(IF_MATCH_HEADER,), errors=(SessionNotFound, InvalidTransition, VersionConflict),
)  # fmt: skip
async def end_session(call: Call[NoQuery, EndSession]) -> Reply:
    """End it and its live descendants. One that has ended stays as it is, without an event."""
    body, version = call.body, await _wanted_version(call)
    return after(
        await call.service.end_session(call.session, status=body.status, reason=body.reason, if_version=version)
    )


@operation(
    "POST", "/sessions/{session_id}/extend", tag="sessions", body=ExtendSession, headers=(IF_MATCH_HEADER,),
    says=_AFTER, errors=(*_GONE, VersionConflict),
)  # fmt: skip
async def extend_session(call: Call[NoQuery, ExtendSession]) -> Reply:
    """Move `expires_at` by the seconds given, past max age if need be."""
    version = await _wanted_version(call)
    return after(await call.service.extend_session(call.session, call.body.seconds, if_version=version))


@operation(
    "POST", "/sessions/{session_id}/undo", tag="sessions", headers=(IF_MATCH_HEADER,), says=_AFTER,
    errors=(SessionNotFound, InvalidTransition, VersionConflict),
)  # fmt: skip
async def undo_session(call: Call[NoQuery, NoBody]) -> Reply:
    """Undo the session's last change, if that was an end or an extension: what it ended below is opened again too, and
    a run that it stopped goes on.
    """
    return after(await call.service.undo_session(call.session, if_version=await _wanted_version(call)))


@operation(
    "POST", "/sessions/bulk", tag="sessions", body=BulkSessions,
    says=(Says(200, BulkReportAnswer, "what came of each; one refusal stops no other"),),
)  # fmt: skip
async def bulk_sessions(call: Call[NoQuery, BulkSessions]) -> Reply:
    """Do the same to many sessions, each by itself. With `dry_run` it says what would be done; give the versions that
    it tells as `versions`, and whatever has changed by then is left alone.
    """
    request = BulkRequest(**msgspec.structs.asdict(call.body))
    return answer(shown.bulk(await call.unless_gone(call.service.bulk(request), RUN_GRACE)))


@operation(
    "POST", "/sessions/{session_id}/resume", tag="sessions", body=ResumeSession, body_optional=True, says=_AFTER,
    headers=(IF_MATCH_HEADER,),
    errors=(*_GONE, CheckpointNotFound, WorkflowNotFound, SessionBusy, VersionConflict),
)  # fmt: skip
async def resume_session(call: Call[NoQuery, ResumeSession]) -> Reply:
    """Go on with the last run from where it stopped, or from a checkpoint, whose state and step are put back first."""
    body = call.body
    resumption = call.service.resume_session(
        call.session, checkpoint_id=body.checkpoint_id, inputs=body.inputs, workflow=body.workflow,
        background=body.background, if_version=await _wanted_version(call),
    )  # fmt: skip
    return after(await call.unless_gone(resumption, RUN_GRACE))


@operation(
    "POST", "/sessions/{session_id}/fork", tag="sessions", body=ForkSession, body_optional=True,
    says=(Says(201, SessionAnswer, "the new session", _CREATED),),
    errors=(*_GONE, CheckpointNotFound, SessionExists),
)  # fmt: skip
async def fork_session(call: Call[NoQuery, ForkSession]) -> Reply:
    """Copy a checkpoint, or the current state, into a new session; the source is left untouched."""
    body = call.body
    forked = await call.service.fork_session(
        call.session, checkpoint_id=body.checkpoint_id, new_session_id=body.session_id
    )
    return after(forked, 201)


@operation(
    "POST", "/sessions/{session_id}/signal", tag="sessions", body=SignalSession, headers=(IF_MATCH_HEADER,),
    says=_AFTER, errors=(*_GONE, VersionConflict),
)  # fmt: skip
async def signal_session(call: Call[NoQuery, SignalSession]) -> Reply:
    """Leave a signal with a payload; a run that waits for it goes on."""
    version, body = await _wanted_version(call), call.body
    return after(await call.service.signal_session(call.session, body.name, body.payload, if_version=version))


@operation(
    "POST", "/sessions/{session_id}/sync", tag="sessions", body=SyncSession,
    says=_AFTER, errors=_GONE,
)  # fmt: skip
async def sync_session(call: Call[NoQuery, SyncSession]) -> Reply:
    """Note that a channel uses the session from now on, and give it."""
    return after(await call.service.sync_session(call.session, call.body.channel))


OPERATIONS = (
    get_session, patch_session, create_session, list_sessions, end_session, extend_session, resume_session,
    fork_session, signal_session, sync_session, undo_session, bulk_sessions,
)  # fmt: skip
