"""What a server says: one record for each kind of answer, in the order in which its fields are shown.

The same declarations encode answers, are their JSON Schema in ``/openapi.json``, and decode them in the client.
They say exactly what the models' ``to_dict`` says, with documents kept as the bytes that the store holds: a
state is never decoded only to be encoded again.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from nexus.model import RunStatus, Status
from nexus.model.bulk import Outcome

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"}, description="UTC, ISO 8601")]
Document = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"})]
Value = Annotated[msgspec.Raw, Meta(description="any JSON value; `null` also where there is none yet")]


class SessionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A session as of one version."""

    id: str
    status: Status
    channel: Annotated[str, Meta(description="where it began")]
    channels: Annotated[tuple[str, ...], Meta(description="all it has been used from, in order of first use")]
    user_id: str | None
    owner: Annotated[str, Meta(description="the actor that created it")]
    metadata: dict[str, Any]
    state: Document
    parent_id: str | None
    group_id: str | None
    workflow: str | None
    run_id: str | None
    step: Annotated[int, Meta(description="steps completed in the current or last run")]
    last_checkpoint: str | None
    error: str | None
    version: Annotated[int, Meta(description="rises by 1 with every commit")]
    created_at: Time
    last_activity: Time
    expires_at: Time | None
    ended_at: Time | None
    timeout: Annotated[float, Meta(description="idle time-out in seconds")] | None
    max_age: Annotated[float, Meta(description="hard limit from its creation in seconds")] | None


class SessionList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of sessions."""

    items: tuple[SessionAnswer, ...]
    next_cursor: Annotated[str, Meta(description="give it as `cursor` for the next page")] | None
    total: Annotated[int, Meta(description="all that match")] | None


class BulkItemAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one session of many."""

    session_id: str
    outcome: Annotated[
        Outcome,
        Meta(
            description="`done`; `unchanged`: it was so already; `planned`: a dry run would do it; `drifted`: its"
            " version is another than the one given; `refused`: `error` says why; `untried`: the store went away before"
        ),
    ]
    status: Annotated[str, Meta(description="the session's, after it")] | None
    version: int | None
    made: Annotated[str, Meta(description="the session that a fork made")] | None
    error: Annotated[dict[str, Any], Meta(description="a problem, with its `code`")] | None


class BulkReportAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of all."""

    action: str
    dry_run: bool
    matched: Annotated[int, Meta(description="how many sessions it was about")]
    counts: Annotated[dict[str, int], Meta(description="how many came to which outcome")]
    items: tuple[BulkItemAnswer, ...]


class SessionWindow(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions by rank, for a virtual table."""

    items: tuple[SessionAnswer, ...]
    offset: int
    total: Annotated[int, Meta(description="how many match")]
    whole: Annotated[int, Meta(description="how many there are without the filter")]
    stride: Annotated[int, Meta(description="how far ranks are apart: as asked, or a multiple with fewer rows")] = 1


class CheckpointAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stored snapshot of a session's state; `state` only when it is asked for alone."""

    id: str
    session_id: str
    step: int
    workflow: str | None
    run_id: str | None
    created_at: Time
    superseded: Annotated[bool, Meta(description="left behind by a resume from an earlier one")]
    state: Document | msgspec.UnsetType = msgspec.UNSET


class CheckpointList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of checkpoints, ascending, without state."""

    items: tuple[CheckpointAnswer, ...]
    next_cursor: str | None


class EventAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable, numbered fact about a session or a group."""

    seq: int
    type: str
    ts: Time
    session_id: str | None
    group_id: str | None
    channel: str | None
    actor: str | None
    version: Annotated[int, Meta(description="the session's version that this commit made")] | None
    duration: Annotated[float, Meta(description="seconds from creation to end, on session.ended")] | None
    data: dict[str, Any]


class EventList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of events, ascending."""

    items: tuple[EventAnswer, ...]
    next_cursor: str | None


class GroupAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A named set of sessions and how many of them stand where."""

    id: str
    status: Annotated[str, Meta(extra_json_schema={"enum": ["open", "ended"]})]
    created_at: Time
    ended_at: Time | None
    owner: str
    metadata: dict[str, Any]
    version: int
    total: Annotated[int, Meta(description="members, ended ones included")]
    live: Annotated[int, Meta(description="members that are active, in progress or suspended")]
    by_status: dict[str, int]


class GroupList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of groups, newest first."""

    items: tuple[GroupAnswer, ...]
    next_cursor: str | None
    total: int | None


class RunResultAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run, or of starting one in the background."""

    session_id: str
    run_id: str
    workflow: str
    status: RunStatus
    outputs: Annotated[Any, Meta(description="what the workflow gave: any JSON value")]
    error: str | None
    step: int
    last_checkpoint: str | None


class WaitAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a suspended run waits for."""

    signal: str
    since: Time
    deadline: Time | None


class ProgressAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a run last said of itself."""

    done: float
    total: float | None
    note: str | None


class RunAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The current or last run of a session with all that is known of it."""

    id: str
    session_id: str
    workflow: str
    status: RunStatus
    started_at: Time
    ended_at: Time | None
    channel: str
    actor: str
    inputs: Document
    outputs: Value
    error: str | None
    checkpoint_interval: int
    loops: Annotated[tuple[int, ...], Meta(description="completed rounds of each durable loop")]
    epoch: Annotated[int, Meta(description="rises with every take-over")]
    worker: Annotated[str, Meta(description="who executes it; empty while it waits to be taken")] | None
    taken_at: Time | None
    recoveries: Annotated[int, Meta(description="take-overs in a row without progress")]
    wait: WaitAnswer | None
    progress: ProgressAnswer | None
    idempotency_key: str | None


class CurrentRun(msgspec.Struct, frozen=True, kw_only=True):
    """A session's run; `null` before its first."""

    run: RunAnswer | None


class WorkerAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A process that executes runs on this store."""

    id: str
    host: str
    boot_id: str
    pid: int
    pid_start: str
    started_at: Time
    workflows: tuple[str, ...]
    alive: Annotated[bool, Meta(description="it was heard of within its lease")]
    seen_at: Time


class WorkerList(msgspec.Struct, frozen=True, kw_only=True):
    """All workers; never more than one page."""

    items: tuple[WorkerAnswer, ...]
    next_cursor: str | None = None


class WorkflowAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A registered workflow and the JSON Schema of its inputs."""

    name: str
    description: str
    input_schema: dict[str, Any]
    checkpoint_interval: int


class WorkflowList(msgspec.Struct, frozen=True, kw_only=True):
    """All workflows by name; never more than one page."""

    items: tuple[WorkflowAnswer, ...]
    next_cursor: str | None = None


class StatisticsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Figures over all sessions. Durations are seconds, `success_rate` is percent of the finished ones."""

    active: int
    total: int
    by_status: dict[str, int]
    by_channel: dict[str, int]
    by_workflow: dict[str, int]
    finished: int
    avg_duration: float
    p50_duration: float
    p95_duration: float
    p99_duration: float
    success_rate: float
    created_per_minute: float
    ended_per_minute: float


class ChangedValue(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A value that differs between two states."""

    from_: Any
    to: Any


class DifferenceAnswer(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What changed between two states, by path."""

    from_: str
    to: str
    added: dict[str, Any]
    removed: dict[str, Any]
    changed: dict[str, ChangedValue]


class HealthAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the store answers, and facts about it."""

    ok: bool
    backend: str
    url: Annotated[str, Meta(description="the store, without its password")]
    detail: str
    facts: dict[str, str]


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The process serves."""

    status: Annotated[str, Meta(extra_json_schema={"const": "ok"})] = "ok"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error as RFC 9457 has it, with the stable `code` and facts for programs in `details`."""

    type: Annotated[str, Meta(extra_json_schema={"format": "uri-reference"})]
    title: str
    status: int
    detail: Annotated[str, Meta(description="names the field, the value and what would help")]
    instance: Annotated[str, Meta(description="the path that was asked", extra_json_schema={"format": "uri-reference"})]
    code: str
    details: dict[str, Any] = {}
