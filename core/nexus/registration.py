"""What is declared on an app before it opens: workflows, routes and event handlers; shared by both faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, overload

from nexus.routes import RouteSpec, route_spec
from nexus.sessions.handlers import ANY, Handler, Handlers
from nexus.workflows.registry import Registry

F = TypeVar("F", bound=Callable[..., Any])


class Declarations:
    """The decorators of the contract. They open nothing and touch no store."""

    def __init__(self, registry: Registry, routes: list[RouteSpec], handlers: Handlers) -> None:
        self.registry = registry
        self.routes = routes
        self.handlers = handlers

    @overload
    def workflow(self, name: F, /) -> F: ...
    @overload
    def workflow(
        self, name: str | None = None, *, checkpoint_interval: int = 1, description: str | None = None
    ) -> Callable[[F], F]: ...
    def workflow(self, name: Any = None, *, checkpoint_interval: int = 1, description: str | None = None) -> Any:
        """Register the decorated callable as a workflow: ``@app.workflow`` or ``@app.workflow("name", …)``.

        Args:
            name: The function's, with dashes, if not given.
            checkpoint_interval: Completed steps of a durable loop from one commit to the next; a call may say another.
            description: The docstring's, if not given.

        Raises:
            InvalidInput: See ``register``.
        """
        if callable(name):
            return self.register(name)

        def decorate(fn: F) -> F:
            return self.register(fn, name, checkpoint_interval=checkpoint_interval, description=description)

        return decorate

    @overload
    def register(
        self, fn: F, name: str | None = None, *, checkpoint_interval: int = 1, description: str | None = None
    ) -> F: ...
    @overload
    def register(self, fn: str, name: F, *, checkpoint_interval: int = 1, description: str | None = None) -> F: ...
    def register(
        self, fn: Any, name: Any = None, *, checkpoint_interval: int = 1, description: str | None = None
    ) -> Any:
        """Register a workflow without a decorator. The name may come first, too.

        Args:
            fn: A plain or ``async`` callable, whose parameters give the schema of the inputs; one called ``run``, or
                annotated as such, gets what ``nexus.workflows.context`` tells of the run.
            name: As for ``workflow``, like what follows.
            checkpoint_interval: As there.
            description: As there.

        Returns:
            ``fn``.

        Raises:
            InvalidInput: The name is taken or malformed, or the signature can't be called with named inputs.
        """
        if isinstance(fn, str) and callable(name):
            fn, name = name, fn
        wanted = name if name is not None else getattr(fn, "__name__", "workflow").replace("_", "-")
        self.registry.add(fn, wanted, checkpoint_interval=checkpoint_interval, description=description)
        return fn

    def route(self, path: str, *, methods: Sequence[str] = ("GET", "POST")) -> Callable[[F], F]:
        """Serve the decorated callable under ``path``, beside the built-in routes.

        Args:
            path: Starts with ``/``; ``{name}`` in it is handed on.
            methods: Of HTTP.

        Raises:
            InvalidInput: The path doesn't start so, or a method is unknown.
        """

        def decorate(fn: F) -> F:
            self.routes.append(route_spec(path, methods, fn))
            return fn

        return decorate

    def on_event(self, handler: Handler) -> Handler:
        """Call ``handler`` after each commit that this process makes, with every event of it.

        A handler may be plain or ``async``. One that raises is logged, and harms neither session nor caller.
        """
        return self.handlers.add(ANY, handler)

    def on_session_created(self, handler: Handler) -> Handler:
        """Call ``handler`` when this process has created a session."""
        return self.handlers.add("session.created", handler)

    def on_session_updated(self, handler: Handler) -> Handler:
        """Call ``handler`` when this process has patched a session's state."""
        return self.handlers.add("session.updated", handler)

    def on_session_ended(self, handler: Handler) -> Handler:
        """Call ``handler`` when this process has ended a session; ``event.duration`` is in seconds."""
        return self.handlers.add("session.ended", handler)

    def on_session_expired(self, handler: Handler) -> Handler:
        """Call ``handler`` when this process has marked a session expired."""
        return self.handlers.add("session.expired", handler)

    def on_session_failed(self, handler: Handler) -> Handler:
        """Call ``handler`` when a run in this process has failed."""
        return self.handlers.add("session.failed", handler)

    def on_session_resumed(self, handler: Handler) -> Handler:
        """Call ``handler`` when this process has resumed a session."""
        return self.handlers.add("session.resumed", handler)
