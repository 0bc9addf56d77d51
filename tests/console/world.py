"""A small world of sessions that is the same in every test: written straight into a store, at a clock that stands."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from nexus.app import AsyncNexus
from nexus.lifecycle.counting import deltas
from nexus.local import LocalService
from nexus.model import Checkpoint, Event, Run, RunStatus, Session, Status
from nexus.model.audit import AuditEntry
from nexus.service import Service
from nexus.testing.builders import a_checkpoint, a_group, a_run, a_session, an_event, creating, creating_group, updating

NOW = 1_800_000_245.0
"""Friday, 2027-01-15, 08:04:05 UTC."""

WORKFLOWS = ("index-files", "import-orders", "enrich-leads", "nightly-report", "transcribe-call", "reconcile-ledger")
_STATUSES = (
    *[Status.IN_PROGRESS] * 5, *[Status.ACTIVE] * 4, *[Status.COMPLETED] * 14, Status.SUSPENDED, Status.FAILED,
    Status.CANCELLED, Status.EXPIRED,
)  # fmt: skip
_ERRORS = ("ConnectionResetError: peer closed", "ValueError: row 148 has no price", "TimeoutError: 30 s")
_PATHS = (("api",), ("cli",), ("mcp",), ("api", "mcp"), ("api", "cli"), ("sdk",), ("cli", "mcp"))


class StandingClock:
    """A clock that moves only when a test says so; it serves the app and the console."""

    def __init__(self, at: float = NOW) -> None:
        self.at = at

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.at

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self.at


@dataclass
class World:
    """An open app with its service and its clock, as a target that the console opens."""

    app: AsyncNexus
    clock: StandingClock
    label: str = "prod"
    service: Service = field(init=False)

    def __post_init__(self) -> None:
        self.service = LocalService(self.app.parts, self.app.local_caller("cli"))

    @asynccontextmanager
    async def open_service(self) -> AsyncIterator[Service]:
        """The service, which outlives the console."""
        yield self.service

    async def put(self, session: Session, run: Run | None = None, **parts: Any) -> None:
        """Store a session with its counters, and an event that it was created unless others are given."""
        born = an_event("session.created", session.id, ts=session.created_at, channel=session.channel,
                        actor=session.owner, group_id=session.group_id)  # fmt: skip
        counters = deltas(None, session, session.last_activity)
        change = creating(session, run, counters=counters, **{"events": (born,), **parts})
        await self.app.store.commit(change)

    async def replace(self, session: Session, *, state: dict[str, Any]) -> None:
        """Give a session that is there another state."""
        await self.app.store.commit(updating(session, state=state))


@asynccontextmanager
async def a_world(clock: StandingClock | None = None) -> AsyncIterator[World]:
    """An empty world."""
    clock = clock or StandingClock()
    async with AsyncNexus(store="memory://", clock=clock) as app:
        for name in WORKFLOWS:
            app.register(_work, name=name)
        yield World(app, clock)


async def _work(run: Any) -> dict[str, int]:
    async for _ in run.steps(range(3)):
        run.state["done"] = run.state.get("done", 0) + 1
    return {"done": run.state["done"]}


async def populate(world: World, sessions: int = 48) -> None:
    """Fill a world: groups, sessions of all kinds, and ``session-123`` with a history."""
    for name, age in (("nightly", 7200.0), ("batch-7", 1300.0), ("batch-8", 400.0)):
        await world.app.store.commit(creating_group(a_group(name, created_at=NOW - age)))
    chance = random.Random(7)
    some = [_some_session(number, chance) for number in range(sessions)]
    for session, run in sorted(some, key=lambda pair: pair[0].last_activity):
        await world.put(session, run, events=(_last_event(session),))
    await tell_a_story(world)
    await refuse_some(world)


def _some_session(number: int, chance: random.Random) -> tuple[Session, Run | None]:
    status = chance.choice(_STATUSES)
    age = chance.uniform(20, 5400)
    path = chance.choice(_PATHS)
    workflow = chance.choice(WORKFLOWS)
    final = status in (Status.COMPLETED, Status.CANCELLED, Status.EXPIRED)
    active_at = NOW - min(age, chance.uniform(0.3, 240) if not final else chance.uniform(60, 3000))
    created = NOW - age
    session = a_session(
        f"sess_01JK{number:02}{chance.choice('ABCDEFGHJKMNPQRSTVWXYZ')}{chance.choice('7QXKM2ZP')}",
        status=status, channel=path[0], channels=path, owner="local:alice", created_at=created,
        last_activity=active_at, workflow=workflow, run_id=f"run-{number}", ran=True,
        step=chance.randrange(1, 180), user_id=chance.choice(("42", "ada", None)),
        group_id=chance.choice(("batch-7", "batch-7", "batch-8", "nightly", None, None, None)),
        error=chance.choice(_ERRORS) if status is Status.FAILED else None,
        ended_at=active_at if final else None, timeout=3600.0, idle_deadline=active_at + 3600.0,
        version=chance.randrange(2, 200), metadata={"organization": chance.choice(("acme-corp", "globex"))},
        state={"bytes": chance.randrange(10_000), "cursor": f"page-{number}"},
    )  # fmt: skip
    stood = {Status.IN_PROGRESS: RunStatus.IN_PROGRESS, Status.SUSPENDED: RunStatus.SUSPENDED,
             Status.FAILED: RunStatus.FAILED, Status.CANCELLED: RunStatus.CANCELLED}  # fmt: skip
    run = a_run(session.id, f"run-{number}", workflow=workflow, started_at=created,
                status=stood.get(status, RunStatus.COMPLETED), error=session.error)  # fmt: skip
    return session, run


def _last_event(session: Session) -> Event:
    number = session.step
    kind, data = {
        Status.IN_PROGRESS: ("run.step", {"step": number}),
        Status.SUSPENDED: ("run.suspended", {"signal": "approval"}),
        Status.FAILED: ("run.failed", {"error": session.error}),
        Status.COMPLETED: ("session.ended", {"status": "completed"}),
        Status.CANCELLED: ("session.ended", {"status": "cancelled", "reason": "wrong order"}),
        Status.EXPIRED: ("session.expired", {}),
    }.get(session.status, ("run.completed", {}))
    if kind == "run.step" and number % 3 == 0:
        kind, data = "checkpoint.saved", {"checkpoint_id": f"checkpoint-{number // 3}"}
    return an_event(kind, session.id, ts=session.last_activity, channel=session.channels[-1],
                    actor=session.owner, group_id=session.group_id, data=data)  # fmt: skip


_WRITTEN: tuple[dict[str, Any], ...] = (
    {"ago": 95.0, "actor": "local:alice", "channel": "cli", "action": "token.create", "target_kind": "token",
     "target": "ci"},
    {"ago": 61.0, "actor": "unknown", "channel": "api", "action": "authenticate", "target_kind": "store", "target": "",
     "outcome": "refused", "code": "unauthenticated", "reason": "a token that is unknown, revoked or expired"},
    {"ago": 42.0, "actor": "ci", "channel": "api", "action": "end", "target_kind": "session", "target": "session-123",
     "outcome": "refused", "code": "permission_denied",
     "reason": "a token of scope read may not end sessions: that takes one of scope run, operate or admin"},
    {"ago": 20.0, "actor": "local:alice", "channel": "cli", "action": "extend", "target_kind": "session",
     "target": "session-123", "reason": "the importer is slow today", "version_before": 39, "version_after": 40},
    {"ago": 3.0, "actor": "alice", "channel": "mcp", "action": "group.end", "target_kind": "group", "target": "nightly",
     "version_before": 1, "version_after": 2},
)  # fmt: skip


async def refuse_some(world: World) -> None:
    """Five records of the audit that no session tells of: two refusals, a token, an extension, the end of a group."""
    for entry in _WRITTEN:
        given = {key: value for key, value in entry.items() if key != "ago"}
        await world.app.store.append_audit(AuditEntry(at=NOW - entry["ago"], **given))


STORY = "session-123"
_STEPS = (
    ("api", 240.0, {"organization": "acme-corp", "files": [], "bytes": 0}),
    ("api", 214.0, {"organization": "acme-corp", "files": ["a.py", "b.py"], "bytes": 4096}),
    ("api", 181.0, {"organization": "acme-corp", "files": ["a.py", "b.py", "c.py"], "bytes": 9120}),
    ("mcp", 96.0, {"organization": "acme-corp", "files": ["a.py", "b.py", "d.py"], "bytes": 8800, "skipped": 1}),
    ("mcp", 41.0, {"organization": "acme-corp", "files": ["a.py", "b.py", "d.py", "e.py"], "bytes": 15210,
                   "skipped": 1, "model": {"name": "small", "tokens": 1830}}),
)  # fmt: skip


async def tell_a_story(world: World) -> None:
    """``session-123``: begun over the API, gone back to checkpoint-2, gone on over MCP; one child, one fork."""
    now = {**_STEPS[-1][2], "files": ["a.py", "b.py", "d.py", "e.py", "f.py"], "bytes": 19004}
    session = a_session(
        STORY, status=Status.IN_PROGRESS, channel="api", channels=("api", "mcp"), owner="local:alice", user_id="42",
        created_at=NOW - 268, last_activity=NOW - 1, workflow="index-files", run_id="run-2", ran=True, step=37,
        group_id="batch-8", timeout=3600.0, idle_deadline=NOW + 3300, version=41,
        checkpoints=5, at_checkpoint=5, rewinds=((2, 3),), state=now,
        metadata={"organization": "acme-corp", "request_id": "req-abc", "tags": ["nightly", "eu"]},
    )  # fmt: skip
    run = a_run(STORY, "run-2", workflow="index-files", started_at=NOW - 120, channel="mcp", actor="alice",
                inputs_json=b'{"root":"/srv/shop"}', checkpoint_interval=10)  # fmt: skip
    child = a_session("session-123-ocr", channel="mcp", parent_id=STORY, status=Status.ACTIVE, workflow="ocr-pages",
                      created_at=NOW - 70, last_activity=NOW - 5, step=4, idle_deadline=NOW + 3500)  # fmt: skip
    await world.put(child)
    await world.put(session, run, checkpoints=tuple(_checkpoints()), events=tuple(_events()))


def _checkpoints() -> list[Checkpoint]:
    return [
        a_checkpoint(STORY, number, state=state, step=number * 8 - 3, created_at=NOW - ago, workflow="index-files",
                     pinned=number == 2)
        for number, (_, ago, state) in enumerate(_STEPS, 1)
    ]  # fmt: skip


def _events() -> list[Event]:
    def event(kind: str, ago: float, channel: str, **data: Any) -> Event:
        actor = "alice" if channel == "mcp" else "local:alice"
        return an_event(kind, STORY, ts=NOW - ago, channel=channel, actor=actor, group_id="batch-8", data=data)

    told = [event("session.created", 268, "api"), event("run.started", 262, "api", workflow="index-files")]
    for number, (channel, ago, _) in enumerate(_STEPS, 1):
        if number == 4:
            told.append(event("run.failed", 150, "api", error="OSError: disk is full"))
            told.append(event("session.synced", 124, "cli", target_channel="mcp"))
            told.append(event("session.resumed", 120, "mcp", checkpoint_id="checkpoint-2"))
            told.append(event("run.started", 120, "mcp", workflow="index-files"))
        told.append(event("run.step", ago + 0.1, channel, step=number * 8 - 3))
        told.append(event("checkpoint.saved", ago, channel, checkpoint_id=f"checkpoint-{number}"))
    told.append(event("session.extended", 20, "cli", seconds=600))
    told.append(event("run.step", 1, "mcp", step=37))
    return told
