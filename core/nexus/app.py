"""``AsyncNexus``: the composition root. What users call on it is in ``nexus.calls``.

Making one opens nothing: the store opens with the first call (or ``open``), and this process executes
runs and sweeps from then on. ``Nexus`` (``nexus.face``) is the same surface for synchronous code.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from types import TracebackType
from typing import Any, Self, cast

from msgspec.structs import replace

from nexus.audit import Noting
from nexus.auth import GuardedService
from nexus.auth.tokens import check_secret
from nexus.bulk import carry_out
from nexus.calls import Calls
from nexus.errors import AuthenticationRequired, InvalidInput, NamespaceNotFound, NexusError
from nexus.local import LocalService, local_actor
from nexus.manager import AsyncSessionManager
from nexus.model import Caller
from nexus.model.namespace import DEFAULT, Namespace
from nexus.namespaces import choose, settings_in
from nexus.partition import Partition
from nexus.parts import Parts
from nexus.redacted import RedactedService, hides_from
from nexus.service import Service
from nexus.sessions.acting import ACTING
from nexus.sessions.clock import Clock
from nexus.spaces import Spaces
from nexus.stores.base import Store


class AsyncNexus(Calls):
    """Nexus for asynchronous code.

    Args:
        clock: Tells the time; the machine's by default.
        settings: The fields of ``Settings`` (``session_backend``, ``store``, ``session_timeout`` …); explicit ones
            win over ``NEXUS_<NAME>`` in the environment, and those over ``nexus.toml``.

    Raises:
        InvalidInput: A setting is unknown or doesn't fit.
    """

    def __init__(self, *, clock: Clock | None = None, **settings: Any) -> None:
        super().__init__(clock, settings)
        self._home: asyncio.AbstractEventLoop | None = None
        self._root: Partition | None = None
        self._spaces: Spaces | None = None
        self._opening = asyncio.Lock()
        self._started = False
        self.session_manager = AsyncSessionManager(self)

    # -- life

    async def open(self) -> None:
        """Open the store; nothing happens if it is open.

        Raises:
            NamespaceNotFound: ``namespace`` of the settings names none.
        """
        async with self._opening:
            if self._spaces is None:
                self._taken = True
                root = Partition(self, replace(self.settings, namespace=DEFAULT), self._clock, self._rules)
                parts = await root.open()
                spaces = Spaces(root, functools.partial(self._partition_of, parts), self.settings.namespace)
                try:
                    await spaces.open(self.settings.namespace)
                except BaseException:
                    await root.close(0.0)
                    raise
                self._root, self._spaces, self._home = root, spaces, asyncio.get_running_loop()

    def _partition_of(self, root: Parts, namespace: Namespace) -> Partition:
        settings = settings_in(self.settings, namespace)
        return Partition(self, settings, self._clock, self._rules, place=namespace.place, root=root)

    async def start(self) -> None:
        """Execute runs, recover those of dead processes and sweep, in this process, until ``close``.

        In the store and all its namespaces, or in the one alone that the settings name. With ``embedded_worker`` off
        runs are left to workers.

        Raises:
            StoreUnavailable: The store keeps less than ``require_durability`` says.
        """
        await self.open()
        root, spaces = self._root, self._spaces
        if not self._started and root is not None and spaces is not None:
            self._started = True
            try:
                if self.settings.namespace == DEFAULT:
                    await root.start()
                await spaces.start()
            except BaseException:
                self._started = False
                raise

    async def ready(self) -> Parts:
        """The open parts, opened and started if need be."""
        if not self._started:
            await self.start()
        return self.parts

    async def close(self, grace: float | None = None) -> None:
        """Stop what runs here, hand unfinished runs over, and close the store.

        Args:
            grace: Seconds that runs have to reach their next checkpoint; ``worker_grace`` of the settings by default.
        """
        async with self._opening:
            root, spaces = self._root, self._spaces
            self._root, self._spaces, self._started, self._home = None, None, False, None
        patience = self.settings.worker_grace if grace is None else grace
        for each in (spaces, root):
            if each is not None:
                await each.close(patience)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def parts(self) -> Parts:
        """The open parts of the namespace that the app lives in.

        Raises:
            InvalidInput: Nothing is open; use ``async with``, or call ``open`` first.
        """
        return self._open_spaces.find(self.settings.namespace)

    @property
    def _open_spaces(self) -> Spaces:
        if self._spaces is None:
            raise InvalidInput("this Nexus is not open: use `async with app:` or call `await app.open()` first")
        return self._spaces

    @property
    def home(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that it is open in, where all of its work has to be done; ``None`` while it isn't open."""
        return self._home

    @property
    def store(self) -> Store:
        """The open store."""
        return self.parts.store

    def service(self, caller: Caller) -> Service:
        """What ``caller`` may do in its namespace, by its scope. The store must be open.

        Raises:
            PermissionDenied: It asks for hidden values, and may not see them.
            NamespaceNotFound: It acts in a namespace that isn't open here: see ``enter``.
        """
        parts = self._open_spaces.find(caller.namespace)
        hidden = hides_from(self._rules, caller)
        service: Service = RedactedService(parts, caller, self._rules) if hidden else LocalService(parts, caller)
        if caller.scope != "admin":
            service = GuardedService(service, functools.partial(carry_out, parts.engine))
        return cast("Service", Noting(service, parts.store, self._clock))

    async def refused(self, error: NexusError, *, caller: Caller | None = None, **about: Any) -> None:
        """Write down what was refused before any service was asked, where the caller acts; see ``Door.refused``."""
        if self._spaces is not None:
            with contextlib.suppress(NamespaceNotFound):
                parts = self._spaces.find(DEFAULT if caller is None else caller.namespace)
                await parts.door.refused(error, caller=caller, **about)

    async def caller_of_token(self, secret: str, channel: str, address: str = "") -> Caller:
        """Who shows a token, and what they may do, in its namespace, which is open from then on.

        The actor is the token's name, or ``jwt:`` and the identity provider's name for them; ``address`` is where it
        was shown.

        Raises:
            AuthenticationRequired: It lets nobody in: unknown, revoked, expired, not for this server, or of a
                namespace that is gone.
            PermissionDenied: It is the identity provider's, and carries no scope.
            NamespaceNotFound: It is of another namespace than the one that is served here.
        """
        spaces = self._open_spaces
        try:
            bearer = await spaces.root.verifier.identify(secret)
            await spaces.check_known(bearer.namespace)
        except AuthenticationRequired as error:
            await self.refused(
                error, channel=channel, address=address, action="authenticate",
                reason="a token that is unknown, revoked or expired",
            )  # fmt: skip
            raise
        shown = Caller(
            actor=bearer.actor, channel=channel, scope=bearer.scope, namespace=bearer.namespace, proof=bearer.proof
        )
        return await self.enter(shown)

    async def enter(self, caller: Caller, namespace: str | None = None) -> Caller:
        """The caller in a namespace, which is open from then on.

        Args:
            caller: Who asks.
            namespace: The one that it asks for; its own, or the one that the app lives in, if not given.

        Raises:
            PermissionDenied: It may not choose one.
            NamespaceNotFound: There is none, or none that it may know of.
        """
        entered = choose(caller, namespace, self.settings.namespace)
        await self._open_spaces.open(entered.namespace)
        return entered

    def local_caller(self, channel: str) -> Caller:
        """The user of this process, coming through ``channel``."""
        return Caller(actor=local_actor(), channel=channel, namespace=self.settings.namespace)

    async def here(self, channel: str = "sdk") -> tuple[Parts, Caller]:
        """Where a library call acts, and as whom: in the namespace of the workflow, handler or route that makes it."""
        parts, caller = await self.ready(), self.local_caller(channel)
        acting = ACTING.get()
        if acting is None or acting == caller.namespace or self.settings.namespace != DEFAULT:
            return parts, caller
        return await self._open_spaces.open(acting), replace(caller, namespace=acting)

    async def sdk(self, channel: str = "sdk") -> LocalService:
        """See ``Calls.sdk``."""
        parts, caller = await self.here(channel)
        return cast("LocalService", Noting(LocalService(parts, caller), parts.store, self._clock))

    async def sdk_for(self, token: str | None, channel: str) -> Service:
        """See ``Calls.sdk_for``."""
        await self.ready()
        if token is None:
            if self.settings.session_auth_required:
                error = AuthenticationRequired(
                    "session_auth_required is set: give auth_token, made with nexus tokens create", field="auth_token"
                )
                await self.refused(error, channel=channel, caller=self.local_caller(channel), action="create",
                                        kind="session", reason="without a token")  # fmt: skip
                raise error
            return await self.sdk(channel)
        try:
            return self.service(await self.caller_of_token(check_secret(token), channel))
        except AuthenticationRequired as error:
            raise AuthenticationRequired(error.message, field="auth_token") from None

    async def serve(
        self,
        host: str | None = None,
        port: int | None = None,
        *,
        insecure: bool = False,
        stop: asyncio.Event | None = None,
    ) -> None:
        """Serve HTTP and MCP until a signal comes, or ``stop`` is set; see ``nexus.channels.http``."""
        from nexus.channels.http import serve

        await serve(self, host=host, port=port, insecure=insecure, stop=stop)
