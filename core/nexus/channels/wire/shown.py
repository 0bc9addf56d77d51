"""From the models' records to the answers that show them; times become ISO 8601 text here."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit, urlunsplit

import msgspec

from nexus.channels.wire.administering import (
    AuditAnswer,
    AuditTrimAnswer,
    AuditVerdictAnswer,
    NamespaceAnswer,
    NamespaceContentsAnswer,
    NewTokenAnswer,
    TokenAnswer,
)
from nexus.channels.wire.answers import (
    BulkItemAnswer,
    BulkReportAnswer,
    CheckpointAnswer,
    EventAnswer,
    GroupAnswer,
    HealthAnswer,
    ProgressAnswer,
    RunAnswer,
    RunResultAnswer,
    SessionAnswer,
    WaitAnswer,
    WorkerAnswer,
    WorkflowAnswer,
)
from nexus.model import (
    Checkpoint,
    Event,
    Group,
    Progress,
    Run,
    RunResult,
    Session,
    Status,
    Wait,
    Worker,
    WorkflowInfo,
    iso,
)
from nexus.model.audit import AuditRecord, AuditVerdict
from nexus.model.bulk import BulkReport
from nexus.model.namespace import Namespace, NamespaceContents
from nexus.model.token import NewToken, Token
from nexus.stores.base import Health


def _time(seconds: float) -> str:
    return cast(str, iso(seconds))


def session(it: Session) -> SessionAnswer:
    """A session; its state goes through as bytes."""
    return SessionAnswer(
        id=it.id, status=it.status, channel=it.channel, channels=it.channels, user_id=it.user_id, owner=it.owner,
        metadata=it.metadata, state=msgspec.Raw(it.state_json), parent_id=it.parent_id, group_id=it.group_id,
        workflow=it.workflow, run_id=it.run_id, step=it.step, last_checkpoint=it.last_checkpoint, error=it.error,
        version=it.version, created_at=_time(it.created_at), last_activity=_time(it.last_activity),
        expires_at=iso(it.expires_at), ended_at=iso(it.ended_at), timeout=it.timeout, max_age=it.max_age,
    )  # fmt: skip


def bulk(it: BulkReport) -> BulkReportAnswer:
    """What came of many."""
    items = tuple(
        BulkItemAnswer(
            session_id=one.session_id, outcome=one.outcome, status=one.status, version=one.version, made=one.made,
            error=None if one.error is None else dict(one.error),
        )
        for one in it.items
    )  # fmt: skip
    return BulkReportAnswer(action=it.action, dry_run=it.dry_run, matched=it.matched, counts=it.counts, items=items)


def token(it: Token) -> TokenAnswer:
    """A token, without its digest."""
    return TokenAnswer(
        name=it.name, scope=it.scope, created_at=_time(it.created_at), created_by=it.created_by,
        expires_at=iso(it.expires_at), last_used_at=iso(it.last_used_at), namespace=it.namespace,
    )  # fmt: skip


def new_token(it: NewToken) -> NewTokenAnswer:
    """A token with its secret."""
    made = it.token
    return NewTokenAnswer(
        name=made.name, scope=made.scope, token=it.secret, created_at=_time(made.created_at),
        created_by=made.created_by, expires_at=iso(made.expires_at), namespace=made.namespace,
    )  # fmt: skip


def namespace(it: Namespace) -> NamespaceAnswer:
    """A namespace, without its place."""
    return NamespaceAnswer(
        name=it.name, created_at=_time(it.created_at), created_by=it.created_by, removing=it.removing
    )  # fmt: skip


def namespace_contents(it: NamespaceContents) -> NamespaceContentsAnswer:
    """A namespace with how much is in it."""
    of = it.namespace
    return NamespaceContentsAnswer(
        name=of.name, created_at=_time(of.created_at), created_by=of.created_by, removing=of.removing,
        sessions=it.sessions, live=it.live, groups=it.groups, tokens=it.tokens,
    )  # fmt: skip


def audit_record(it: AuditRecord) -> AuditAnswer:
    """A record of the audit."""
    return AuditAnswer(**it.to_dict())


def audit_verdict(it: AuditVerdict) -> AuditVerdictAnswer:
    """What came of a verification."""
    trimmed = tuple([AuditTrimAnswer(**each.to_dict()) for each in it.trimmed])
    return AuditVerdictAnswer(intact=it.intact, records=it.records, heads=it.heads, broken=it.broken, trimmed=trimmed)


def checkpoint(it: Checkpoint) -> CheckpointAnswer:
    """A checkpoint, with its state where the record has it."""
    return CheckpointAnswer(
        id=it.id, session_id=it.session_id, step=it.step, workflow=it.workflow, run_id=it.run_id,
        created_at=_time(it.created_at), superseded=it.superseded,
        state=msgspec.UNSET if it.state_json is None else msgspec.Raw(it.state_json),
    )  # fmt: skip


def event(it: Event) -> EventAnswer:
    """An event."""
    return EventAnswer(
        seq=it.seq, type=it.type, ts=_time(it.ts), session_id=it.session_id, group_id=it.group_id, channel=it.channel,
        actor=it.actor, version=it.version, duration=it.duration, data=it.data,
    )  # fmt: skip


def group(it: Group) -> GroupAnswer:
    """A group with a count for every status, zeros included."""
    return GroupAnswer(
        id=it.id, status="open" if it.ended_at is None else "ended", created_at=_time(it.created_at),
        ended_at=iso(it.ended_at), owner=it.owner, metadata=it.metadata, version=it.version, total=it.total,
        live=it.live, by_status={status.value: it.counts.get(status, 0) for status in Status},
    )  # fmt: skip


def result(it: RunResult) -> RunResultAnswer:
    """A run's result."""
    return RunResultAnswer(
        session_id=it.session_id, run_id=it.run_id, workflow=it.workflow, status=it.status,
        outputs=it.outputs, error=it.error, step=it.step, last_checkpoint=it.last_checkpoint,
    )  # fmt: skip


def run(it: Run) -> RunAnswer:
    """A run with what it waits for and how far it is."""
    wait = it.wait
    return RunAnswer(
        id=it.id, session_id=it.session_id, workflow=it.workflow, status=it.status, started_at=_time(it.started_at),
        ended_at=iso(it.ended_at), channel=it.channel, actor=it.actor, inputs=msgspec.Raw(it.inputs_json),
        outputs=msgspec.Raw(b"null" if it.outputs_json is None else it.outputs_json), error=it.error,
        checkpoint_interval=it.checkpoint_interval, loops=it.loops, epoch=it.epoch, worker=it.worker,
        taken_at=iso(it.taken_at), recoveries=it.recoveries, idempotency_key=it.idempotency_key,
        wait=None if wait is None else _wait(wait),
        progress=None if it.progress is None else _progress(it.progress),
    )  # fmt: skip


def _wait(it: Wait) -> WaitAnswer:
    return WaitAnswer(signal=it.signal, since=_time(it.since), deadline=iso(it.deadline))


def _progress(it: Progress) -> ProgressAnswer:
    return ProgressAnswer(done=it.done, total=it.total, note=it.note)


def worker(it: Worker) -> WorkerAnswer:
    """A worker."""
    return WorkerAnswer(
        id=it.id, host=it.host, boot_id=it.boot_id, pid=it.pid, pid_start=it.pid_start, alive=it.alive,
        started_at=_time(it.started_at), workflows=it.workflows, seen_at=_time(it.seen_at),
    )  # fmt: skip


def workflow(it: WorkflowInfo) -> WorkflowAnswer:
    """A workflow with its input schema."""
    return WorkflowAnswer(
        name=it.name, description=it.description, input_schema=it.input_schema,
        checkpoint_interval=it.checkpoint_interval,
    )  # fmt: skip


def health(it: Health) -> HealthAnswer:
    """The store's health; a password in its URL is not shown."""
    return HealthAnswer(ok=it.ok, backend=it.backend, url=_redacted(it.url), detail=it.detail, facts=dict(it.facts))


def _redacted(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user = parts.username or ""
    return urlunsplit(parts._replace(netloc=f"{user}:***@{parts.netloc.rpartition('@')[2]}"))
