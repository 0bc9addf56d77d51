"""What clients send: one record for each kind of body and each set of query parameters.

A name that isn't declared here is refused with the closest one that is. Rules that depend on a session are
the service's; here stands only what holds for every request.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from nexus.model import CHANNELS
from nexus.model.bulk import BULK_ACTIONS, MOST_IN_BULK
from nexus.model.token import SCOPES
from nexus.service import DEFAULT_LIMIT, DEFAULT_SORT, MAX_LIMIT
from nexus.stores.base import SortField

ID_PATTERN = "^[A-Za-z0-9._:-]{1,128}$"
LONGEST = 100 * 365 * 86400.0
"""Seconds in a hundred years: longer spans are typing errors, and overflow dates."""

Id = Annotated[str, Meta(extra_json_schema={"pattern": ID_PATTERN})]
CheckpointName = Annotated[
    str, Meta(description="`checkpoint-N`", extra_json_schema={"pattern": "^checkpoint-[1-9][0-9]{0,17}$"})
]
Filter = Annotated[str, Meta(description="the filter language", extra_json_schema={"format": "nexus-filter"})]
Cursor = Annotated[
    str, Meta(description="`next_cursor` of the page before", extra_json_schema={"format": "nexus-cursor"})
]
Limit = Annotated[int, Meta(ge=1, le=MAX_LIMIT, description="items a page")]
Seconds = Annotated[float, Meta(ge=0, le=LONGEST)]
Ending = Annotated[str, Meta(extra_json_schema={"enum": ["completed", "cancelled"]})]
Channel = Annotated[str, Meta(extra_json_schema={"enum": list(CHANNELS)})]
Reason = Annotated[str, Meta(max_length=2000, description="shown with the event")]
_SORTS = [f"{sign}{field.value}" for field in SortField for sign in ("", "-")]


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all bodies and parameter sets."""

    ALIASES: ClassVar[dict[str, str]] = {}
    """Other names that are taken for a field: those that the answer shows it under."""


class NoBody(Asked, frozen=True, kw_only=True):
    """An empty object, or no body at all."""


class Execute(Asked, frozen=True, kw_only=True):
    """Run a workflow."""

    inputs: dict[str, Any] = {}
    session_id: Id | None = None
    background: bool = False
    checkpoint_interval: Annotated[int, Meta(ge=1, le=1_000_000, description="steps between commits")] | None = None


class CreateSession(Asked, frozen=True, kw_only=True):
    """Create a session, or with `reuse` give the live one of `user_id`."""

    ALIASES = {"id": "session_id", "parent_id": "parent_session", "group_id": "group"}

    session_id: Id | None = None
    channel: Channel | None = None
    metadata: dict[str, Any] | None = None
    state: dict[str, Any] | None = None
    parent_session: Id | None = None
    group: Id | None = None
    user_id: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    timeout: Annotated[Seconds, Meta(description="idle time-out in seconds; 0 for never")] | None = None
    reuse: Annotated[
        bool, Meta(description="give the live session of `user_id` if there is one; takes only `user_id` and `timeout`")
    ] = False


class Patch(Asked, frozen=True, kw_only=True):
    """A JSON merge patch (RFC 7396) of a session's state: any object, whole."""

    document: dict[str, Any]


class EndSession(Asked, frozen=True, kw_only=True):
    """End it; changes nothing if it has ended."""

    status: Ending = "completed"
    reason: Reason | None = None


class ExtendSession(Asked, frozen=True, kw_only=True):
    """Move `expires_at`, past max age if need be."""

    seconds: Annotated[float, Meta(gt=0, le=LONGEST)]


class ResumeSession(Asked, frozen=True, kw_only=True):
    """Go on with the last run, from a checkpoint if one is named."""

    checkpoint_id: CheckpointName | None = None
    inputs: Annotated[dict[str, Any], Meta(description="instead of the recorded ones")] | None = None
    workflow: str | None = None
    background: Annotated[bool, Meta(description="answer at once, not when the run has ended")] = False


class ForkSession(Asked, frozen=True, kw_only=True):
    """Copy a checkpoint, or the current state, into a new session."""

    checkpoint_id: CheckpointName | None = None
    session_id: Annotated[Id, Meta(description="of the new session")] | None = None


class SignalSession(Asked, frozen=True, kw_only=True):
    """Leave a signal; a run that waits for it goes on."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    payload: Annotated[Any, Meta(description="any JSON value")] = None


class BulkSessions(Asked, frozen=True, kw_only=True):
    """The same for many sessions: those of `ids`, or those that `q` matches."""

    action: Annotated[str, Meta(extra_json_schema={"enum": list(BULK_ACTIONS)})]
    ids: Annotated[tuple[Id, ...], Meta(description=f"at most {MOST_IN_BULK:,}")] | None = None
    q: (
        Annotated[str, Meta(description="the filter language; not empty", extra_json_schema={"format": "nexus-filter"})]
        | None
    ) = None
    versions: Annotated[
        dict[str, int],
        Meta(description="the version of each that was seen: what has another by now is left alone, as `drifted`"),
    ] = {}
    dry_run: Annotated[bool, Meta(description="say what would be done, and do nothing")] = False
    status: Annotated[Ending, Meta(description="for `end`")] = "completed"
    reason: Annotated[Reason, Meta(description="for `end`")] | None = None
    seconds: Annotated[float, Meta(gt=0, le=LONGEST, description="for `extend`")] = 600.0
    checkpoint_id: Annotated[CheckpointName, Meta(description="for `resume` and `fork`")] | None = None
    inputs: Annotated[dict[str, Any], Meta(description="for `resume`: laid over the recorded ones")] | None = None
    name: Annotated[str, Meta(min_length=1, max_length=128, description="for `signal`")] | None = None
    payload: Annotated[Any, Meta(description="for `signal`: any JSON value")] = None
    patch: Annotated[dict[str, Any], Meta(description="for `patch`: a JSON merge patch of the state")] | None = None


class SyncSession(Asked, frozen=True, kw_only=True):
    """Note that a channel uses the session from now on."""

    channel: Channel


class CreateGroup(Asked, frozen=True, kw_only=True):
    """Create a group, or give the open one of that name."""

    ALIASES = {"id": "group_id", "name": "group_id"}

    group_id: Id | None = None
    metadata: dict[str, Any] | None = None


class EndGroup(Asked, frozen=True, kw_only=True):
    """End the group and its live members."""

    status: Ending = "completed"
    reason: Reason | None = None


class CreateToken(Asked, frozen=True, kw_only=True):
    """Make a token."""

    name: Annotated[str, Meta(extra_json_schema={"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"})]
    scope: Annotated[str, Meta(extra_json_schema={"enum": list(SCOPES)})]
    expires_in: Annotated[float, Meta(gt=0, le=LONGEST, description="seconds; never if not given")] | None = None


class CreateNamespace(Asked, frozen=True, kw_only=True):
    """Make a namespace."""

    name: Annotated[str, Meta(extra_json_schema={"pattern": "^[a-z0-9][a-z0-9-]{0,39}$"})]


class RemoveNamespace(Asked, frozen=True, kw_only=True):
    """What goes with a namespace."""

    everything: Annotated[bool, Meta(description="the sessions, groups and tokens in it go too")] = False


class NoQuery(Asked, frozen=True, kw_only=True):
    """No parameters."""


class ListAudit(Asked, frozen=True, kw_only=True):
    """Which records of the audit."""

    q: Annotated[
        str,
        Meta(
            description="`actor:NAME action:end target:ID outcome:refused channel:cli age<1h`, and words in the target",
            extra_json_schema={"format": "nexus-audit-filter"},
        ),
    ] = ""
    cursor: (
        Annotated[
            str,
            Meta(
                description="`next_cursor` of the page before",
                extra_json_schema={"pattern": "^([a-z0-9]{0,8}=[0-9]{1,18}(,[a-z0-9]{0,8}=[0-9]{1,18})*)?$"},
            ),
        ]
        | None
    ) = None
    limit: Limit = DEFAULT_LIMIT
    newest: Annotated[bool, Meta(description="newest first")] = False


class ListSessions(Asked, frozen=True, kw_only=True):
    """Which sessions: a page by `cursor`, or rows by rank with `offset` or `stride`."""

    q: Filter = ""
    sort: Annotated[str, Meta(extra_json_schema={"enum": _SORTS})] = DEFAULT_SORT
    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = None
    offset: (
        Annotated[int, Meta(ge=0, le=(1 << 62) - 1, description="rank of the first row: answers a window")]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    stride: (
        Annotated[int, Meta(ge=1, le=(1 << 62) - 1, description="how far the ranks of a window's rows are apart")]
        | msgspec.UnsetType
    ) = msgspec.UNSET


class ListPage(Asked, frozen=True, kw_only=True):
    """A page."""

    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = None


class ListCheckpoints(Asked, frozen=True, kw_only=True):
    """A page; a whole session's checkpoints fit in one."""

    limit: Limit = MAX_LIMIT
    cursor: Cursor | None = None


class ListEvents(Asked, frozen=True, kw_only=True):
    """A page of one session's events."""

    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = None
    newest: Annotated[bool, Meta(description="the last `limit` of them instead of the first, still ascending")] = False


class Diff(Asked, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Two states: each a checkpoint id, `start` (empty) or `current`."""

    from_: Annotated[str, Meta(extra_json_schema={"pattern": "^(start|current|checkpoint-[1-9][0-9]{0,17})$"})] = (
        "start"
    )
    to: Annotated[str, Meta(extra_json_schema={"pattern": "^(start|current|checkpoint-[1-9][0-9]{0,17})$"})] = "current"


class WaitGroup(Asked, frozen=True, kw_only=True):
    """How long to wait, in seconds."""

    timeout: Annotated[float, Meta(ge=0, le=3600)] = 30.0


class RecentEvents(Asked, frozen=True, kw_only=True):
    """The last events of all sessions."""

    q: Filter = ""
    limit: Limit = 100


class StreamEvents(Asked, frozen=True, kw_only=True):
    """Which events, and from where."""

    q: Filter = ""
    cursor: (
        Annotated[
            str,
            Meta(description="as `Last-Event-ID`, for clients that can't set headers; `0` starts at the oldest kept"),
        ]
        | None
    ) = None
