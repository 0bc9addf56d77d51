"""Workflows as tools: the workflow's name, its input schema and a ``session_id``; the answer is the ``RunResult``.

``session_id`` names the session to run in; without it a new one is made, and the answer names it. A workflow that
has a parameter ``session_id`` of its own gets it too: the one argument names the session and is passed on. It is
then as required as the workflow's schema says.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp_types import CallToolResult, Tool

from nexus.channels.mcp import schemas
from nexus.channels.mcp.answers import success
from nexus.channels.mcp.arguments import refuse_unknown
from nexus.channels.mcp.progress import Report
from nexus.channels.mcp.runs import Runs
from nexus.model import RunResult, RunStatus, WorkflowInfo, check_id, jsonvalue, new_id
from nexus.service import Service
from nexus.workflows.registry import Workflow

ARGUMENT = "session_id"
_SESSION_ID = {
    "type": "string",
    "minLength": 1,
    "maxLength": 128,
    "pattern": "^[A-Za-z0-9._:-]+$",
    "description": "The session to run in: the session_id of an earlier result goes on with that work. "
    "Left out, a new session is made, and the result names it.",
}
_STILL = (
    "The run goes on in session {0}. Don't call this tool again for it: read nexus_session_get, or the resource "
    "nexus://sessions/{0}, until its status is no longer in_progress."
)


def tool_of(info: WorkflowInfo) -> Tool:
    """A workflow as ``tools/list`` shows it."""
    return Tool(
        name=info.name,
        description=info.description or f"Run the workflow {info.name}.",
        input_schema=_input_schema(info),
        output_schema=schemas.RUN_RESULT,
    )


def _input_schema(info: WorkflowInfo) -> dict[str, Any]:
    properties = dict(info.input_schema.get("properties", {}))
    if ARGUMENT in properties:
        own = properties[ARGUMENT]
        said = own.get("description") if isinstance(own, dict) else None
        note = "Also names the session to run in; a new one is made if left out."
        properties[ARGUMENT] = {
            **(own if isinstance(own, dict) else {}),
            "description": f"{said} {note}" if said else note,
        }
    else:
        properties[ARGUMENT] = _SESSION_ID
    return {**info.input_schema, "type": "object", "properties": properties}


@dataclass(frozen=True, slots=True)
class Call:
    """A checked call of a workflow tool."""

    session_id: str | None
    inputs: dict[str, Any]


def read_call(workflow: Workflow, arguments: Mapping[str, Any]) -> Call:
    """Split the arguments into the session and the workflow's inputs, and check both.

    Raises:
        InvalidInput: Names the argument, what is wrong with it, and what would fit.
    """
    jsonvalue.check(dict(arguments), "arguments")
    own = workflow.info.input_schema.get("properties", {})
    if not workflow.info.input_schema.get("additionalProperties", False):
        refuse_unknown(arguments, list(dict.fromkeys((*own, ARGUMENT))))
    session_id = arguments.get(ARGUMENT)
    if session_id is not None:
        check_id(session_id)
    inputs = {name: value for name, value in arguments.items() if name != ARGUMENT or ARGUMENT in own}
    return Call(session_id, workflow.check_inputs(inputs))


async def call_workflow(
    runs: Runs, service: Service, workflow: Workflow, arguments: Mapping[str, Any], report: Report | None
) -> CallToolResult:
    """Run a workflow for one call; see ``runs`` for what a dropped call leaves behind.

    Raises:
        NexusError: Nothing ran, or it could not be waited for; as ``Service.execute``.
    """
    call = read_call(workflow, arguments)
    session_id = call.session_id or new_id("sess", time.time())
    result = await runs.execute(service, workflow.info.name, call.inputs, session_id, report)
    return _answer(result)


def _answer(result: RunResult) -> CallToolResult:
    notes = [_STILL.format(result.session_id)] if result.status is RunStatus.IN_PROGRESS else []
    return success(result.to_dict(), *notes, is_error=result.status in (RunStatus.FAILED, RunStatus.CANCELLED))
