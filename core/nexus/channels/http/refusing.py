"""Changes that are refused before, or beside, the service: written down by their operation, at a bounded cost.

The service writes down what it refuses. What never gets to it (a body that can't be read or is too long, a header that
doesn't fit, a rate that is used up, a page of another site) is counted at the door.
"""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

from nexus.audit.refusals import CHANGES, Changing
from nexus.channels.http.context import HttpContext
from nexus.channels.http.endpoint import CALLER_KEY, peer_of
from nexus.channels.http.problems import MethodNotAllowed, RouteNotFound
from nexus.errors import NexusError

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CALLED: Final = {"bulk_sessions": "bulk", "execute_workflow": "execute"}
_REQUEST: Final = Changing("request", "store", "")
_IDS: Final = ("session_id", "group_id", "token_name", "namespace_name")


async def refused(context: HttpContext, error: NexusError, scope: Scope) -> None:
    """Note the refusal of a request that would have changed something.

    What names no route, or one that has no such method, would have changed nothing.
    """
    if scope["method"] in _READING or isinstance(error, RouteNotFound | MethodNotAllowed) or error.audited:
        return
    caller = scope.get(CALLER_KEY)
    if caller is None and not context.app.settings.asks_who:
        caller = context.local_caller("api")
    change = change_of(scope.get("nexus.operation", ""))
    path = scope.get("path_params", {})
    await context.app.refused(
        error, channel="api", address=peer_of(scope), caller=caller, action=change.action, kind=change.kind,
        target=next((path[name] for name in _IDS if name in path), ""),
    )  # fmt: skip


def change_of(operation_id: str) -> Changing:
    """What an operation is called in the audit; one of the user's own routes is a ``request``."""
    return CHANGES.get(_CALLED.get(operation_id, operation_id), _REQUEST)
