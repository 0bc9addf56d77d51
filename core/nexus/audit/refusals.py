"""Refusals: a change that is refused is written down before the answer is given."""

from __future__ import annotations

import asyncio
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
_MINUTE: Final = 60.0


class _Change(msgspec.Struct, frozen=True):
    action: str
    kind: str
    target: str
    """The argument that names what it is about, or ``""``."""
    place: int | None = 0
    """Where that argument stands among those without a name."""


CHANGES: Final = {
    "create_session": _Change("create", "session", "session_id", None),
    "patch_session": _Change("patch", "session", "session_id"),
    "end_session": _Change("end", "session", "session_id"),
    "extend_session": _Change("extend", "session", "session_id"),
    "undo_session": _Change("undo", "session", "session_id"),
    "sync_session": _Change("sync", "session", "session_id"),
    "resume_session": _Change("resume", "session", "session_id"),
    "fork_session": _Change("fork", "session", "session_id"),
    "signal_session": _Change("signal", "session", "session_id"),
    "get_or_create": _Change("create", "session", "", None),
    "execute": _Change("run.started", "session", "session_id", None),
    "create_group": _Change("group.create", "group", "group_id"),
    "end_group": _Change("group.end", "group", "group_id"),
    "create_token": _Change("token.create", "token", "name"),
    "revoke_token": _Change("token.revoke", "token", "name"),
    "bulk": _Change("bulk", "store", "", None),
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
                await self._note(change, _target(change, args, given), error.code, error)
                raise
            if isinstance(answer, BulkReport) and not answer.dry_run:
                await self._note_refused(answer)
            return answer

        return noting

    async def _note(self, change: _Change, target: str, code: str, error: NexusError) -> None:
        if 400 <= error.status < 500:
            await self._write(change.action, change.kind, target, code, _reason(error))

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


def _target(change: _Change, args: tuple[Any, ...], given: dict[str, Any]) -> str:
    found = given.get(change.target)
    if found is None and change.place is not None and len(args) > change.place:
        found = args[change.place]
    # What was refused may be anything.
    return "" if found is None else str(found)[:LONGEST].encode(errors="replace").decode()


def _reason(error: NexusError) -> str:
    if isinstance(error, InvalidInput | PayloadTooLarge):
        # Its message may quote what was given, and that may be a secret: of a path only the argument is told.
        field = re.match(r"[A-Za-z_-]{1,40}", str(error.details.get("field") or ""))
        return error.title if field is None else f"{error.title}: {field[0]}"
    return error.message[:LONGEST].encode(errors="replace").decode()


class Guesses:
    """Tokens that let nobody in, written down at a bounded cost.

    The first of a minute through a channel is one record at once; those that follow in the same minute are counted, and
    written as one record when the next comes after it, or at the end. So a flood of guesses costs two records a minute.

    Args:
        store: Where to write.
        clock: When.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._since: dict[str, float] = {}
        self._more: dict[str, int] = {}
        self._writing = asyncio.Lock()

    async def note(self, channel: str) -> None:
        """One came through a channel."""
        async with self._writing:
            now = self._clock.now()
            if abs(now - self._since.get(channel, float("-inf"))) < _MINUTE:
                self._more[channel] = self._more.get(channel, 0) + 1
                return
            await self._write_counted(channel, now)
            self._since[channel] = now
            await self._write(channel, now, "a token that is unknown, revoked or expired")

    async def close(self) -> None:
        """Write what was counted."""
        async with self._writing:
            for channel in tuple(self._more):
                await self._write_counted(channel, self._clock.now())

    async def _write_counted(self, channel: str, now: float) -> None:
        count = self._more.pop(channel, 0)
        if count:
            await self._write(channel, now, f"{count} more of the same within a minute")

    async def _write(self, channel: str, now: float, reason: str) -> None:
        entry = AuditEntry(
            at=round(now, 6), actor="unknown", channel=channel, action="authenticate", target_kind="store", target="",
            outcome="refused", code="unauthenticated", reason=reason,
        )  # fmt: skip
        await write_refusal(self._store, entry)
