"""Sessions of every kind, and filters that tell them apart: what lists, windows and counts are tried on."""

from __future__ import annotations

from typing import Any, Final

from nexus.model import Run, RunStatus, Session, Status, Wait
from nexus.testing.builders import NOW, a_run, a_session

_STATUSES: Final = tuple(Status)
_WORKFLOWS: Final = (None, "index-files", "index-web", "train", "Straße", "İndex", "a*b?c[d]", 'q"uote\\slash')
_USERS: Final = (None, "42", "Ada", "ada", "zoë", "user\0nul", "KELVIN\u212a", "")
_CHANNELS: Final = (("api",), ("cli", "api"), ("mcp",), ("sdk", "mcp", "cli"))
_METADATA: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"organization": "acme-corp", "tier": 1},
    {"organization": "acme", "tags": ["red", "blue", 3], "tier": 2.0},
    {"organization": "ac\u00e9", "nested": {"deep": {"x": None}}, "tier": "2"},
    {"ok": True, "quoted": 'say "hi"\\n', "big": 123456789012345678901234567890},
    {"ok": "TRUE", "list": [{"x": 1}, {"x": "y"}], "tier": -0.5},
    {"ok": False, "empty": "", "a.b": "dotted", "0": "zero"},
)
_STATES: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"user": {"tier": "gold"}, "n": 1},
    {"user": {"tier": "silver"}, "n": 2, "items": []},
    {"user": "nobody", "n": "2", "text": "x" * 3000},
    {"n": 1e300, "uni": "\u65e5\u672c", "user": {"tier": "gold plus"}},
)


def a_population(count: int = 84) -> list[tuple[Session, Run | None]]:
    """Sessions that differ in every field that a filter or a sort order looks at, with many ties."""
    return [_one(number) for number in range(count)]


def _one(number: int) -> tuple[Session, Run | None]:
    status = _STATUSES[number % len(_STATUSES)]
    created = NOW - 1000.0 * (number % 13)
    ended = created + 7.25 * (number % 5) if status in (Status.COMPLETED, Status.CANCELLED, Status.EXPIRED) else None
    session = a_session(
        f"s{number * 37 % 101:03d}",
        status=status,
        channel=_CHANNELS[number % 4][0],
        channels=_CHANNELS[number % 4],
        owner=("local:tester", "token-a", "token-b")[number % 3],
        created_at=created,
        last_activity=created + 60.0 * (number % 7),
        version=1 + number % 4,
        user_id=_USERS[number % len(_USERS)],
        metadata=_METADATA[number % len(_METADATA)],
        parent_id=None if number % 6 else f"s{(number + 1) * 37 % 101:03d}",
        group_id=(None, "batch-7", "batch-8")[number % 3],
        workflow=_WORKFLOWS[number * 5 % len(_WORKFLOWS)],
        run_id=None if number % 2 else f"run-{number}",
        step=number % 11,
        error="ValueError: no such File" if status is Status.FAILED else None,
        ended_at=ended,
        timeout=3600.0,
        idle_deadline=None if number % 9 == 0 else created + 3600.0 + number % 4,
        age_deadline=NOW + 50.0 * (number % 8) if number % 2 else None,
        at_checkpoint=number % 3,
        checkpoints=number % 3,
        state=_STATES[number % len(_STATES)],
    )
    return session, _run(session, number)


def _run(session: Session, number: int) -> Run | None:
    if session.status is Status.IN_PROGRESS:
        return a_run(session.id, f"run-{number}", worker=("worker-1", "")[number % 2])
    if session.status is Status.SUSPENDED:
        wait = Wait(signal="go", since=NOW, deadline=NOW + 10.0 * (number % 5))
        return a_run(session.id, f"run-{number}", status=RunStatus.SUSPENDED, wait=wait)
    return None


QUERIES: Final = (
    "",
    "status:active",
    "status:failed,active",
    "-status:completed",
    "status:live",
    "status:final",
    "status:live -status:suspended",
    "status:active status:completed",
    "channel:api",
    "channel:cli,mcp",
    "-channel:api",
    "id:s0*",
    "id:s001,s037",
    "id:*7",
    "id:s?3",
    "workflow:train",
    "workflow:index*",
    "workflow:*files",
    "workflow:*",
    "-workflow:*",
    "-workflow:index*",
    "workflow:i*x*w?b",
    r"workflow:a\*b\?c[d]",
    "workflow:Stra*",
    "group:batch-7",
    "group:batch-*",
    "-group:*",
    "group:batch-7,batch-8 status:live",
    "user:42",
    "user:*da",
    "user:Ada,ada",
    "-user:42",
    "owner:token-a",
    "owner:token-a,local:tester",
    "owner:token*",
    "owner:local:tester",
    "parent:s000",
    "-parent:*",
    "run:run-4",
    "run:run-1*",
    "checkpoint:checkpoint-2",
    "error:file",
    "-error:file",
    "error:*",
    "age>10m",
    "age<=3000s",
    "-age>1h",
    "idle<30s",
    "idle>=2h",
    "expires<5m",
    "expires>1h",
    "-expires<5m",
    "duration>5s",
    "duration<=7.25s",
    "duration>2h",
    "step>=10",
    "step=3",
    "step<2 version>1",
    "-step>=10",
    "version=2",
    "meta.organization=acme-corp",
    "meta.organization=acme,acme-corp",
    "meta.organization:ac*",
    "meta.organization!=acme",
    "-meta.organization=acme",
    "meta.tier=2",
    "meta.tier>=1",
    "meta.tier<0",
    "meta.ok=true",
    "meta.ok=false",
    "meta.nested.deep.x=null",
    "meta.tags=red",
    "meta.tags=3",
    "meta.tags.1=blue",
    "meta.list.0.x=1",
    'meta.empty=""',
    'meta.quoted="say \\"hi\\"\\\\n"',
    "meta.big=123456789012345678901234567890",
    "meta.big>123456789012345678901234567889",
    "meta.missing=1",
    "-meta.missing=1",
    "state.user.tier=gold",
    "state.user.tier:gold*",
    "state.user.tier!=gold status:active",
    "state.n=2",
    "state.n>1",
    "state.uni=日本",
    "-state.user.tier=gold",
    "train",
    "s00",
    "ADA",
    "strasse",
    "kelvink",
    "zoë",
    "-train",
    "index status:active step<5 -group:batch-8",
)
"""Filters of every kind of term, plain, negated and combined; some match nothing."""
