"""Sessions as resources: ``nexus://sessions/{id}``, read as the session's JSON.

The list shows the newest sessions that the caller may see, page by page; any other is read by its address.
"""

from __future__ import annotations

from urllib.parse import unquote

from mcp_types import (
    Annotations,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from nexus.channels.mcp.answers import invalid_params, json_text
from nexus.errors import InvalidInput, NexusError
from nexus.model import Session, check_id, iso
from nexus.service import Service

PREFIX = "nexus://sessions/"
TEMPLATE = PREFIX + "{id}"
MIME = "application/json"
PAGE = 50
"""Sessions on one page of the list."""


def uri_of(session_id: str) -> str:
    """The address of a session."""
    return PREFIX + session_id


async def list_resources(service: Service, cursor: str | None) -> ListResourcesResult:
    """The newest sessions.

    Raises:
        MCPError: -32602, the cursor is none that was given out.
    """
    try:
        page = await service.list_sessions(limit=PAGE, cursor=cursor)
    except InvalidInput as error:
        raise invalid_params(error.message, code=error.code) from None
    return ListResourcesResult(resources=[_resource(session) for session in page.items], next_cursor=page.next_cursor)


def list_templates() -> ListResourceTemplatesResult:
    """The one template."""
    return ListResourceTemplatesResult(
        resource_templates=[
            ResourceTemplate(
                name="session",
                title="Session",
                uri_template=TEMPLATE,
                description="One session: status, state, metadata, timing and lineage.",
                mime_type=MIME,
            )
        ]
    )


async def read_resource(service: Service, uri: str) -> ReadResourceResult:
    """The session at ``uri`` as JSON.

    Raises:
        MCPError: -32602, there is no such resource; ``data`` has the address and the stable code.
    """
    try:
        session = await service.get_session(_session_id(uri))
    except NexusError as error:
        raise invalid_params(error.message, uri=uri, code=error.code) from None
    text = json_text(session.to_dict())
    return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type=MIME, text=text)])


def _session_id(uri: str) -> str:
    if not uri.startswith(PREFIX):
        raise InvalidInput(f"there is no resource {uri[:200]!r}: sessions are at {TEMPLATE}", field="uri")
    return check_id(unquote(uri.removeprefix(PREFIX)), "uri")


def _resource(session: Session) -> Resource:
    doing = f", workflow {session.workflow}" if session.workflow else ""
    return Resource(
        uri=uri_of(session.id),
        name=session.id,
        description=f"Session, {session.status.value}{doing}, version {session.version}.",
        mime_type=MIME,
        annotations=Annotations(last_modified=iso(session.last_activity)),
    )
