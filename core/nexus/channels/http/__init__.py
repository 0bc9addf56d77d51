"""The HTTP channel: Starlette on uvicorn.

``build_http_app(app)`` makes the ASGI application, ``serve(app)`` binds and runs it. One declarative table
(``table.OPERATIONS``) routes, checks and documents; handlers speak to ``nexus.service.Service`` and know no rule of
a session's life. Starlette and uvicorn are imported when one of the names is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nexus.channels.http.application import build_http_app
    from nexus.channels.http.server import serve

__all__ = ["build_http_app", "serve"]


def __getattr__(name: str) -> Any:
    if name == "build_http_app":
        from nexus.channels.http.application import build_http_app

        return build_http_app
    if name == "serve":
        from nexus.channels.http.server import serve

        return serve
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
