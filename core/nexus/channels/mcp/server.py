"""The MCP server of an app: tools, resources and subscriptions, each handler bound to its caller.

Nothing here knows a transport: ``http`` and ``stdio`` serve what ``build`` makes. Handlers raise ``nexus.errors``
for what went wrong with a call (a tool error that the model reads) and ``MCPError`` for what was no call at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    Tool,
)

from nexus.channels.mcp import resources
from nexus.channels.mcp.answers import failure, invalid_params, success
from nexus.channels.mcp.arguments import closest
from nexus.channels.mcp.callers import caller_of
from nexus.channels.mcp.listening import Listeners
from nexus.channels.mcp.operators import OPERATORS, operate
from nexus.channels.mcp.pages import page_of
from nexus.channels.mcp.progress import Report
from nexus.channels.mcp.runs import WAIT, Runs
from nexus.channels.mcp.tools import call_workflow, tool_of
from nexus.errors import NexusError, WorkflowNotFound
from nexus.model import Caller
from nexus.service import Service

if TYPE_CHECKING:
    from nexus.app import AsyncNexus

Context = ServerRequestContext[Any, Any]

INSTRUCTIONS = """\
Every tool without the prefix nexus_ is a workflow. It runs inside a session: a durable record that keeps the work's \
state, survives crashes, and can be used from HTTP, the command line and here alike.
- Leave session_id out to begin: a session is made, and the result's session_id names it.
- Give that session_id to every later call that belongs to the same work, of any workflow tool.
- A result with status in_progress means that the run goes on by itself: don't call the tool again for it, read the \
session until its status has changed. suspended means that it waits for a signal from outside.
- A call that was cancelled or timed out has not stopped its run; look at the session before you try again.
Sessions are resources, nexus://sessions/{id}. The nexus_ tools list, show, extend, end, resume and fork sessions.
Errors carry a stable code: session_busy means try later, session_expired that nexus_session_resume brings it back."""


@dataclass(frozen=True, slots=True)
class Served:
    """A server with what has to be closed when it is no longer served."""

    server: Server[Any]
    runs: Runs
    listeners: Listeners

    async def close(self) -> None:
        """End listen streams, and stop waiting for runs; the runs go on as the executor decides."""
        self.listeners.close()
        await self.runs.close()


def build(app: AsyncNexus, *, wait: float = WAIT) -> Served:
    """Make the server of ``app``.

    Args:
        app: Open for as long as the server is served.
        wait: Seconds that a call without progress waits for its run before it answers ``in_progress``.
    """
    doors = _Handlers(app, wait)
    server: Server[Any] = Server(
        "nexus",
        version=_version(),
        title="Nexus",
        description="Durable sessions and the workflows that run in them.",
        instructions=INSTRUCTIONS,
        get_tool_input_schema=_no_parameter_headers,
        on_list_tools=doors.list_tools,
        on_call_tool=doors.call_tool,
        on_list_resources=doors.list_resources,
        on_list_resource_templates=doors.list_templates,
        on_read_resource=doors.read_resource,
        on_subscriptions_listen=doors.listen,
    )
    return Served(server, doors.runs, doors.listeners)


def _version() -> str:
    try:
        return version("nexus-tui")
    except PackageNotFoundError:
        return "0+unknown"


def _no_parameter_headers(_: str) -> None:
    """No schema of ours asks for ``Mcp-Param-*`` headers; without this the SDK lists all tools before each call."""


class _Handlers:
    """The protocol's requests, each answered through a ``Service`` of the request's caller."""

    def __init__(self, app: AsyncNexus, wait: float) -> None:
        self._app = app
        self.runs = Runs(wait)
        self.listeners = Listeners(self._workflow_names, lambda: app.parts.seats, lambda: app.parts.standings)

    def _workflow_names(self) -> tuple[str, ...]:
        return tuple(self._app.registry.names())

    def _service(self, ctx: Context) -> Service:
        service: Service = self._app.service(caller_of(self._app, ctx))
        return service

    def _tools(self, caller: Caller) -> list[tuple[str, Tool]]:
        tools = {info.name: tool_of(info) for info in self._app.registry.infos() if info.name not in OPERATORS}
        tools |= {name: operator.tool() for name, operator in OPERATORS.items() if operator.open_to(caller)}
        return sorted(tools.items())

    async def list_tools(self, ctx: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        items = self._tools(caller_of(self._app, ctx))
        page, cursor = page_of(items, params.cursor if params is not None else None)
        return ListToolsResult(tools=page, next_cursor=cursor)

    async def call_tool(self, ctx: Context, params: CallToolRequestParams) -> CallToolResult:
        arguments = params.arguments or {}
        try:
            return await self._call(ctx, params.name, arguments)
        except NexusError as error:
            await self._refused(error, caller_of(self._app, ctx), params.name, arguments)
            return failure(error)

    async def _refused(self, error: NexusError, caller: Caller, name: str, arguments: Mapping[str, Any]) -> None:
        """Write down what the service has not: arguments that don't fit, and tools that the scope has not."""
        action = "run.started" if name not in OPERATORS else OPERATORS[name].action
        if action is not None:
            target = arguments.get("session_id") or ""
            await self._app.refused(
                error, channel=caller.channel, caller=caller, action=action, kind="session", target=str(target)
            )

    async def _call(self, ctx: Context, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
        service = self._service(ctx)
        if name in OPERATORS:
            return success(await operate(OPERATORS[name], service, arguments))
        try:
            workflow = self._app.registry.get(name)
        except WorkflowNotFound:
            known = [tool for tool, _ in self._tools(service.caller)]
            raise invalid_params(f"Unknown tool: {name[:200]}{closest(name, known)}") from None
        work = call_workflow(self.runs, service, workflow, arguments, _report(ctx))
        return await self._app.parts.standings.while_good(service.caller.proof, work)

    async def list_resources(self, ctx: Context, params: PaginatedRequestParams | None) -> ListResourcesResult:
        return await resources.list_resources(self._service(ctx), params.cursor if params is not None else None)

    async def list_templates(self, _: Context, params: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        if params is not None and params.cursor is not None:
            raise invalid_params("the list of templates has one page: ask for it without a cursor")
        return resources.list_templates()

    async def read_resource(self, ctx: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        return await resources.read_resource(self._service(ctx), params.uri)

    async def listen(self, ctx: Context, params: SubscriptionsListenRequestParams) -> SubscriptionsListenResult:
        return await self.listeners.listen(self._service(ctx), ctx, params)


def _report(ctx: Context) -> Report | None:
    wanted = ctx.meta is not None and ctx.meta.get("progress_token") is not None
    return ctx.session.report_progress if wanted else None
