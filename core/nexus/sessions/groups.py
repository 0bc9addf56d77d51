"""Groups: create, end together, wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from nexus.errors import GroupNotFound, WaitTimeout
from nexus.lifecycle import groups
from nexus.model import RUNNING, Caller, Group, Page, check_id, new_id
from nexus.query import parse
from nexus.sessions import arguments, endings
from nexus.sessions.engine import Engine
from nexus.stores.base import Conflict, Order, SortField

_RECHECK = 1.0


class Groups:
    """Groups of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def create(self, group_id: str | None, metadata: Mapping[str, Any] | None, caller: Caller) -> Group:
        """Create, or give the open one of that name; races give one group."""
        engine = self._engine
        settings = engine.settings
        if group_id is not None:
            name = arguments.new_name(group_id, "group_id", settings.max_id_length)
        else:
            name = new_id("group", engine.clock.now())
        document = arguments.metadata(metadata, settings)
        while True:
            before = await engine.store.load_group(name)
            change = groups.create(before, engine.moment(caller), name, document)
            if change is not None:
                try:
                    await engine.commit(change)
                except Conflict:
                    continue
            return await self.get(name)

    async def get(self, group_id: str) -> Group:
        """The group with its counts.

        Raises:
            GroupNotFound: There is none.
        """
        group = await self._engine.store.load_group(check_id(group_id, "group_id"))
        if group is None:
            raise GroupNotFound(f"there is no group {group_id}: create it first", group_id=group_id, field="group")
        return group

    async def list(self, cursor: str | None, limit: int) -> Page[Group]:
        """Newest first."""
        return await self._engine.store.list_groups(cursor=cursor, limit=arguments.limit(limit))

    async def end(self, group_id: str, status: str, reason: str | None, caller: Caller) -> Group:
        """End the group and its members; repeating it ends what a crash left over."""
        from nexus.lifecycle.sessions import check_ending

        group = await self.get(group_id)
        await endings.end_group(self._engine, group, caller, check_ending(status), arguments.reason(reason))
        return await self.get(group_id)

    async def wait(self, group_id: str, timeout: float | None) -> Group:
        """Wait until no member has work left.

        Raises:
            WaitTimeout: ``timeout`` seconds went by; says how many members are left.
        """
        if timeout is not None:
            arguments.seconds(timeout, "timeout", zero=True)
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        async with self._engine.watch(group_id) as watch:
            while True:
                group = await self.get(group_id)
                left = await self._unfinished(group)
                if not left:
                    # Its members were looked at after it was: what it counts may be older than they are, and one that
                    # waited for a run then may have begun it by the time they were looked at.
                    group = await self.get(group_id)
                    left = _running(group)
                    if not left:
                        return group
                remaining = None if deadline is None else deadline - asyncio.get_running_loop().time()
                if remaining is not None and remaining <= 0:
                    raise WaitTimeout(
                        f"{left} of {group.total} sessions of group {group_id} were still live after {timeout} s",
                        group_id=group_id, left=left, timeout=timeout,
                    )  # fmt: skip
                await watch.wait(_RECHECK if remaining is None else min(_RECHECK, remaining))

    async def _unfinished(self, group: Group) -> int:
        if not group.live:
            return 0
        return _running(group) + await self._waiting_for_a_run(group)

    async def _waiting_for_a_run(self, group: Group) -> int:
        """Members that are active and have never finished a run: somebody still means to use them."""
        engine, fresh = self._engine, 0
        if not group.counts.get("active", 0):
            return 0
        query = parse(f'group:"{group.id}" status:active')
        cursor: str | None = None
        while True:
            page = await engine.live.list_sessions(
                query, Order(SortField.CREATED), cursor=cursor, limit=500, now=engine.clock.now()
            )
            now = engine.clock.now()
            fresh += sum(not session.ran and not session.is_due(now) for session in page.items)
            cursor = page.next_cursor
            if cursor is None or fresh:
                return fresh


def _running(group: Group) -> int:
    """How many members have a run that isn't over."""
    return sum(group.counts.get(status, 0) for status in RUNNING)
