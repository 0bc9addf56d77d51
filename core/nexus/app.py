"""``AsyncNexus``: the composition root, and every call of the contract's Python chapter in its native form.

Making one opens nothing: the store opens with the first call (or ``open``), and this process executes
runs and sweeps from then on. ``Nexus`` (``nexus.face``) is the same surface for synchronous code.
"""

from __future__ import annotations

import asyncio
import functools
import getpass
import os
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from nexus.audit import Door, Noting
from nexus.auth import GuardedService, Rules
from nexus.auth.tokens import check_secret
from nexus.bulk import carry_out
from nexus.errors import AuthenticationRequired, InvalidInput, NamespaceNotFound, NexusError
from nexus.local import LocalService
from nexus.manager import AsyncSessionManager, id_of
from nexus.model import Caller, RunResult, Session
from nexus.model.namespace import DEFAULT
from nexus.parts import Parts, assemble
from nexus.redacted import RedactedService, hides_from
from nexus.registration import Declarations
from nexus.service import Service
from nexus.sessions.arguments import channel as check_channel
from nexus.sessions.clock import Clock, SystemClock
from nexus.sessions.handlers import Handlers
from nexus.sessions.records import Patch
from nexus.settings import Settings, load_settings
from nexus.stores.base import Store
from nexus.stores.durability import require_durability
from nexus.stores.opening import default_store_url, open_store
from nexus.workflows.executors.choosing import by_docket
from nexus.workflows.registry import Registry

if TYPE_CHECKING:
    from nexus.archive.opening import PersistentStore


class AsyncNexus(Declarations):
    """Nexus for asynchronous code.

    Args:
        clock: Tells the time; the machine's by default.
        settings: The fields of ``Settings`` (``session_backend``, ``store``, ``session_timeout`` …); explicit ones
            win over ``NEXUS_<NAME>`` in the environment, and those over ``nexus.toml``.

    Raises:
        InvalidInput: A setting is unknown or doesn't fit.
    """

    def __init__(self, *, clock: Clock | None = None, **settings: Any) -> None:
        super().__init__(Registry(), [], Handlers())
        self.settings: Settings = load_settings(settings)
        self._rules = Rules(self.settings.redact)
        self._given = {key: value for key, value in settings.items() if value is not None}
        self._clock = clock or SystemClock()
        self._parts: Parts | None = None
        self._door: Door | None = None
        self._opening = asyncio.Lock()
        self._started = False
        self._archive: PersistentStore | None = None
        self.session_manager = AsyncSessionManager(self)

    # -- life

    async def open(self) -> None:
        """Open the store; nothing happens if it is open."""
        async with self._opening:
            if self._parts is None:
                url = store_url(self.settings)
                by_docket(self.settings, url)
                store = open_store(
                    url,
                    prefix=self.settings.session_prefix,
                    min_replicas=self.settings.redis_min_replicas,
                    replica_timeout=self.settings.redis_replica_timeout,
                )
                if self.settings.session_persistence:
                    store = self._archived(store)
                await store.__aenter__()
                self._door = Door(store, self._clock)
                self._parts = assemble(
                    store, self._clock, self.settings, self.handlers, self.registry, url, self._rules
                )

    def _archived(self, live: Store) -> Store:
        """The store with its archive, where it has one: any other loses nothing with the process."""
        # Its class is asked, because it isn't open yet.
        if not hasattr(type(live), "outboxes"):
            return live
        from nexus.archive.opening import archived_store

        self._archive = archived_store(live, self.settings.database_url, self.settings.archive_retention)
        return self._archive

    async def start(self) -> None:
        """Execute runs, recover those of dead processes and sweep, in this process, until ``close``.

        Where ``embedded_worker`` is off it executes none, and leaves all to workers.

        Raises:
            StoreUnavailable: The store keeps less than ``require_durability`` says.
        """
        await self.open()
        parts = self.parts
        if not self._started:
            self._started = True
            await self._check_durability(parts.store)
            if self._archive is not None:
                self._archive.start()
            parts.sweeper.start()
            await parts.executor.start()

    async def _check_durability(self, store: Store) -> None:
        if self.settings.require_durability != "none":
            try:
                await require_durability(store, self.settings.require_durability)
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
            parts, self._parts, self._started = self._parts, None, False
        if parts is not None:
            if self._door is not None:
                await self._door.close()
            await parts.close(self.settings.worker_grace if grace is None else grace)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def parts(self) -> Parts:
        """The open parts.

        Raises:
            InvalidInput: Nothing is open; use ``async with``, or call ``open`` first.
        """
        if self._parts is None:
            raise InvalidInput("this Nexus is not open: use `async with app:` or call `await app.open()` first")
        return self._parts

    @property
    def store(self) -> Store:
        """The open store."""
        return self.parts.store

    def service(self, caller: Caller) -> Service:
        """What ``caller`` may do, by its scope. The store must be open.

        Raises:
            PermissionDenied: It asks for hidden values, and may not see them.
            NamespaceNotFound: It acts in a namespace that isn't open here.
        """
        parts = self.parts
        if caller.namespace != DEFAULT:
            raise NamespaceNotFound(f"there is no namespace {caller.namespace}", namespace=caller.namespace)
        hidden = hides_from(self._rules, caller)
        service: Service = RedactedService(parts, caller, self._rules) if hidden else LocalService(parts, caller)
        if caller.scope != "admin":
            service = GuardedService(service, functools.partial(carry_out, parts.engine))
        return cast("Service", Noting(service, parts.store, self._clock))

    async def refused(self, error: NexusError, **about: Any) -> None:
        """Write down what was refused before any service was asked; see ``nexus.audit.Door.refused``."""
        if self._door is not None:
            await self._door.refused(error, **about)

    async def caller_of_token(self, secret: str, channel: str, address: str = "") -> Caller:
        """Who shows a token, and what they may do; ``address`` is where it was shown.

        The actor is the token's name, or ``jwt:`` and the identity provider's name for them.

        Raises:
            AuthenticationRequired: It lets nobody in: unknown, revoked, expired, or not for this server.
            PermissionDenied: It is the identity provider's, and carries no scope.
        """
        try:
            bearer = await self.parts.verifier.identify(secret)
        except AuthenticationRequired as error:
            await self.refused(
                error, channel=channel, address=address, action="authenticate",
                reason="a token that is unknown, revoked or expired",
            )  # fmt: skip
            raise
        return Caller(
            actor=bearer.actor, channel=channel, scope=bearer.scope, namespace=bearer.namespace, proof=bearer.proof
        )

    def local_caller(self, channel: str) -> Caller:
        """The user of this process, coming through ``channel``."""
        return Caller(actor=local_actor(), channel=channel)

    async def sdk(self, channel: str = "sdk") -> LocalService:
        """The service for direct library calls, opened and started if need be."""
        parts = await self.ready()
        service = LocalService(parts, self.local_caller(channel))
        return cast("LocalService", Noting(service, parts.store, self._clock))

    def derive(self, **settings: Any) -> AsyncNexus:
        """An app with the same workflows, routes and handlers and some other settings; open it by itself."""
        given = {key: value for key, value in settings.items() if value is not None}
        other = AsyncNexus(clock=self._clock, **{**self._given, **given})
        other.registry, other.routes, other.handlers = self.registry, self.routes, self.handlers
        return other

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

    # -- sessions

    async def create_session(
        self,
        channel: str = "api",
        *,
        session_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        parent_session: str | Session | None = None,
        group: str | None = None,
        user_id: str | None = None,
        timeout: float | None = None,
        auth_token: str | None = None,
    ) -> str:
        """Create a session and give its id; see ``Service.create_session``.

        Raises:
            AuthenticationRequired: ``session_auth_required`` is set and ``auth_token`` is not a valid token.
        """
        service = await self._sdk_for(auth_token, check_channel(channel))
        session = await service.create_session(
            session_id=session_id,
            metadata=metadata,
            state=state,
            parent_session=None if parent_session is None else id_of(parent_session),
            group=group,
            user_id=user_id,
            timeout=timeout,
        )
        return session.id

    async def _sdk_for(self, token: str | None, channel: str) -> Service:
        """The service of who shows the token; of the local user where none is shown or needed."""
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

    async def get_session(self, session_id: str | Session) -> Session:
        """The session; ``SessionNotFound`` if there is none."""
        return await (await self.sdk()).get_session(id_of(session_id))

    async def update_session(
        self, session_id: str | Session, patch: Patch, *, if_version: int | None = None
    ) -> Session:
        """Apply a JSON merge patch (RFC 7396) to the state.

        Args:
            session_id: Which.
            patch: The patch; or a function from the current state (a copy of its own) to a patch, called again when
                another change came first, so that read-modify-write is atomic.
            if_version: Refuse with ``VersionConflict`` unless this is the current version.
        """
        return await (await self.sdk()).patch_session(id_of(session_id), patch, if_version=if_version)

    async def end_session(
        self, session_id: str | Session, status: str = "completed", reason: str | None = None
    ) -> Session:
        """End it as ``completed`` or ``cancelled``, and its live descendants."""
        return await (await self.sdk()).end_session(id_of(session_id), status=status, reason=reason)

    async def sync_session(self, session_id: str | Session, target_channel: str) -> Session:
        """Note that ``target_channel`` uses the session from now on, and give it."""
        return await (await self.sdk()).sync_session(id_of(session_id), target_channel)

    async def fork_session(
        self, session_id: str | Session, checkpoint_id: str | None = None, *, new_session_id: str | None = None
    ) -> Session:
        """Copy a checkpoint, or the current state, into a new session; the new session."""
        service = await self.sdk()
        return await service.fork_session(id_of(session_id), checkpoint_id=checkpoint_id, new_session_id=new_session_id)

    async def signal_session(self, session_id: str | Session, name: str, payload: Any = None) -> Session:
        """Leave a signal; a run that waits for it goes on."""
        return await (await self.sdk()).signal_session(id_of(session_id), name, payload)

    # -- workflows

    async def execute_workflow(
        self,
        workflow_name: str,
        session_id: str | Session | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        background: bool = False,
        checkpoint_interval: int | None = None,
        idempotency_key: str | None = None,
    ) -> RunResult:
        """Run a workflow in a session (a new one if none is given); see ``Service.execute``."""
        service = await self.sdk()
        return await service.execute(
            workflow_name,
            inputs,
            session_id=None if session_id is None else id_of(session_id),
            background=background,
            checkpoint_interval=checkpoint_interval,
            idempotency_key=idempotency_key,
        )

    async def resume_workflow(
        self,
        workflow_name: str,
        session_id: str | Session,
        checkpoint: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        background: bool = False,
    ) -> RunResult:
        """Go on with the session's run of ``workflow_name``, from ``checkpoint`` if given.

        A run that another process is executing is waited for, not run twice.
        """
        return await (await self.sdk()).resume_run(
            id_of(session_id), checkpoint_id=checkpoint, inputs=inputs, workflow=workflow_name, background=background
        )

    async def resume_from_checkpoint(
        self,
        session_id: str | Session,
        checkpoint_id: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        background: bool = False,
    ) -> RunResult:
        """Put back a checkpoint's state and step, and go on from there."""
        service, name = await self.sdk(), id_of(session_id)
        return await service.resume_run(name, checkpoint_id=checkpoint_id, inputs=inputs, background=background)


@functools.cache
def local_actor() -> str:
    """``local:<os user>``."""
    try:
        return f"local:{getpass.getuser()}"
    except (OSError, KeyError, ImportError):
        return f"local:{os.getuid()}" if hasattr(os, "getuid") else "local:unknown"


def store_url(settings: Settings) -> str:
    """The store that the settings name: ``store`` wins over ``session_backend``.

    ``memory`` with ``session_persistence`` is the SQLite file (``database_url`` or the default one): what is written
    through is then all there, and nothing is lost with the process. Redis with it is archived in that database.
    """
    if settings.store is not None:
        return settings.store
    if settings.session_backend == "redis":
        return settings.redis_url
    if settings.session_backend == "memory" and not settings.session_persistence:
        return "memory://"
    return settings.database_url or default_store_url()
