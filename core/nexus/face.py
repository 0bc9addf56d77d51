"""``Nexus``: ``AsyncNexus`` for synchronous code, over one background event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from nexus.app import AsyncNexus
from nexus.background import BackgroundLoop
from nexus.manager import SessionManager
from nexus.model import RunResult, Session
from nexus.registration import Declarations
from nexus.sessions.clock import Clock
from nexus.sessions.records import Patch
from nexus.settings import Settings

T = TypeVar("T")

_STOPPING = 20.0
"""Seconds that a server has to stop in order, before it is stopped anyway."""


class Nexus(Declarations):
    """Nexus for synchronous code: each call is its namesake of ``nexus.calls.Calls``, waited for.

    Safe to use from any number of threads. A call from inside a running event loop raises
    ``SyncCallInEventLoop`` and names the async call to use.
    """

    def __init__(self, *, clock: Clock | None = None, **settings: Any) -> None:
        self.core = AsyncNexus(clock=clock, **settings)
        super().__init__(self.core.registry, self.core.routes, self.core.handlers)
        self._loop = BackgroundLoop()
        self._serving: dict[asyncio.Event, threading.Event] = {}
        """Servers that run, by what tells them to stop, with what says that they have."""
        self.session_manager = SessionManager(self.core, self._call)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.core.settings

    def _call(self, coroutine: Coroutine[Any, Any, T], name: str) -> T:
        # Open already in a loop that isn't ours, it is run by somebody else: `nexus serve`, say.
        return self._loop.call(coroutine, name, home=self.core.home)

    def __enter__(self) -> Self:
        self._call(self.core.open(), "open")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop what runs here, ``serve`` in another thread too; hand unfinished runs over, close the store and end the
        background loop."""
        for stop, stopped in tuple(self._serving.items()):
            self._loop.tell(stop.set)
            stopped.wait(_STOPPING)
        self._call(self.core.close(), "close")
        self._loop.stop()

    def serve(self, host: str | None = None, port: int | None = None, *, insecure: bool = False) -> None:
        """Serve HTTP and MCP until SIGINT or SIGTERM (in the main thread), or ``close`` from another; then shut down in
        order."""
        stop, stopped = asyncio.Event(), threading.Event()
        serving = self.core.serve(host, port, insecure=insecure, stop=stop)
        self._serving[stop] = stopped
        try:
            self._loop.call(serving, "serve", stop=stop)
        finally:
            stopped.set()
            del self._serving[stop]

    def create_session(
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
        """Create a session and give its id; see ``Calls.create_session``."""
        created = self.core.create_session(
            channel,
            session_id=session_id,
            metadata=metadata,
            state=state,
            parent_session=parent_session,
            group=group,
            user_id=user_id,
            timeout=timeout,
            auth_token=auth_token,
        )
        return self._call(created, "create_session")

    def get_session(self, session_id: str | Session) -> Session:
        """The session; ``SessionNotFound`` if there is none."""
        return self._call(self.core.get_session(session_id), "get_session")

    def update_session(self, session_id: str | Session, patch: Patch, *, if_version: int | None = None) -> Session:
        """Apply a JSON merge patch, or a function from the state to one, to the state."""
        return self._call(self.core.update_session(session_id, patch, if_version=if_version), "update_session")

    def end_session(self, session_id: str | Session, status: str = "completed", reason: str | None = None) -> Session:
        """End it as ``completed`` or ``cancelled``, and its live descendants."""
        return self._call(self.core.end_session(session_id, status, reason), "end_session")

    def sync_session(self, session_id: str | Session, target_channel: str) -> Session:
        """Note that ``target_channel`` uses the session from now on, and give it."""
        return self._call(self.core.sync_session(session_id, target_channel), "sync_session")

    def fork_session(
        self, session_id: str | Session, checkpoint_id: str | None = None, *, new_session_id: str | None = None
    ) -> Session:
        """Copy a checkpoint, or the current state, into a new session; the new session."""
        forked = self.core.fork_session(session_id, checkpoint_id, new_session_id=new_session_id)
        return self._call(forked, "fork_session")

    def signal_session(self, session_id: str | Session, name: str, payload: Any = None) -> Session:
        """Leave a signal; a run that waits for it goes on."""
        return self._call(self.core.signal_session(session_id, name, payload), "signal_session")

    def execute_workflow(
        self,
        workflow_name: str,
        session_id: str | Session | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        background: bool = False,
        checkpoint_interval: int | None = None,
        idempotency_key: str | None = None,
    ) -> RunResult:
        """Run a workflow in a session, a new one if none is given; see ``Calls.execute_workflow``."""
        executed = self.core.execute_workflow(
            workflow_name,
            session_id,
            inputs,
            background=background,
            checkpoint_interval=checkpoint_interval,
            idempotency_key=idempotency_key,
        )
        return self._call(executed, "execute_workflow")

    def resume_workflow(
        self,
        workflow_name: str,
        session_id: str | Session,
        checkpoint: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        background: bool = False,
    ) -> RunResult:
        """Go on with the session's run of a workflow, from a checkpoint if given; see ``Calls.resume_workflow``."""
        resumed = self.core.resume_workflow(workflow_name, session_id, checkpoint, inputs, background=background)
        return self._call(resumed, "resume_workflow")

    def resume_from_checkpoint(
        self,
        session_id: str | Session,
        checkpoint_id: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        background: bool = False,
    ) -> RunResult:
        """Put back a checkpoint's state and step, and go on; see ``Calls.resume_from_checkpoint``."""
        resumed = self.core.resume_from_checkpoint(session_id, checkpoint_id, inputs, background=background)
        return self._call(resumed, "resume_from_checkpoint")
