"""Where a command acts: on a store, as its own process, or on a server.

A ``Target`` is a frozen record, made once at the edge from options and environment; ``open_service`` gives the
one interface through which every command works, whichever it is. Nothing is imported or opened before that.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus.errors import InvalidInput
from nexus_tui.cli.loading import find_app, load_app

if TYPE_CHECKING:
    from nexus.app import AsyncNexus
    from nexus.service import Service

CHANNEL = "cli"


@dataclass(frozen=True, slots=True)
class Target:
    """A store or a server, and which app names the workflows of a store.

    Args:
        store: A store's URL; ``None`` for the one of the app, the environment, the config file or the default.
        server: A server's URL; a target has a store or a server, never both.
        token: Sent to the server with every request.
        app: ``MODULE:ATTR`` or ``FILE.py:ATTR`` of the app, if one is named.
        origin: What decided: ``--store``, ``--server``, ``NEXUS_STORE``, ``NEXUS_SERVER``, ``context NAME`` or
            ``default``.
        channel: What events say the work came through.
        read_only: Whether the service that it opens refuses every change.
        reveal: Whether to ask for the values that rules hide.
        namespace: Act in this one; ``None`` for the store itself, or on a server for the token's own.
    """

    store: str | None = None
    server: str | None = None
    token: str | None = None
    app: str | None = None
    origin: str = "default"
    channel: str = CHANNEL
    read_only: bool = False
    reveal: bool = False
    namespace: str | None = None

    @property
    def remote(self) -> bool:
        """Whether it is a server."""
        return self.server is not None

    @property
    def label(self) -> str:
        """What a person calls it: the URL without user names and passwords, or ``default store``."""
        return without_password(self.server or self.store or "default store")

    @property
    def options(self) -> tuple[str, ...]:
        """The options that name it on a command line, passwords left out; none for the default store."""
        named = ("--server", self.server) if self.server else ("--store", self.store) if self.store else ()
        within = ("--namespace", self.namespace) if self.namespace else ()
        app = ("--app", self.app) if self.app and not self.remote else ()
        return (*(without_password(each or "") for each in named), *within, *app)

    def local_app(self, **settings: Any) -> AsyncNexus:
        """The app that works on the store, not opened: the named one itself, whose own code then acts there as well.

        Args:
            settings: Others than the app's; those that are ``None`` stay.

        Raises:
            InvalidInput: The target is a server, or the named app can't be used.
        """
        if self.remote:
            where = f" (it is the {self.origin})" if self.origin.startswith("context ") else ""
            raise InvalidInput(f"this works on a store, not on a server{where}: give --store URL", field="server")
        from nexus.app import AsyncNexus

        # What the environment names, the settings find by themselves.
        named = self.store if self.origin != "NEXUS_STORE" else None
        changed = {**settings, "store": named or None, "namespace": self.namespace}
        return AsyncNexus(**changed) if self.app is None else load_app(self.app).configure(**changed)

    @asynccontextmanager
    async def open_service(self) -> AsyncIterator[Service]:
        """Connect, and disconnect at the end.

        Raises:
            StoreUnavailable: The store or the server can't be reached.
            InvalidInput: A URL, a setting or the app doesn't fit.
        """
        if self.server is not None:
            from nexus.channels.client import RemoteService

            async with RemoteService(
                self.server, token=self.token, channel=self.channel, reveal=self.reveal, namespace=self.namespace
            ) as remote:
                yield self._as_opened(remote)
        else:
            from msgspec.structs import replace as with_fields

            async with self.local_app() as app:
                yield self._as_opened(app.service(with_fields(app.local_caller(self.channel), reveal=self.reveal)))

    def _as_opened(self, service: Service) -> Service:
        from nexus_tui.cli.read_only import read_only

        return read_only(service) if self.read_only else service


def resolve_target(
    *,
    store: str | None,
    server: str | None,
    token: str | None,
    app: str | None,
    context: str | None = None,
    namespace: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Target:
    """Decide where to act: options first, then the environment, then the current context, then the default store.

    Raises:
        InvalidInput: Two places are given, or a token without a server, or a context or a namespace that is none.
    """
    env = os.environ if environ is None else environ
    target = _place(store, server, token, app, context, env)
    within = namespace or env.get("NEXUS_NAMESPACE") or target.namespace
    if within is None:
        return target
    from nexus.model.namespace import check_namespace  # records, which help need not load

    return replace(target, namespace=check_namespace(within))


def _place(
    store: str | None, server: str | None, token: str | None, app: str | None, context: str | None,
    env: Mapping[str, str],
) -> Target:  # fmt: skip
    named = find_app(app)
    token = token or env.get("NEXUS_TOKEN") or None
    if store and server:
        raise InvalidInput("--store and --server are both given: a command acts on one of them", field="server")
    if context and (store or server):
        raise InvalidInput("--context names a place: leave out --store and --server, or it", field="context")
    if context:
        return _from_context(context, token, named, env)
    if store:
        _no_token(token, env)
        return Target(store=store, app=named, origin="--store")
    if server:
        return Target(server=_server_url(server, "--server"), token=_secret(token), origin="--server")
    return _from_environment(env, token, named)


def _from_environment(env: Mapping[str, str], token: str | None, app: str | None) -> Target:
    store, server = env.get("NEXUS_STORE") or None, env.get("NEXUS_SERVER") or None
    if store and server:
        raise InvalidInput(
            "NEXUS_STORE and NEXUS_SERVER are both set: unset one of them, or give --store or --server", field="server"
        )
    if server:
        return Target(server=_server_url(server, "NEXUS_SERVER"), token=_secret(token), origin="NEXUS_SERVER")
    if store:
        _no_token(token, env)
        return Target(store=store, app=app, origin="NEXUS_STORE")
    return _from_context(env.get("NEXUS_CONTEXT") or None, token, app, env)


def _from_context(name: str | None, token: str | None, app: str | None, env: Mapping[str, str]) -> Target:
    """The place of a context, or of the current one; the default store where there is none."""
    from nexus_tui.cli.contexts import read_contexts

    contexts = read_contexts()
    name = name or contexts.current
    if name is None:
        _no_token(token, env)
        return Target(app=app)
    place, origin = contexts.get(name), f"context {name}"
    if place.server is not None:
        return Target(
            server=_server_url(place.server, origin),
            token=_secret(token or place.token),
            origin=origin,
            read_only=place.read_only,
            namespace=place.namespace,
        )
    _no_token(token, env)
    return Target(
        store=place.store, app=app, origin=origin, read_only=place.read_only, namespace=place.namespace
    )  # fmt: skip


def _secret(token: str | None) -> str | None:
    """A token, or what the file that ``@FILE`` names holds: an argument can be read in the list of processes."""
    if token is None or not token.startswith("@"):
        return token
    try:
        found = Path(token[1:]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InvalidInput(f"the token's file {token[1:]} can't be read: {error}", field="token") from None
    if not found:
        raise InvalidInput(f"the token's file {token[1:]} is empty", field="token")
    return found


def _no_token(token: str | None, env: Mapping[str, str]) -> None:
    # A token in the environment may be there for other commands; one that was typed is meant for this one.
    if token and token != env.get("NEXUS_TOKEN"):
        raise InvalidInput("--token goes with --server: a store is opened by whoever may open its file", field="token")


def _server_url(url: str, source: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise InvalidInput(
            f"{source} {url!r} is no URL: write http://HOST:PORT or https://HOST", field="server", value=url
        )
    return url.rstrip("/")


def without_password(url: str) -> str:
    scheme, slashes, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    if slashes and "@" in authority:
        authority = authority.rpartition("@")[2]
    path, question, query = path.partition("?")
    if "password" in query:
        question = query = ""
    return f"{scheme}{slashes}{authority}{slash}{path}{question}{query}"
