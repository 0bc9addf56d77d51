"""What users of the library call on an app: the contract's Python chapter, but for ``app.session_manager``.

Each call acts as the local user through the channel ``sdk``, in the namespace that the app lives in, or in that of the
workflow, handler or route that makes it. ``AsyncNexus`` adds what opens and closes; ``Nexus`` is the same for
synchronous code. Besides what each names, every call may raise ``StoreUnavailable``, and ``InvalidInput`` for an id
that is none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from nexus.configured import Configured
from nexus.local import LocalService
from nexus.manager import id_of
from nexus.model import RunResult, Session
from nexus.service import Service
from nexus.sessions.arguments import channel as check_channel
from nexus.sessions.records import Patch


class Calls(Configured, ABC):
    """Base of ``AsyncNexus``, which says through which service the calls go."""

    @abstractmethod
    async def sdk(self, channel: str = "sdk") -> LocalService:
        """The service for direct library calls, opened and started if need be."""

    @abstractmethod
    async def sdk_for(self, token: str | None, channel: str) -> Service:
        """The service of who shows a token; of the local user where none is shown or needed.

        Args:
            token: What was shown.
            channel: Where it came in.

        Raises:
            AuthenticationRequired: One is needed and none was shown, or it lets nobody in.
        """

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
        """Create a session.

        Args:
            channel: Where it begins: ``api``, ``cli``, ``mcp`` or ``sdk``.
            session_id: 1 to 128 of ``A-Z a-z 0-9 . _ : -``; a new one if not given.
            metadata: What is known of it from the start; a JSON object.
            state: What it begins with; a JSON object.
            parent_session: Its metadata, state, group, user and timeout are the child's too, what is given here laid
                over them. With the parent the child ends.
            group: An open group that it joins.
            user_id: Whose it is.
            timeout: Seconds without use after which it expires; 0 for never, ``session_timeout`` if not given.
            auth_token: Shows who creates it, and so owns it.

        Returns:
            Its id.

        Raises:
            AuthenticationRequired: ``session_auth_required`` is set and ``auth_token`` is not a valid token.
            PermissionDenied: The token's scope may not create any.
            SessionExists: The id is taken.
            SessionNotFound, GroupNotFound: There is no such parent or group.
            InvalidTransition: The parent or the group has ended.
            InvalidInput, PayloadTooLarge: Something given doesn't fit, or is larger than the settings allow.
            LimitExceeded: The owner or the group has as many as the settings allow.
        """
        service = await self.sdk_for(auth_token, check_channel(channel))
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

    async def get_session(self, session_id: str | Session) -> Session:
        """The session as last committed; one past ``expires_at`` reads as ``expired``.

        Raises:
            SessionNotFound: There is none.
        """
        return await (await self.sdk()).get_session(id_of(session_id))

    async def update_session(
        self, session_id: str | Session, patch: Patch, *, if_version: int | None = None
    ) -> Session:
        """Apply a JSON merge patch (RFC 7396) to the state, in one commit.

        Args:
            session_id: Which.
            patch: The patch; or a function from the current state (a copy of its own) to a patch, called again when
                another change came first, so that read-modify-write is atomic. ``last_activity`` in it just touches
                the session.
            if_version: Refuse with ``VersionConflict`` unless this is the current version.

        Returns:
            The session after it.

        Raises:
            SessionNotFound, SessionExpired: There is none, or it is past its time.
            InvalidTransition: It has ended.
            VersionConflict: The current version is another than ``if_version``.
            InvalidInput: The patch is no JSON, or sets another field of the session.
            PayloadTooLarge: The state would be larger than ``max_state_bytes``.
        """
        return await (await self.sdk()).patch_session(id_of(session_id), patch, if_version=if_version)

    async def end_session(
        self, session_id: str | Session, status: str = "completed", reason: str | None = None
    ) -> Session:
        """End a session, its live run, and its live descendants after it; one that has ended stays as it is.

        Args:
            session_id: Which.
            status: ``completed`` or ``cancelled``.
            reason: Told by the event and the audit.

        Returns:
            The session after it.

        Raises:
            SessionNotFound: There is none.
            InvalidInput: ``status`` is no ending.
        """
        return await (await self.sdk()).end_session(id_of(session_id), status=status, reason=reason)

    async def sync_session(self, session_id: str | Session, target_channel: str) -> Session:
        """Note that ``target_channel`` uses the session from now on, and give it.

        Raises:
            SessionNotFound, SessionExpired: There is none, or it is past its time.
            InvalidTransition: It has ended.
            InvalidInput: There is no such channel.
        """
        return await (await self.sdk()).sync_session(id_of(session_id), target_channel)

    async def fork_session(
        self, session_id: str | Session, checkpoint_id: str | None = None, *, new_session_id: str | None = None
    ) -> Session:
        """Copy a session as of a checkpoint, or as it is, into a new one; the source stays untouched.

        Args:
            session_id: The source.
            checkpoint_id: As of when; the current state if not given.
            new_session_id: The copy's id; a new one if not given.

        Returns:
            The new session: active, and ready to be resumed where the source's run had not ended by then.

        Raises:
            SessionNotFound, CheckpointNotFound: There is none.
            SessionExists: The new id is taken.
            InvalidTransition: A run is live in the source, and no checkpoint is named.
            LimitExceeded: The owner has as many as the settings allow.
        """
        service = await self.sdk()
        return await service.fork_session(id_of(session_id), checkpoint_id=checkpoint_id, new_session_id=new_session_id)

    async def signal_session(self, session_id: str | Session, name: str, payload: Any = None) -> Session:
        """Leave a signal: a run that waits for it, now or later, goes on with its payload.

        Args:
            session_id: Which.
            name: The signal's.
            payload: Any JSON value.

        Raises:
            SessionNotFound, SessionExpired: There is none, or it is past its time.
            InvalidTransition: It has ended.
            InvalidInput, PayloadTooLarge: The payload is no JSON, or larger than ``max_state_bytes``.
        """
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
        """Run a workflow in a session. Runs that want one session at once take turns.

        Args:
            workflow_name: Which.
            session_id: Where; created if there is none of that id, and a new one if not given.
            inputs: The workflow's, by name.
            background: Return as soon as the run is on its way.
            checkpoint_interval: Steps of a durable loop from one checkpoint to the next; the workflow's if not given.
            idempotency_key: Given again for the session, or without one by the same caller for the workflow, it gives
                what came of the first run, and runs nothing.

        Returns:
            What came of it: ``completed``, ``failed`` with its error, ``cancelled``, or ``suspended`` while it waits
            for a signal; in the background ``in_progress``.

        Raises:
            WorkflowNotFound, InvalidInput: Before anything is created or run.
            SessionBusy: Another run held the session for longer than ``session_lock_timeout``.
            SessionExpired, InvalidTransition: The session can't be used any more.
            WaitTimeout: All runs are left to workers, and there was none.
        """
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

        A live run is waited for, not run twice, also where it has passed ``checkpoint`` since. To go back is what
        ``resume_from_checkpoint`` means, and is refused then.

        Args:
            workflow_name: Which is meant to go on.
            session_id: Where.
            checkpoint: Whose state and step are put back first.
            inputs: Laid over the recorded ones.
            background: Return as soon as the run is on its way.

        Returns:
            What came of it, as ``execute_workflow`` tells it.

        Raises:
            SessionNotFound, CheckpointNotFound, WorkflowNotFound: There is none.
            SessionBusy: A run is live, and something else is asked for.
            InvalidTransition: The session has no way back, or nothing to resume.
            InvalidInput: The inputs don't fit, or another workflow has run there.
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
        """Put back a checkpoint's state and step, and go on from there; later checkpoints stay, as superseded.

        Args:
            session_id: Which.
            checkpoint_id: One of its checkpoints.
            inputs: Laid over the recorded ones.
            background: Return as soon as the run is on its way.

        Returns:
            What came of it, as ``execute_workflow`` tells it.

        Raises:
            SessionNotFound, CheckpointNotFound, WorkflowNotFound: There is none.
            SessionBusy: A run is live.
            InvalidTransition: The session has no way back.
            InvalidInput: The inputs don't fit.
        """
        service, name = await self.sdk(), id_of(session_id)
        return await service.resume_run(name, checkpoint_id=checkpoint_id, inputs=inputs, background=background)
