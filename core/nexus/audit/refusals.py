"""Refusals: a change that is refused is written down before the answer is given."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from nexus.errors import InvalidInput, NexusError, PayloadTooLarge
from nexus.model.audit import LONGEST, AuditEntry
from nexus.model.bulk import BulkReport
from nexus.service import Service
from nexus.sessions.clock import Clock
from nexus.stores.base import Store

_log = logging.getLogger("nexus.audit")


class Changing(msgspec.Struct, frozen=True):
    """What a call that changes something is called in the audit."""

    action: str
    kind: str
    target: str
    """The argument that names what it is about, or ``""``."""
    place: int | None = 0
    """Where that argument stands among those without a name."""


CHANGES: Final = {
    "create_session": Changing("create", "session", "session_id", None),
    "patch_session": Changing("patch", "session", "session_id"),
    "end_session": Changing("end", "session", "session_id"),
    "extend_session": Changing("extend", "session", "session_id"),
    "undo_session": Changing("undo", "session", "session_id"),
    "sync_session": Changing("sync", "session", "session_id"),
    "resume_run": Changing("resume", "session", "session_id"),
    "resume_session": Changing("resume", "session", "session_id"),
    "fork_session": Changing("fork", "session", "session_id"),
    "signal_session": Changing("signal", "session", "session_id"),
    "get_or_create": Changing("create", "session", "", None),
    "execute": Changing("run.started", "session", "session_id", None),
    "create_group": Changing("group.create", "group", "group_id"),
    "end_group": Changing("group.end", "group", "group_id"),
    "create_token": Changing("token.create", "token", "name"),
    "revoke_token": Changing("token.revoke", "token", "name"),
    "create_namespace": Changing("namespace.create", "namespace", "name"),
    "remove_namespace": Changing("namespace.remove", "namespace", "name"),
    "bulk": Changing("bulk", "store", "", None),
}
"""The calls of the service that change something."""


class Noting:
    """A service whose refusals of changes are written down; everything else is the inner one's.

    Args:
        inner: The service of a caller.
        store: Where to write.
        clock: When.
    """

    def __init__(self, inner: Service, store: Store, clock: Clock) -> None:
        self._inner = inner
        self._store = store
        self._clock = clock
        self.caller = inner.caller

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        change = CHANGES.get(name)
        if change is None:
            return found
        call: Callable[..., Awaitable[Any]] = found

        @functools.wraps(call)
        async def noting(*args: Any, **given: Any) -> Any:
            try:
                answer = await call(*args, **given)
            except NexusError as error:
                await self._note(change, _target(change, args, given), error)
                raise
            if isinstance(answer, BulkReport) and not answer.dry_run:
                await self._note_refused(answer)
            return answer

        return noting

    async def _note(self, change: Changing, target: str, error: NexusError) -> None:
        if 400 <= error.status < 500 and not error.audited:
            error.audited = True
            await self._write(change.action, change.kind, target, error.code, reason_of(error))

    async def _note_refused(self, report: BulkReport) -> None:
        for item in report.items:
            if item.outcome == "refused" and item.error is not None:
                code = str(item.error.get("code"))
                await self._write(report.action, "session", item.session_id, code, str(item.error.get("title")))

    async def _write(self, action: str, kind: str, target: str, code: str, reason: str) -> None:
        entry = AuditEntry(
            at=round(self._clock.now(), 6), actor=self.caller.actor, channel=self.caller.channel, action=action,
            target_kind=kind, target=target, outcome="refused", code=code, reason=reason,
        )  # fmt: skip
        await write_refusal(self._store, entry)


async def write_refusal(store: Store, entry: AuditEntry) -> None:
    """Write a refusal down; where the store can't, only the log has it, and the refusal stands."""
    try:
        await store.append_audit(entry)
    except NexusError as error:
        _log.warning(
            "a refused %s by %s could not be written down: %s", entry.action, entry.actor, error, extra={"entry": entry}
        )


def told_target(target: object) -> str:
    """A target as it is written down: what was refused may be anything."""
    return str(target)[:LONGEST].encode(errors="replace").decode()


def _target(change: Changing, args: tuple[Any, ...], given: dict[str, Any]) -> str:
    found = given.get(change.target)
    if found is None and change.place is not None and len(args) > change.place:
        found = args[change.place]
    return "" if found is None else told_target(found)


def reason_of(error: NexusError) -> str:
    """Why, without what was given."""
    if isinstance(error, InvalidInput | PayloadTooLarge):
        # Its message may quote what was given, and that may be a secret: of a path only the argument is told.
        field = re.match(r"[A-Za-z_-]{1,40}", str(error.details.get("field") or ""))
        return error.title if field is None else f"{error.title}: {field[0]}"
    return error.message[:LONGEST].encode(errors="replace").decode()
