"""``Service``: everything that can be done to sessions, as one caller may do it.

Every door speaks to this interface: HTTP routes, MCP tools, the command line and the console. It has two
implementations that behave alike: the local one (``AsyncNexus.service(caller)``) and the HTTP client
(``nexus.channels.client.RemoteService``), so that what works on a store works on a server. A service is bound to one
``Caller``, whose actor and channel stand on every event it causes. Errors are those of ``nexus.errors``; times seconds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from nexus.model import (
    AuditRecord,
    AuditVerdict,
    Caller,
    Checkpoint,
    Event,
    Group,
    Page,
    Run,
    RunResult,
    Session,
    Statistics,
    Window,
    Worker,
    WorkflowInfo,
)
from nexus.model.bulk import BulkReport, BulkRequest
from nexus.model.namespace import Namespace, NamespaceContents
from nexus.model.token import NewToken, Token
from nexus.stores.base import Health

DEFAULT_LIMIT = 50
MAX_LIMIT = 1000
DEFAULT_SORT = "-created_at"


class FeedItem(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a feed with the cursor that resumes behind it.

    ``event`` is ``None`` when the feed only says something: it has caught up with what was there (``live``), events
    between the cursor given and the oldest kept are gone (``trimmed``), or, with neither, it has read on to ``cursor``
    past events that the filter left out.
    """

    cursor: str
    event: Event | None = None
    live: bool = False
    trimmed: bool = False


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What changed between two states: JSON-path-like keys to old and new values."""

    from_: str
    to: str
    added: dict[str, Any]
    removed: dict[str, Any]
    changed: dict[str, tuple[Any, Any]]

    def to_dict(self) -> dict[str, Any]:
        """JSON values: ``from, to, added, removed, changed: {path: {from, to}}``."""
        return {
            "from": self.from_, "to": self.to, "added": self.added, "removed": self.removed,
            "changed": {path: {"from": old, "to": new} for path, (old, new) in self.changed.items()},
        }  # fmt: skip


class Service(Protocol):
    """What one caller can do. A ``limit`` is up to 1000, a ``cursor`` the ``next_cursor`` of the page before.

    Where a method says no more, it raises the ``NotFound`` of what it names; for a change also ``SessionExpired``,
    ``InvalidTransition`` (it has ended) and ``VersionConflict`` (``if_version`` isn't current); and ``InvalidInput``,
    ``PermissionDenied`` (the caller's scope doesn't reach) and ``StoreUnavailable``."""

    caller: Caller

    # -- sessions

    async def create_session(
        self,
        *,
        session_id: str | None = None,
        channel: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        parent_session: str | None = None,
        group: str | None = None,
        user_id: str | None = None,
        timeout: float | None = None,
    ) -> Session:
        """Create a session. ``channel`` defaults to the caller's; ``timeout`` 0 means that idling never ends it.

        Raises:
            SessionExists: The id is taken.
            SessionNotFound: No such parent.
            InvalidTransition: The parent or the group has ended.
            GroupNotFound, InvalidInput, PayloadTooLarge: As they say.
        """
        ...

    async def get_session(self, session_id: str) -> Session:
        """The session; one past ``expires_at`` reads as ``expired``. ``SessionNotFound`` if there is none."""
        ...

    async def get_run(self, session_id: str) -> Run | None:
        """The current or last run of a session with all that is known of it, ``None`` before the first."""
        ...

    async def exists(self, session_id: str) -> bool:
        """Whether there is such a session and it has not expired."""
        ...

    async def list_sessions(
        self, q: str = "", *, sort: str = DEFAULT_SORT, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Session]:
        """A page of the sessions that ``q`` (filter language) matches, with ``total``."""
        ...

    async def window(
        self, q: str = "", *, sort: str = "-last_activity", offset: int = 0, limit: int = 50, stride: int = 1
    ) -> Window[Session]:
        """Rows by rank for a virtual table, or with ``stride`` above 1 those at every so many ranks.

        Where rows by stride cost a search each, fewer may come, farther apart: the window's ``stride`` says how far.
        """
        ...

    async def patch_session(
        self, session_id: str, patch: Mapping[str, Any], *, if_version: int | None = None
    ) -> Session:
        """Apply a JSON merge patch to ``state``; ``VersionConflict`` if ``if_version`` is no longer current."""
        ...

    async def end_session(
        self, session_id: str, *, status: str = "completed", reason: str | None = None, if_version: int | None = None
    ) -> Session:
        """End it as ``completed`` or ``cancelled``, and its live descendants; no change if it has ended already."""
        ...

    async def extend_session(self, session_id: str, seconds: float, *, if_version: int | None = None) -> Session:
        """Move ``expires_at`` by ``seconds``, beyond max age too."""
        ...

    async def undo_session(self, session_id: str, *, if_version: int | None = None) -> Session:
        """Undo the session's last change, if that was an end or an extension.

        With an end, what it ended below is opened again as well, and a run that it stopped goes on.

        Raises:
            InvalidTransition: Something else has changed it since, or it would be expired by now.
        """
        ...

    async def bulk(self, request: BulkRequest) -> BulkReport:
        """Do the same to many sessions; each by itself, so that one refusal stops no other.

        Returns:
            What came of each, in the order of the request (or, for a filter, of creation, newest first).

        Raises:
            InvalidInput: The request contradicts itself, or is about more sessions than ``MOST_IN_BULK``.
        """
        ...

    async def sync_session(self, session_id: str, channel: str) -> Session:
        """Note that ``channel`` uses the session from now on, and give it."""
        ...

    async def resume_session(
        self,
        session_id: str,
        *,
        checkpoint_id: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        workflow: str | None = None,
        background: bool = True,
        if_version: int | None = None,
    ) -> Session:
        """Go on with the last run, from ``checkpoint_id`` if given; the session after it.

        With ``background`` it returns as soon as the run is on its way, otherwise when it has ended.
        """
        ...

    async def fork_session(
        self, session_id: str, *, checkpoint_id: str | None = None, new_session_id: str | None = None
    ) -> Session:
        """Copy a checkpoint, or the current state, into a new session; the new session."""
        ...

    async def signal_session(
        self, session_id: str, name: str, payload: Any = None, *, if_version: int | None = None
    ) -> Session:
        """Leave a signal; a run that waits for it goes on. ``InvalidTransition`` if the session has ended."""
        ...

    async def get_or_create(self, user_id: str, *, ttl: float | None = None) -> Session:
        """The user's live session, or a new one with time-out ``ttl``; races of processes give one session."""
        ...

    # -- history

    async def list_checkpoints(
        self, session_id: str, *, cursor: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[Checkpoint]:
        """Ascending, without state."""
        ...

    async def get_checkpoint(self, session_id: str, checkpoint_id: str) -> Checkpoint:
        """One checkpoint with its state."""
        ...

    async def list_events(
        self, session_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT, newest: bool = False
    ) -> Page[Event]:
        """The session's events, ascending; with ``newest`` the last ``limit`` of them."""
        ...

    async def list_children(
        self, session_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Session]:
        """Direct children in order of creation."""
        ...

    async def diff(self, session_id: str, from_: str, to: str = "current") -> Difference:
        """Compare two states: each a checkpoint id, ``start`` (empty) or ``current``."""
        ...

    # -- workflows

    async def execute(
        self,
        workflow: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        session_id: str | None = None,
        background: bool = False,
        checkpoint_interval: int | None = None,
        idempotency_key: str | None = None,
    ) -> RunResult:
        """Run a workflow in a session, creating it when there is none of that id (or no id is given).

        Returns:
            The result; in the background, one with status ``in_progress``.

        Raises:
            WorkflowNotFound, InvalidInput: Before anything is created or run.
            SessionBusy: Another run held the session for too long.
            SessionExpired, InvalidTransition: The session can't be used any more.
        """
        ...

    async def list_workflows(self) -> list[WorkflowInfo]:
        """All registered workflows by name."""
        ...

    async def get_workflow(self, name: str) -> WorkflowInfo:
        """One of them, or ``WorkflowNotFound``."""
        ...

    # -- groups

    async def create_group(self, group_id: str | None = None, *, metadata: Mapping[str, Any] | None = None) -> Group:
        """Create a group, or give the open one of that name; one that had ended is opened again."""
        ...

    async def get_group(self, group_id: str) -> Group:
        """The group with its counts."""
        ...

    async def list_groups(self, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[Group]:
        """Newest first, with ``total``."""
        ...

    async def end_group(self, group_id: str, *, status: str = "completed", reason: str | None = None) -> Group:
        """End the group and all its live members."""
        ...

    async def wait_group(self, group_id: str, timeout: float | None = None) -> Group:
        """Wait until no member has work left; ``WaitTimeout`` after ``timeout`` seconds.

        A member has none left when it has ended or failed, or is active after a finished run.
        """
        ...

    # -- everything

    async def statistics(self) -> Statistics:
        """Figures over all sessions, at a cost that doesn't depend on how many there are."""
        ...

    async def workers(self) -> list[Worker]:
        """The processes that execute runs on this store."""
        ...

    async def recent_events(self, q: str = "", limit: int = 100) -> Sequence[Event]:
        """The last events of all sessions, ascending."""
        ...

    def feed(self, q: str = "", *, cursor: str | None = None) -> AsyncIterator[FeedItem]:
        """Events as they are committed, by any process; from behind ``cursor``, or from now on.

        ``q`` is the filter language over the event's session, with ``type:`` for event types besides. At least
        once, in order; close the iterator to stop.
        """
        ...

    # -- tokens

    async def create_token(self, name: str, scope: str, *, expires_in: float | None = None) -> NewToken:
        """Make a token; its secret is told this once.

        Args:
            name: The actor of all that it does.
            scope: ``run``, ``read``, ``operate`` or ``admin``.
            expires_in: Seconds; ``None`` for never.

        Raises:
            TokenExists: There is one of that name.
            PermissionDenied: The caller's scope is not ``admin``.
        """
        ...

    async def list_tokens(self) -> list[Token]:
        """All tokens by name, without secrets."""
        ...

    async def revoke_token(self, name: str) -> Token:
        """Remove a token: within two seconds it lets nobody in anywhere. ``TokenNotFound`` if there is none."""
        ...

    # -- namespaces

    async def create_namespace(self, name: str) -> Namespace:
        """Make a namespace.

        Args:
            name: 1 to 40 of ``a-z 0-9 -``, the first a letter or digit.

        Raises:
            NamespaceExists: There is one of that name, or it is still being removed.
            PermissionDenied: The caller isn't an admin of the store itself.
        """
        ...

    async def list_namespaces(self) -> list[Namespace]:
        """All namespaces by name, without the store itself; raises as ``create_namespace``."""
        ...

    async def get_namespace(self, name: str) -> NamespaceContents:
        """A namespace with how much is in it; ``NamespaceNotFound`` if there is none."""
        ...

    async def remove_namespace(self, name: str, *, everything: bool = False) -> NamespaceContents:
        """Remove a namespace: at once it lets nobody in, and when this returns nothing is left of it.

        Args:
            name: Which.
            everything: Remove the sessions, groups and tokens in it too.

        Returns:
            What it held.

        Raises:
            NamespaceNotFound: There is none.
            NamespaceNotEmpty: It holds something, and ``everything`` wasn't said; nothing was changed.
            StoreUnavailable: It was cut short: it still lets nobody in, and can be removed again.
        """
        ...

    # -- audit

    async def audit(
        self, q: str = "", *, cursor: str | None = None, limit: int = DEFAULT_LIMIT, newest: bool = False
    ) -> Page[AuditRecord]:
        """Who changed what, and who was refused to, oldest first; with ``newest`` newest first.

        Args:
            q: ``actor:NAME action:end target:ID kind:token outcome:refused channel:cli code:CODE age<1h``, and words
                in the target.
            cursor: ``next_cursor`` of the page before. A page whose filter matches few may be short and have one.
            limit: Records a page.
            newest: From the newest back.

        Raises:
            PermissionDenied: The caller's scope is not ``admin``.
        """
        ...

    async def verify_audit(self) -> AuditVerdict:
        """Work out all hashes of the audit again, and locate the first record that isn't as it was written."""
        ...

    async def health(self) -> Health:
        """Whether the store answers."""
        ...
