"""The records that all of Nexus speaks in: frozen, plain, and free of I/O."""

from nexus.model.audit import AuditHead, AuditRecord, AuditVerdict
from nexus.model.caller import Caller, Proof
from nexus.model.checkpoint import Checkpoint
from nexus.model.event import Event, EventBatch
from nexus.model.group import Group
from nexus.model.ids import (
    GroupId,
    RunId,
    SessionId,
    WorkerId,
    born_at,
    check_id,
    checkpoint_id,
    checkpoint_number,
    new_id,
)
from nexus.model.page import Page, Window
from nexus.model.run import JournalEntry, Progress, Run, RunResult, Wait
from nexus.model.session import Session, iso
from nexus.model.statistics import Statistics
from nexus.model.status import CHANNELS, FINAL, LIVE, RUNNING, RunStatus, Status
from nexus.model.worker import Worker
from nexus.model.workflow import WorkflowInfo

__all__ = [
    "CHANNELS",
    "FINAL",
    "LIVE",
    "RUNNING",
    "AuditHead",
    "AuditRecord",
    "AuditVerdict",
    "Caller",
    "Checkpoint",
    "Event",
    "EventBatch",
    "Group",
    "GroupId",
    "JournalEntry",
    "Page",
    "Progress",
    "Proof",
    "Run",
    "RunId",
    "RunResult",
    "RunStatus",
    "Session",
    "SessionId",
    "Statistics",
    "Status",
    "Wait",
    "Window",
    "Worker",
    "WorkerId",
    "WorkflowInfo",
    "born_at",
    "check_id",
    "checkpoint_id",
    "checkpoint_number",
    "iso",
    "new_id",
]
