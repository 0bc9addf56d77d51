"""The one table of operations. Hot ones come first: a path is looked for in this order."""

from __future__ import annotations

from nexus.channels.http.operation import Operation
from nexus.channels.http.routes import audit, events, groups, history, namespaces, sessions, tokens, watching, workflows

OPERATIONS: tuple[Operation, ...] = (
    *sessions.OPERATIONS,
    *workflows.OPERATIONS,
    *history.OPERATIONS,
    *groups.OPERATIONS,
    *events.OPERATIONS,
    *watching.OPERATIONS,
    *tokens.OPERATIONS,
    *audit.OPERATIONS,
    *namespaces.OPERATIONS,
)
