"""``RedactedService``: the local service without the values that rules hide.

Whom they are hidden from is decided in ``hides_from``. What is hidden takes no part in what is asked either: a filter
that compares it is refused, a difference is worked out between what is shown, and the marker isn't written back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from nexus.auth.redaction import Rules
from nexus.errors import PermissionDenied
from nexus.local import LocalService
from nexus.model import Caller, Checkpoint, Event, Group, Page, Run, RunResult, Session, Window
from nexus.model.bulk import BulkReport, BulkRequest
from nexus.query import parse
from nexus.service import DEFAULT_LIMIT, DEFAULT_SORT, MAX_LIMIT, Difference, FeedItem
from nexus.sessions.feed import split_types
from nexus.sessions.history import difference_shown
from nexus.sessions.records import Patch

if TYPE_CHECKING:
    from nexus.parts import Parts


def hides_from(rules: Rules, caller: Caller) -> bool:
    """Whether values are hidden from a caller: from whoever only reads, and on every terminal that didn't ask for them.

    Raises:
        PermissionDenied: The caller asks to see them, and is no admin.
    """
    if caller.reveal and caller.scope != "admin":
        raise PermissionDenied(
            f"a token of scope {caller.scope} may not see what is hidden: that takes one of scope admin",
            scope=caller.scope, field="reveal",
        )  # fmt: skip
    return rules.any and (caller.scope == "read" or (caller.channel == "cli" and not caller.reveal))


class RedactedService(LocalService):
    """``nexus.service.Service`` on an open store, without hidden values."""

    def __init__(self, parts: Parts, caller: Caller, rules: Rules) -> None:
        super().__init__(parts, caller)
        self._rules = rules

    def _check(self, q: str) -> None:
        if q:
            self._rules.check_query(parse(q))

    def _page(self, page: Page[Session]) -> Page[Session]:
        return replace(page, items=tuple(map(self._rules.session, page.items)))

    async def create_session(self, **given: Any) -> Session:
        """See ``Service``."""
        return self._rules.session(await super().create_session(**given))

    async def get_session(self, session_id: str) -> Session:
        """See ``Service``."""
        return self._rules.session(await super().get_session(session_id))

    async def get_run(self, session_id: str) -> Run | None:
        """See ``Service``."""
        run = await super().get_run(session_id)
        return None if run is None else self._rules.run(run)

    async def list_sessions(
        self, q: str = "", *, sort: str = DEFAULT_SORT, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Session]:
        """See ``Service``."""
        self._check(q)
        return self._page(await super().list_sessions(q, sort=sort, limit=limit, cursor=cursor))

    async def window(
        self, q: str = "", *, sort: str = "-last_activity", offset: int = 0, limit: int = 50, stride: int = 1
    ) -> Window[Session]:
        """See ``Service``."""
        self._check(q)
        found = await super().window(q, sort=sort, offset=offset, limit=limit, stride=stride)
        return replace(found, items=tuple(map(self._rules.session, found.items)))

    async def patch_session(self, session_id: str, patch: Patch, *, if_version: int | None = None) -> Session:
        """See ``Service``; who is shown ``***`` can't write that in the place of what it hides."""
        if isinstance(patch, Mapping):
            self._rules.check_patch(patch)
        return self._rules.session(await super().patch_session(session_id, patch, if_version=if_version))

    async def end_session(
        self, session_id: str, *, status: str = "completed", reason: str | None = None, if_version: int | None = None
    ) -> Session:
        """See ``Service``."""
        ended = await super().end_session(session_id, status=status, reason=reason, if_version=if_version)
        return self._rules.session(ended)

    async def extend_session(self, session_id: str, seconds: float, *, if_version: int | None = None) -> Session:
        """See ``Service``."""
        return self._rules.session(await super().extend_session(session_id, seconds, if_version=if_version))

    async def undo_session(self, session_id: str, *, if_version: int | None = None) -> Session:
        """See ``Service``."""
        return self._rules.session(await super().undo_session(session_id, if_version=if_version))

    async def bulk(self, request: BulkRequest) -> BulkReport:
        """See ``Service``."""
        self._check(request.q or "")
        return await super().bulk(request)

    async def sync_session(self, session_id: str, channel: str) -> Session:
        """See ``Service``."""
        return self._rules.session(await super().sync_session(session_id, channel))

    async def fork_session(
        self, session_id: str, *, checkpoint_id: str | None = None, new_session_id: str | None = None
    ) -> Session:
        """See ``Service``."""
        made = await super().fork_session(session_id, checkpoint_id=checkpoint_id, new_session_id=new_session_id)
        return self._rules.session(made)

    async def signal_session(
        self, session_id: str, name: str, payload: Any = None, *, if_version: int | None = None
    ) -> Session:
        """See ``Service``."""
        return self._rules.session(await super().signal_session(session_id, name, payload, if_version=if_version))

    async def get_or_create(self, user_id: str, *, ttl: float | None = None) -> Session:
        """See ``Service``."""
        return self._rules.session(await super().get_or_create(user_id, ttl=ttl))

    async def list_checkpoints(
        self, session_id: str, *, cursor: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[Checkpoint]:
        """See ``Service``."""
        page = await super().list_checkpoints(session_id, cursor=cursor, limit=limit)
        return replace(page, items=tuple(map(self._rules.checkpoint, page.items)))

    async def get_checkpoint(self, session_id: str, checkpoint_id: str) -> Checkpoint:
        """See ``Service``."""
        return self._rules.checkpoint(await super().get_checkpoint(session_id, checkpoint_id))

    async def list_events(
        self, session_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT, newest: bool = False
    ) -> Page[Event]:
        """See ``Service``."""
        page = await super().list_events(session_id, cursor=cursor, limit=limit, newest=newest)
        return replace(page, items=tuple(map(self._rules.event, page.items)))

    async def list_children(
        self, session_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Session]:
        """See ``Service``."""
        return self._page(await super().list_children(session_id, cursor=cursor, limit=limit))

    async def diff(self, session_id: str, from_: str, to: str = "current") -> Difference:
        """See ``Service``; between what is shown, so that a change of something hidden doesn't show."""
        await super().diff(session_id, from_, to)  # checks the names
        return await difference_shown(self, session_id, from_, to)

    async def execute(self, workflow: str, inputs: Mapping[str, Any] | None = None, **how: Any) -> RunResult:
        """See ``Service``."""
        return self._rules.result(await super().execute(workflow, inputs, **how))

    async def create_group(self, group_id: str | None = None, *, metadata: Mapping[str, Any] | None = None) -> Group:
        """See ``Service``."""
        return self._rules.group(await super().create_group(group_id, metadata=metadata))

    async def get_group(self, group_id: str) -> Group:
        """See ``Service``."""
        return self._rules.group(await super().get_group(group_id))

    async def list_groups(self, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[Group]:
        """See ``Service``."""
        page = await super().list_groups(cursor=cursor, limit=limit)
        return replace(page, items=tuple(map(self._rules.group, page.items)))

    async def end_group(self, group_id: str, *, status: str = "completed", reason: str | None = None) -> Group:
        """See ``Service``."""
        return self._rules.group(await super().end_group(group_id, status=status, reason=reason))

    async def wait_group(self, group_id: str, timeout: float | None = None) -> Group:
        """See ``Service``."""
        return self._rules.group(await super().wait_group(group_id, timeout))

    async def recent_events(self, q: str = "", limit: int = 100) -> Sequence[Event]:
        """See ``Service``."""
        self._check(split_types(q)[1])
        return [self._rules.event(event) for event in await super().recent_events(q, limit)]

    async def feed(self, q: str = "", *, cursor: str | None = None) -> AsyncIterator[FeedItem]:
        """See ``Service``."""
        self._check(split_types(q)[1])
        async with aclosing(cast("Any", super().feed(q, cursor=cursor))) as items:
            async for item in items:
                yield item if item.event is None else replace(item, event=self._rules.event(item.event))
