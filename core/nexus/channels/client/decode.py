"""From answers to the models' records. What an answer doesn't tell (deadlines by kind, epochs) is filled in so that
every public field reads as it did on the server.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from nexus.channels.wire.administering import (
    AuditAnswer,
    AuditVerdictAnswer,
    NamespaceAnswer,
    NamespaceContentsAnswer,
    NewTokenAnswer,
    TokenAnswer,
)
from nexus.channels.wire.answers import (
    BulkReportAnswer,
    CheckpointAnswer,
    DifferenceAnswer,
    EventAnswer,
    GroupAnswer,
    HealthAnswer,
    ProgressAnswer,
    RunAnswer,
    RunResultAnswer,
    SessionAnswer,
    StatisticsAnswer,
    WaitAnswer,
    WorkerAnswer,
    WorkflowAnswer,
)
from nexus.errors import NexusError
from nexus.model import (
    RUNNING,
    Checkpoint,
    Event,
    Group,
    Progress,
    Run,
    RunResult,
    Session,
    Statistics,
    Wait,
    Worker,
    WorkflowInfo,
    checkpoint_number,
)
from nexus.model.audit import AuditRecord, AuditTrim, AuditVerdict
from nexus.model.bulk import BulkItem, BulkReport
from nexus.model.namespace import Namespace, NamespaceContents
from nexus.model.token import NewToken, Token
from nexus.service import Difference
from nexus.stores.base import Health

T = TypeVar("T")


def read(data: bytes, kind: type[T]) -> T:
    """An answer's body as the record that declares it.

    Raises:
        NexusError: It is something else: the other side is no Nexus, or one of another version.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NexusError(
            f"the server's answer can't be read ({error}): is it a Nexus of this version?", expected=kind.__name__
        ) from None


def seconds(text: str) -> float:
    """Seconds since the epoch from ISO 8601."""
    return datetime.fromisoformat(text).timestamp()


def _maybe(text: str | None) -> float | None:
    return None if text is None else seconds(text)


def session(it: SessionAnswer) -> Session:
    """A session that shows the same public fields."""
    expires_at = _maybe(it.expires_at)
    running = it.status in RUNNING
    number = 0 if it.last_checkpoint is None else checkpoint_number(it.last_checkpoint)
    return Session(
        id=it.id, status=it.status, channel=it.channel, channels=it.channels, owner=it.owner, user_id=it.user_id,
        created_at=seconds(it.created_at), last_activity=seconds(it.last_activity), version=it.version,
        metadata=it.metadata, parent_id=it.parent_id, group_id=it.group_id, workflow=it.workflow, run_id=it.run_id,
        step=it.step, error=it.error, ended_at=_maybe(it.ended_at), timeout=it.timeout, max_age=it.max_age,
        idle_deadline=None if running else expires_at, age_deadline=expires_at if running else None,
        checkpoints=number, at_checkpoint=number, state_json=bytes(it.state),
    )  # fmt: skip


def bulk(it: BulkReportAnswer) -> BulkReport:
    """What came of many."""
    items = tuple(BulkItem(**_fields(one)) for one in it.items)
    return BulkReport(action=it.action, dry_run=it.dry_run, items=items)


def token(it: TokenAnswer) -> Token:
    """A token; its digest stays on the server."""
    return Token(
        name=it.name, scope=it.scope, digest="", created_at=seconds(it.created_at), created_by=it.created_by,
        expires_at=_maybe(it.expires_at), last_used_at=_maybe(it.last_used_at), namespace=it.namespace,
    )  # fmt: skip


def new_token(it: NewTokenAnswer) -> NewToken:
    """A token with its secret."""
    made = Token(
        name=it.name, scope=it.scope, digest="", created_at=seconds(it.created_at), created_by=it.created_by,
        expires_at=_maybe(it.expires_at), namespace=it.namespace,
    )  # fmt: skip
    return NewToken(token=made, secret=it.token)


def namespace(it: NamespaceAnswer) -> Namespace:
    """A namespace; where it lies is the server's own."""
    return Namespace(
        name=it.name, place="", created_at=seconds(it.created_at), created_by=it.created_by, removing=it.removing
    )  # fmt: skip


def contents(it: NamespaceContentsAnswer) -> NamespaceContents:
    """A namespace with how much is in it."""
    return NamespaceContents(
        namespace=namespace(it), sessions=it.sessions, live=it.live, groups=it.groups, tokens=it.tokens
    )  # fmt: skip


def audit_record(it: AuditAnswer) -> AuditRecord:
    """A record of the audit; its time is exact, so that its hash can be checked."""
    return AuditRecord(**{**_fields(it), "at": seconds(it.at)})


def audit_verdict(it: AuditVerdictAnswer) -> AuditVerdict:
    """What came of a verification."""
    trimmed = tuple([AuditTrim(**{**_fields(each), "at": seconds(each.at)}) for each in it.trimmed])
    return AuditVerdict(records=it.records, heads=it.heads, broken=it.broken, trimmed=trimmed)


def checkpoint(it: CheckpointAnswer) -> Checkpoint:
    """A checkpoint, with its state where it was told."""
    return Checkpoint(
        session_id=it.session_id, number=checkpoint_number(it.id), step=it.step, workflow=it.workflow,
        run_id=it.run_id, created_at=seconds(it.created_at), superseded=it.superseded,
        state_json=None if it.state is msgspec.UNSET else bytes(it.state),
    )  # fmt: skip


def event(it: EventAnswer) -> Event:
    """An event."""
    return Event(
        seq=it.seq, type=it.type, ts=seconds(it.ts), session_id=it.session_id, group_id=it.group_id,
        channel=it.channel, actor=it.actor, version=it.version, duration=it.duration, data=it.data,
    )  # fmt: skip


def group(it: GroupAnswer) -> Group:
    """A group with the counts that aren't zero."""
    return Group(
        id=it.id, created_at=seconds(it.created_at), owner=it.owner, metadata=it.metadata,
        ended_at=_maybe(it.ended_at), version=it.version,
        counts={status: count for status, count in it.by_status.items() if count},
    )  # fmt: skip


def run(it: RunAnswer) -> Run:
    """A run with what it waits for and how far it is."""
    return Run(
        id=it.id, session_id=it.session_id, workflow=it.workflow, status=it.status, channel=it.channel,
        actor=it.actor, started_at=seconds(it.started_at), ended_at=_maybe(it.ended_at), inputs_json=bytes(it.inputs),
        outputs_json=_document(it.outputs), error=it.error, checkpoint_interval=it.checkpoint_interval,
        loops=it.loops, epoch=it.epoch, worker=it.worker, taken_at=_maybe(it.taken_at), recoveries=it.recoveries,
        wait=None if it.wait is None else _wait(it.wait),
        progress=None if it.progress is None else _progress(it.progress),
        idempotency_key=it.idempotency_key,
    )  # fmt: skip


def _wait(it: WaitAnswer) -> Wait:
    return Wait(signal=it.signal, since=seconds(it.since), deadline=_maybe(it.deadline))


def _progress(it: ProgressAnswer) -> Progress:
    return Progress(done=it.done, total=it.total, note=it.note)


def _document(raw: msgspec.Raw) -> bytes | None:
    # A run that gave null and one that gave nothing yet look alike here; both read as no outputs.
    return None if bytes(raw) == b"null" else bytes(raw)


def result(it: RunResultAnswer) -> RunResult:
    """A run's result."""
    return RunResult(
        session_id=it.session_id, run_id=it.run_id, workflow=it.workflow, status=it.status, outputs=it.outputs,
        error=it.error, step=it.step, last_checkpoint=it.last_checkpoint,
    )  # fmt: skip


def worker(it: WorkerAnswer) -> Worker:
    """A worker."""
    return Worker(
        id=it.id, host=it.host, boot_id=it.boot_id, pid=it.pid, pid_start=it.pid_start, alive=it.alive,
        started_at=seconds(it.started_at), workflows=it.workflows, seen_at=seconds(it.seen_at),
    )  # fmt: skip


def workflow(it: WorkflowAnswer) -> WorkflowInfo:
    """A workflow."""
    return WorkflowInfo(
        name=it.name, description=it.description, input_schema=it.input_schema,
        checkpoint_interval=it.checkpoint_interval,
    )  # fmt: skip


def statistics(it: StatisticsAnswer) -> Statistics:
    """The figures."""
    return Statistics(**_fields(it))


def difference(it: DifferenceAnswer) -> Difference:
    """What changed."""
    changed = {path: (values.from_, values.to) for path, values in it.changed.items()}
    return Difference(from_=it.from_, to=it.to, added=it.added, removed=it.removed, changed=changed)


def health(it: HealthAnswer) -> Health:
    """The store's health as the server sees it."""
    return Health(**_fields(it))


def _fields(it: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(it)
