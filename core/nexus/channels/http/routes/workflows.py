"""Operations on workflows."""

from __future__ import annotations

from nexus.channels.http.operation import IDEMPOTENCY_HEADER, RUN_GRACE, SESSION_HEADER, Call, Says, operation
from nexus.channels.http.reply import Reply, answer
from nexus.channels.wire import shown
from nexus.channels.wire.answers import RunResultAnswer, WorkflowAnswer, WorkflowList
from nexus.channels.wire.asked import Execute, NoBody, NoQuery
from nexus.errors import InvalidTransition, SessionBusy, SessionExpired, WorkflowNotFound

_IN_SESSION = {"X-Session-ID": "the session it ran in"}


@operation(
    "POST", "/workflows/{name}/execute", tag="workflows", body=Execute, body_optional=True,
    headers=(SESSION_HEADER, IDEMPOTENCY_HEADER),
    says=(
        Says(200, RunResultAnswer, "how it ended; one that raised says `failed` with its `error`", _IN_SESSION),
        Says(202, RunResultAnswer, "it runs in the background", _IN_SESSION),
    ),
    errors=(WorkflowNotFound, SessionBusy, SessionExpired, InvalidTransition),
)  # fmt: skip
async def execute_workflow(call: Call[NoQuery, Execute]) -> Reply:
    """Run a workflow in a session, which is created where there is none of that id, or no id is given. Two runs wanted
    in one session take turns. A client that leaves doesn't stop the run.
    """
    body = call.body
    execution = call.service.execute(
        call.path["name"], body.inputs, session_id=call.session_id(body.session_id), background=body.background,
        checkpoint_interval=body.checkpoint_interval, idempotency_key=call.headers.get("idempotency-key"),
    )  # fmt: skip
    result = await call.unless_gone(execution, RUN_GRACE)
    status = 202 if body.background else 200
    return answer(shown.result(result), status=status, headers=[("X-Session-ID", result.session_id)])


@operation("GET", "/workflows", tag="workflows", says=(Says(200, WorkflowList, "all of them"),))
async def list_workflows(call: Call[NoQuery, NoBody]) -> Reply:
    """All registered workflows by name."""
    return answer(WorkflowList(items=tuple(map(shown.workflow, await call.service.list_workflows()))))


@operation(
    "GET", "/workflows/{name}", tag="workflows", says=(Says(200, WorkflowAnswer, "the workflow"),),
    errors=(WorkflowNotFound,),
)  # fmt: skip
async def get_workflow(call: Call[NoQuery, NoBody]) -> Reply:
    """A workflow's description and the JSON Schema of its inputs."""
    return answer(shown.workflow(await call.service.get_workflow(call.path["name"])))


OPERATIONS = (execute_workflow, list_workflows, get_workflow)
