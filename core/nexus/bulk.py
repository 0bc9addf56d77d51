"""Bulk: the same done to many sessions, each by itself, some at a time.

Nothing is done before all that is asked has been checked and every session is known; from then on one session's
refusal stops no other. A store that goes away stops it: what was not tried is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from nexus.errors import InvalidInput, NexusError, StoreUnavailable, VersionConflict
from nexus.lifecycle import inbox, sessions, undoing
from nexus.lifecycle.resuming import resumable
from nexus.model import RUNNING, Session, Status, check_id
from nexus.model.bulk import BULK_ACTIONS, MOST_IN_BULK, BulkItem, BulkReport, BulkRequest
from nexus.model.change import Message, Snapshot
from nexus.service import MAX_LIMIT, Service
from nexus.sessions import arguments
from nexus.sessions.engine import Engine
from nexus.sessions.history import checkpoint_of
from nexus.sessions.versions import check_version

_TOGETHER: Final = 32
"""Sessions that are changed at once: enough to share a write of the disk, and few enough to leave room for others."""


async def carry_out(engine: Engine, service: Service, request: BulkRequest) -> BulkReport:
    """Carry out a request through a service; see ``Service.bulk``."""
    return await Bulk(service, engine).carry_out(request)


class Bulk:
    """For one caller.

    Args:
        service: What the caller may do.
        engine: Where dry runs look.
    """

    def __init__(self, service: Service, engine: Engine) -> None:
        self._service = service
        self._engine = engine

    async def carry_out(self, request: BulkRequest) -> BulkReport:
        """See ``Service.bulk``."""
        _check(request)
        ids = await self._targets(request)
        items: list[BulkItem] = []
        act = self._plan if request.dry_run else self._do
        for start in range(0, len(ids), _TOGETHER):
            together = ids[start : start + _TOGETHER]
            items.extend(await asyncio.gather(*(_told(act, request, session_id) for session_id in together)))
            if any(_store_is_away(item) for item in items[start:]):
                items.extend(BulkItem(session_id=one, outcome="untried") for one in ids[len(items) :])
                break
        return BulkReport(action=request.action, dry_run=request.dry_run, items=tuple(items))

    async def _targets(self, request: BulkRequest) -> list[str]:
        if request.ids is not None:
            return list(dict.fromkeys(map(check_id, request.ids)))
        found: list[str] = []
        cursor: str | None = None
        while True:
            page = await self._service.list_sessions(request.q or "", limit=MAX_LIMIT, cursor=cursor)
            if (page.total or 0) > MOST_IN_BULK:
                raise InvalidInput(
                    f"q matches {page.total:,} sessions, over the {MOST_IN_BULK:,} of one request: narrow it, or list"
                    " them and send their ids in parts; nothing was done",
                    field="q", value=(request.q or "")[:200], matched=page.total,
                )  # fmt: skip
            found.extend(session.id for session in page.items)
            cursor = page.next_cursor
            if cursor is None:
                return found

    # -- doing it

    async def _do(self, request: BulkRequest, session_id: str) -> BulkItem:
        version = request.versions.get(session_id)
        before = await self._service.get_session(session_id)
        if request.action == "fork":
            check_version(before, version)
            made = await self._service.fork_session(session_id, checkpoint_id=request.checkpoint_id)
            return _item(before, "done", made=made.id)
        after = await self._change(request, session_id, version)
        changed = after.version != before.version
        return _item(after, "done" if changed else "unchanged")

    def _change(self, request: BulkRequest, session_id: str, version: int | None) -> Awaitable[Session]:
        service = self._service
        match request.action:
            case "end":
                return service.end_session(session_id, status=request.status, reason=request.reason, if_version=version)
            case "extend":
                return service.extend_session(session_id, request.seconds, if_version=version)
            case "resume":
                return service.resume_session(
                    session_id, checkpoint_id=request.checkpoint_id, inputs=request.inputs, background=True,
                    if_version=version,
                )  # fmt: skip
            case "signal":
                return service.signal_session(session_id, request.name or "", request.payload, if_version=version)
            case "patch":
                return service.patch_session(session_id, request.patch or {}, if_version=version)
            case _:
                return service.undo_session(session_id, if_version=version)

    # -- saying what would be done

    async def _plan(self, request: BulkRequest, session_id: str) -> BulkItem:
        await self._service.get_session(session_id)
        before = await self._engine.load(session_id)
        check_version(before.session, request.versions.get(session_id))
        would = await self._would(request, before)
        return _item(before.session, "planned" if would else "unchanged")

    async def _would(self, request: BulkRequest, before: Snapshot) -> bool:
        """Whether it would change anything; raises what it would be refused with."""
        moment, rules = self._engine.moment(self._service.caller), self._engine.rules
        match request.action:
            case "end":
                return sessions.end(before, moment, Status(request.status), request.reason) is not None
            case "extend":
                return bool(sessions.extend(before, moment, request.seconds))
            case "patch":
                return bool(sessions.patch(before, moment, rules, request.patch or {}))
            case "signal":
                message = Message(id="planned", kind="signal", name=request.name or "")
                return bool(inbox.signal(before, moment, message))
            case "undo":
                events = await self._engine.store.list_events(session_id=before.session.id, limit=1, newest=True)
                return bool(undoing.undo(before, moment, events[0] if events else None))
        if request.checkpoint_id is not None:
            await checkpoint_of(self._engine, before.session, request.checkpoint_id)
        if request.action == "resume" and before.session.status not in RUNNING:
            resumable(before, moment, from_checkpoint=request.checkpoint_id is not None)
        return True


async def _told(
    act: Callable[[BulkRequest, str], Awaitable[BulkItem]], request: BulkRequest, session_id: str
) -> BulkItem:
    try:
        return await act(request, session_id)
    except VersionConflict as error:
        details = error.details
        return BulkItem(
            session_id=session_id, outcome="drifted", status=details.get("now"), version=details.get("current"),
            error=_problem(error),
        )  # fmt: skip
    except NexusError as error:
        return BulkItem(session_id=session_id, outcome="refused", error=_problem(error))


def _problem(error: NexusError) -> dict[str, Any]:
    return {
        "code": error.code, "title": error.title, "status": error.status, "detail": error.message,
        "details": error.details,
    }  # fmt: skip


def _item(session: Session, outcome: Any, made: str | None = None) -> BulkItem:
    return BulkItem(
        session_id=session.id, outcome=outcome, status=session.status.value, version=session.version, made=made
    )


def _store_is_away(item: BulkItem) -> bool:
    return item.error is not None and item.error["code"] == StoreUnavailable.code


# -- what is asked


def _check(request: BulkRequest) -> None:
    if request.action not in BULK_ACTIONS:
        raise InvalidInput(
            f"action {request.action!r} is none: use {', '.join(BULK_ACTIONS)}", field="action", value=request.action
        )
    _check_targets(request)
    for refusal in _misfits(request):
        raise refusal


def _check_targets(request: BulkRequest) -> None:
    if (request.ids is None) == (request.q is None):
        raise InvalidInput("name the sessions by ids, or by a filter in q: one of the two", field="ids")
    if request.q is not None and not request.q.strip():
        raise InvalidInput(
            "q is empty, which would be every session: say which, as by status:active or age>1h", field="q", value=""
        )
    if request.ids is not None and len(request.ids) > MOST_IN_BULK:
        raise InvalidInput(
            f"{len(request.ids):,} ids are over the {MOST_IN_BULK:,} of one request: send them in parts", field="ids"
        )
    strange = set(request.versions) - set(request.ids or ()) if request.ids is not None else set()
    if strange:
        raise InvalidInput(
            f"versions names {min(strange)}, which is not among ids: give versions of those alone", field="versions"
        )


def _misfits(request: BulkRequest) -> Iterator[NexusError]:
    """What an action needs and isn't given, or can't take."""
    if request.action == "end":
        sessions.check_ending(request.status)
        arguments.reason(request.reason)
    if request.action == "extend":
        arguments.seconds(request.seconds, "seconds")
    if request.action == "signal":
        if request.name is None:
            yield InvalidInput("name is missing: which signal?", field="name")
        else:
            arguments.text(request.name, "name")
    if request.action == "patch":
        if request.patch is None:
            yield InvalidInput("patch is missing: give a JSON merge patch of the state", field="patch")
        else:
            sessions.check_patch(request.patch)
    yield from _strays(request)


_TAKEN: Final[Mapping[str, frozenset[str]]] = {
    "end": frozenset({"status", "reason"}),
    "extend": frozenset({"seconds"}),
    "resume": frozenset({"checkpoint_id", "inputs"}),
    "fork": frozenset({"checkpoint_id"}),
    "signal": frozenset({"name", "payload"}),
    "patch": frozenset({"patch"}),
    "undo": frozenset(),
}
_ARGUMENTS: Final = frozenset().union(*_TAKEN.values())


def _strays(request: BulkRequest) -> Iterator[NexusError]:
    """Arguments of another action: what is ignored in silence would be taken for done."""
    for field in msgspec.structs.fields(BulkRequest):
        given = getattr(request, field.name) != field.default
        if given and field.name in _ARGUMENTS - _TAKEN[request.action]:
            yield InvalidInput(
                f"{field.name} is nothing that {request.action} takes: leave it out, or use another action",
                field=field.name,
            )
