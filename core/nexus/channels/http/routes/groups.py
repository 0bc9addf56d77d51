"""Operations on groups."""

from __future__ import annotations

from nexus.channels.http.operation import Call, Says, operation
from nexus.channels.http.reply import Reply, answer
from nexus.channels.wire import shown
from nexus.channels.wire.answers import GroupAnswer, GroupList
from nexus.channels.wire.asked import CreateGroup, EndGroup, ListPage, NoBody, NoQuery, WaitGroup
from nexus.errors import GroupNotFound, WaitTimeout


@operation(
    "POST", "/groups", tag="groups", body=CreateGroup, body_optional=True,
    says=(Says(201, GroupAnswer, "the group", {"Location": "the group's address"}),),
)  # fmt: skip
async def create_group(call: Call[NoQuery, CreateGroup]) -> Reply:
    """See to it that there is an open group of that name: created, found, or opened again."""
    group = await call.service.create_group(call.body.group_id, metadata=call.body.metadata)
    return answer(shown.group(group), status=201, headers=[("Location", f"/groups/{group.id}")])


@operation("GET", "/groups", tag="groups", query=ListPage, says=(Says(200, GroupList, "a page"),))
async def list_groups(call: Call[ListPage, NoBody]) -> Reply:
    """All groups, newest first."""
    page = await call.service.list_groups(cursor=call.query.cursor, limit=call.query.limit)
    items = tuple(map(shown.group, page.items))
    return answer(GroupList(items=items, next_cursor=page.next_cursor, total=page.total))


@operation(
    "GET", "/groups/{group_id}", tag="groups", says=(Says(200, GroupAnswer, "the group"),), errors=(GroupNotFound,)
)
async def get_group(call: Call[NoQuery, NoBody]) -> Reply:
    """A group with its members by status; `GET /sessions?q=group:ID` lists them."""
    return answer(shown.group(await call.service.get_group(call.path["group_id"])))


@operation(
    "POST", "/groups/{group_id}/end", tag="groups", body=EndGroup, body_optional=True,
    says=(Says(200, GroupAnswer, "the group after it"),), errors=(GroupNotFound,),
)  # fmt: skip
async def end_group(call: Call[NoQuery, EndGroup]) -> Reply:
    """End the group and all its live members."""
    body = call.body
    return answer(shown.group(await call.service.end_group(call.path["group_id"], status=body.status,
                                                           reason=body.reason)))  # fmt: skip


@operation(
    "GET", "/groups/{group_id}/wait", tag="groups", query=WaitGroup,
    says=(Says(200, GroupAnswer, "no member has work left"),), errors=(GroupNotFound, WaitTimeout),
)  # fmt: skip
async def wait_group(call: Call[WaitGroup, NoBody]) -> Reply:
    """Wait until no member of the group has work left: each has ended or failed, or is idle after a finished run."""
    group = await call.unless_gone(call.service.wait_group(call.path["group_id"], timeout=call.query.timeout))
    return answer(shown.group(group))


OPERATIONS = (create_group, list_groups, get_group, end_group, wait_group)
