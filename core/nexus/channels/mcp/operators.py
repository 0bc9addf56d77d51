"""The operator tools: what an operator does to sessions, for callers whose scope allows it.

Which of them a caller sees follows its scope: ``operate`` and ``admin`` all, ``read`` those that change nothing,
``run`` none. A call of one that isn't shown is ``permission_denied``, and the service checks once more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mcp_types import Tool, ToolAnnotations

from nexus.channels.mcp import arguments as given
from nexus.channels.mcp import schemas
from nexus.channels.mcp.callers import READING, STEERING
from nexus.errors import InvalidInput, PermissionDenied
from nexus.model import Caller
from nexus.service import Service

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operator:
    """One tool: what is told of it, and what it does."""

    name: str
    title: str
    description: str
    arguments: type[given.Arguments]
    output: schemas.Schema
    act: Callable[[Service, Any], Awaitable[Answer]]
    action: str | None = None
    """What the change is called in the audit; ``None`` for one that only reads."""
    destructive: bool = False
    idempotent: bool = False

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.action is None

    def open_to(self, caller: Caller) -> bool:
        """Whether the caller's scope allows it."""
        return caller.scope in (READING if self.reads else STEERING)

    def tool(self) -> Tool:
        """As ``tools/list`` shows it."""
        return Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=given.input_schema(self.arguments),
            output_schema=self.output,
            annotations=ToolAnnotations(
                title=self.title,
                read_only_hint=self.reads,
                destructive_hint=self.destructive,
                idempotent_hint=self.idempotent or self.reads,
                open_world_hint=False,
            ),
        )


async def _list_sessions(service: Service, asked: given.ListSessions) -> Answer:
    page = await service.list_sessions(asked.q, sort=asked.sort, limit=asked.limit, cursor=asked.cursor)
    return page.to_dict(total=True)


async def _get_session(service: Service, asked: given.GetSession) -> Answer:
    return (await service.get_session(asked.session_id)).to_dict()


async def _extend_session(service: Service, asked: given.ExtendSession) -> Answer:
    return (await service.extend_session(asked.session_id, asked.seconds)).to_dict()


async def _end_session(service: Service, asked: given.EndSession) -> Answer:
    session = await service.end_session(asked.session_id, status=asked.status, reason=asked.reason)
    return session.to_dict()


async def _resume_session(service: Service, asked: given.ResumeSession) -> Answer:
    session = await service.resume_session(asked.session_id, checkpoint_id=asked.checkpoint_id, inputs=asked.inputs)
    return session.to_dict()


async def _fork_session(service: Service, asked: given.ForkSession) -> Answer:
    session = await service.fork_session(
        asked.session_id, checkpoint_id=asked.checkpoint_id, new_session_id=asked.new_session_id
    )
    return session.to_dict()


async def _statistics(service: Service, _: given.GetStatistics) -> Answer:
    return (await service.statistics()).to_dict()


async def _events(service: Service, asked: given.ListEvents) -> Answer:
    if asked.session_id is None:
        _only_with_session(asked)
        events = await service.recent_events(asked.q, asked.limit)
        return {"items": [event.to_dict() for event in events], "next_cursor": None}
    if asked.q:
        raise InvalidInput("q is for the events of all sessions: leave out either q or session_id", field="q")
    page = await service.list_events(asked.session_id, cursor=asked.cursor, limit=asked.limit, newest=asked.newest)
    return page.to_dict()


def _only_with_session(asked: given.ListEvents) -> None:
    for field in ("cursor", "newest"):
        if getattr(asked, field):
            raise InvalidInput(f"{field} is for one session's events: give session_id too", field=field)


OPERATORS: Mapping[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator(
            "nexus_sessions_list",
            "List sessions",
            "List sessions, newest first, with a filter. Gives {items, next_cursor, total}.",
            given.ListSessions, schemas.SESSIONS, _list_sessions,
        ),
        Operator(
            "nexus_session_get",
            "Show a session",
            "Show one session: status, state, metadata, timing, and the error of a failed run. "
            "Use it to see whether a run that was still in progress has ended.",
            given.GetSession, schemas.SESSION, _get_session,
        ),
        Operator(
            "nexus_session_extend",
            "Extend a session",
            "Move a session's expires_at by a number of seconds. Gives the session after it.",
            given.ExtendSession, schemas.SESSION, _extend_session, action="extend",
        ),
        Operator(
            "nexus_session_end",
            "End a session",
            "End a session and its live descendants, as completed or cancelled. A run in it is stopped. "
            "A session that has ended already stays as it is.",
            given.EndSession, schemas.SESSION, _end_session, action="end", destructive=True, idempotent=True,
        ),
        Operator(
            "nexus_session_resume",
            "Resume a session",
            "Go on with a session's last run in the background: from where it was, or from an earlier checkpoint, "
            "whose state then replaces the current one. Gives the session; nexus_session_get shows how it goes.",
            given.ResumeSession, schemas.SESSION, _resume_session, action="resume", destructive=True,
        ),
        Operator(
            "nexus_session_fork",
            "Fork a session",
            "Copy a session's current state, or a checkpoint's, into a new session. The source stays as it is.",
            given.ForkSession, schemas.SESSION, _fork_session, action="fork",
        ),
        Operator(
            "nexus_statistics",
            "Statistics",
            "Counts by status, channel and workflow, durations and rates over all sessions.",
            given.GetStatistics, schemas.STATISTICS, _statistics,
        ),
        Operator(
            "nexus_events",
            "Events",
            "What happened: the events of one session, or the newest of all, in ascending order.",
            given.ListEvents, schemas.EVENTS, _events,
        ),
    )
}  # fmt: skip
"""Every operator tool by name. A workflow of the same name is not served as a tool."""


async def operate(operator: Operator, service: Service, arguments: Mapping[str, Any]) -> Answer:
    """Check the caller and the arguments, then act.

    Raises:
        PermissionDenied: The caller's scope doesn't allow this tool.
        InvalidInput: An argument doesn't fit.
        NexusError: Whatever the service says.
    """
    if not operator.open_to(service.caller):
        needed = "read" if operator.reads else "operate"
        raise PermissionDenied(
            f"{operator.name} needs a token of scope {needed}; this one has {service.caller.scope}", needed=needed
        )
    return await operator.act(service, given.read(operator.arguments, arguments))
