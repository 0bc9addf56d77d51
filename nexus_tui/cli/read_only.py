"""A service that only reads: every change is refused before it is sent, whoever asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, cast

from nexus.errors import PermissionDenied

if TYPE_CHECKING:
    from nexus.service import Service

READS = frozenset({
    "get_session", "get_run", "exists", "list_sessions", "window", "list_checkpoints", "get_checkpoint", "list_events",
    "list_children", "diff", "list_workflows", "get_workflow", "get_group", "list_groups", "wait_group", "statistics",
    "workers", "recent_events", "feed", "health", "list_namespaces", "get_namespace",
})  # fmt: skip
"""What may be asked; whatever is not named here is a change, also what a service learns later."""
_FACTS = frozenset({"caller", "on_connection"})


def read_only(service: Service) -> Service:
    """The same service without its changes.

    Args:
        service: What is read from.

    Returns:
        A service whose changes raise ``PermissionDenied``.
    """
    return cast("Service", _ReadOnly(service))


class _ReadOnly:
    def __init__(self, service: Service) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._service, name)
        return found if name in READS or name in _FACTS else _refused


async def _refused(*_: object, **__: object) -> NoReturn:
    raise PermissionDenied(
        "This is opened read-only, by --read-only or by its context: nothing is changed through it", scope="read"
    )
