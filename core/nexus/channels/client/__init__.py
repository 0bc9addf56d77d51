"""The client of a Nexus server: ``RemoteService`` is ``nexus.service.Service`` over HTTP.

What works on a store works on a server: the same calls, records and errors. httpx is imported when a client opens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nexus.channels.client.remote import RemoteService

__all__ = ["RemoteService"]


def __getattr__(name: str) -> Any:
    if name == "RemoteService":
        from nexus.channels.client.remote import RemoteService

        return RemoteService
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
