"""The filter language by example: six sessions, and which of them each filter finds."""

from __future__ import annotations

import pytest

from nexus.query import matches, parse
from tests.core.query.strategies import NOW, session

MINUTE, HOUR, DAY = 60, 3600, 86400

SESSIONS = {
    found.id: found
    for found in (
        session(
            id="a-indexing",
            status="in_progress",
            channels=("api", "mcp"),
            workflow="index-files",
            group_id="batch-7",
            user_id="42",
            owner="local:ada",
            run_id="run_1",
            step=12,
            version=30,
            at_checkpoint=3,
            created_at=NOW - 2 * HOUR,
            last_activity=NOW - 5,
            metadata={"organization": "acme-corp", "tags": ["blue", "big"], "retries": 2, "urgent": True},
            state={"user": {"tier": "gold", "name": "Ada Lovelace"}, "files": [{"path": "a.py"}, {"path": "b.py"}]},
        ),
        session(
            id="b-failed",
            status="failed",
            channels=("cli",),
            workflow="index-mail",
            group_id="batch-7",
            user_id="42",
            owner="ci",
            error="ConnectionError: Timeout after 30 s",
            step=3,
            version=7,
            created_at=NOW - 30 * MINUTE,
            last_activity=NOW - 20 * MINUTE,
            idle_deadline=NOW + 4 * MINUTE,
            metadata={"organization": "globex", "retries": "5", "urgent": "false", "due": "2026-03-01"},
        ),
        session(
            id="c-done",
            status="completed",
            channels=("api",),
            workflow="report",
            user_id="7",
            step=4,
            version=9,
            created_at=NOW - 3 * DAY,
            last_activity=NOW - 2 * DAY,
            ended_at=NOW - 3 * DAY + 10 * MINUTE,
            metadata={"organization": "acme-labs", "note": None, "due": "2026-01-15", "a key": {"x.y": 1}},
        ),
        session(
            id="d-waiting",
            status="suspended",
            channels=("sdk",),
            workflow="my flow",
            parent_id="a-indexing",
            created_at=NOW - 90,
            last_activity=NOW - 45,
            age_deadline=NOW + HOUR,
        ),
        session(id="e-expired", status="expired", idle_deadline=NOW - MINUTE, created_at=NOW - DAY, ended_at=NOW),
        session(id="F-Open", channels=("cli", "api"), user_id="Indira", created_at=NOW - 1, last_activity=NOW),
    )
}


def found_by(text: str) -> str:
    """The first letters of the sessions that the filter finds."""
    query = parse(text)
    return "".join(name[0] for name, found in SESSIONS.items() if matches(query, found, NOW))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "abcdeF"),
        ("   ", "abcdeF"),
        # the status
        ("status:failed", "b"),
        ("status:failed,active", "bF"),
        ("-status:completed", "abdeF"),
        ("status!=completed", "abdeF"),
        ("-status!=completed", "c"),
        ("status:live", "adF"),
        ("status:final", "ce"),
        ("status:live,failed", "abdF"),
        ("STATUS:In-Progress", "a"),
        # channels: any that it was used from
        ("channel:api", "aceF"),
        ("channel:mcp,sdk", "ad"),
        ("-channel:api", "bd"),
        # names and ids: the whole text, with wildcards
        ("workflow:index*", "ab"),
        ("workflow:index", ""),
        ("workflow:*-files,report", "ac"),
        ("workflow:index-????", "b"),
        ('workflow:"my flow"', "d"),
        ("workflow:my\\ flow", "d"),
        ('workflow:"my "*', "d"),
        ("workflow=index-mail", "b"),
        ('workflow="index*"', ""),
        ("group:batch-7 user:42", "ab"),
        ("group:*", "ab"),
        ("-group:*", "cdeF"),
        ("user:42,7", "abc"),
        ("-user:42", "cdeF"),
        ("user!=42", "cdeF"),
        ("user_id:7", "c"),
        ("user:indira", ""),
        ("owner:ci", "b"),
        ("owner:local:*", "acdeF"),
        ("parent:a-indexing", "d"),
        ("id:a-indexing,c-done", "ac"),
        ("id:f*", ""),
        ("run:run_1", "a"),
        ("checkpoint:checkpoint-3", "a"),
        ("error:timeout", "b"),
        ("error:*30?s", "b"),
        ("error:*", "b"),
        # lengths of time
        ("age>10m", "abce"),
        ("age>=1d", "ce"),
        ("age<2", "F"),
        ("age>1h30m age<1d", "a"),
        ("idle<30s", "aF"),
        ("idle>15m -status:final", "b"),
        ("expires<5m", "be"),
        ("expires<5m -status:expired", "b"),
        ("expires>5m", "d"),
        ("-expires<100000d", "acF"),
        ("duration>1h", "ae"),
        ("duration<=10m", "cdF"),
        ("age:>1d", "c"),
        # counters
        ("step>=10", "a"),
        ("step:4", "c"),
        ("step>0 step<10", "bc"),
        ("version!=1 version<=9", "bc"),
        # metadata and state
        ("meta.organization=acme-corp", "a"),
        ("meta.organization:acme-*", "ac"),
        ("meta.organization=acme-corp,globex", "ab"),
        ("-meta.organization=globex", "acdeF"),
        ("meta.organization!=globex", "ac"),
        ("meta.organization:*", "abc"),
        ("state.user.tier=gold", "a"),
        ('state.user.name="Ada Lovelace"', "a"),
        ('state.user.name:"ada "*', ""),
        ("state.files.1.path=b.py", "a"),
        ("state.files.2.path:*", ""),
        ("state.user:*", "a"),
        ("state.user=gold", ""),
        ("meta.tags=blue", "a"),
        ("meta.tags.1=big", "a"),
        ("meta.retries>1", "ab"),
        ("meta.retries=5", "b"),
        ('meta.retries="5"', "b"),
        ('meta.retries="2"', ""),
        ("meta.retries>=2 meta.retries<5", "a"),
        ("meta.urgent=true", "a"),
        ("meta.urgent=false", "b"),
        ("meta.urgent=1", ""),
        ("meta.urgent>0", ""),
        ("meta.note=null", "c"),
        ("-meta.note:*", "abdeF"),
        ("meta.due<2026-02-01", "c"),
        ('meta."a key"."x.y"=1', "c"),
        ("metadata.retries=2", "a"),
        # words: a part of the id, the workflow or the user, whatever its case
        ("index", "ab"),
        ("a-ind", "a"),
        ("f-open", "F"),
        ("INDI", "F"),
        ('"my flow"', "d"),
        ("done,waiting", "cd"),
        ("-index", "cdeF"),
        ("index failed", "b"),
        ("*index*", "ab"),
        ("42", "ab"),
    ],
)
def test_a_filter_finds_the_sessions_that_it_says(text: str, found: str) -> None:
    assert found_by(text) == found
