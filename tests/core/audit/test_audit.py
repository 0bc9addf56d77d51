"""Who did what is written down, refusals too, and can be asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from nexus import AsyncNexus
from nexus.audit import read_head
from nexus.errors import AuthenticationRequired, InvalidInput, NexusError
from nexus.model import Caller
from nexus.model.audit import AuditHead, AuditRecord
from nexus.model.bulk import BulkRequest
from nexus.service import Service
from nexus.testing.clock import FakeClock


@pytest.fixture
async def app() -> AsyncIterator[AsyncNexus]:
    clock = FakeClock()
    async with AsyncNexus(store="memory://", clock=clock) as opened:
        yield opened


@pytest.fixture
def service(app: AsyncNexus) -> Service:
    return app.service(Caller(actor="ann", channel="cli"))


async def told(service: Service, q: str = "") -> list[tuple[str, str, str, str | None]]:
    return [(each.actor, each.action, each.target, each.code) for each in await service.audit(q)]


async def test_changes_are_told_with_who_and_why(service: Service) -> None:
    await service.create_session(session_id="s")
    await service.extend_session("s", 60)
    await service.end_session("s", status="cancelled", reason="enough")
    await service.end_session("s")
    await service.undo_session("s")
    records = list(await service.audit())
    assert [each.action for each in records] == ["create", "extend", "end", "undo"]
    ended: AuditRecord = records[2]
    assert (ended.actor, ended.channel, ended.reason, ended.version_before, ended.version_after) == (
        "ann", "cli", "enough", 2, 3,
    )  # fmt: skip
    assert (await service.verify_audit()).intact


async def test_a_refused_change_is_a_record_of_its_own(app: AsyncNexus, service: Service) -> None:
    await service.create_session(session_id="s")
    for call in (
        service.create_session(session_id="s"),
        service.end_session("none"),
        service.patch_session("s", {"n": 1}, if_version=9),
        app.service(Caller(actor="eve", channel="api", scope="read")).end_session("s"),
        app.service(Caller(actor="eve", channel="api", scope="run")).end_session("s"),
        app.service(Caller(actor="eve", channel="api", scope="run")).create_token("x", "admin"),
    ):
        with pytest.raises(NexusError):
            await call
    assert await told(service, "outcome:refused") == [
        ("ann", "create", "s", "session_exists"),
        ("ann", "end", "none", "session_not_found"),
        ("ann", "patch", "s", "version_conflict"),
        ("eve", "end", "s", "permission_denied"),
        ("eve", "end", "s", "session_not_found"),
        ("eve", "token.create", "x", "permission_denied"),
    ]
    assert (await service.verify_audit()).records == 7


async def test_each_refusal_of_a_bulk_request_is_a_record(service: Service) -> None:
    await service.create_session(session_id="s")
    await service.bulk(BulkRequest(action="resume", ids=("s", "none")))
    refused = await told(service, "outcome:refused")
    assert refused == [
        ("ann", "resume", "s", "invalid_transition"),
        ("ann", "resume", "none", "session_not_found"),
    ]


async def test_no_value_of_a_state_and_no_secret_is_in_it(app: AsyncNexus, service: Service) -> None:
    made = await service.create_token("ci", "run")
    await service.create_session(session_id="s", state={"password": "hunter2"}, metadata={"m": "hunter2"})
    await service.patch_session("s", {"password": "hunter2"})
    with pytest.raises(InvalidInput):
        await service.create_session(session_id="s2", metadata={"hunter2": float("nan")})
    with pytest.raises(NexusError):
        await service.create_session(channel="hunter2")
    with pytest.raises(AuthenticationRequired):
        await app.caller_of_token("hunter2", "api")
    await service.signal_session("s", "go", {"p": "hunter2"})
    kept = b"".join([row.document for row in await app.store.read_audit("", limit=99)])
    assert b"hunter2" not in kept
    assert made.secret.encode() not in kept
    assert made.token.digest.encode() not in kept


async def test_a_flood_of_guesses_costs_few_records_a_minute(app: AsyncNexus, service: Service) -> None:
    for _ in range(12):
        with pytest.raises(AuthenticationRequired):
            await app.caller_of_token("nexus_guess", "api")
    assert len(await told(service)) == 2
    app._clock.advance(61)  # type: ignore[attr-defined]
    with pytest.raises(AuthenticationRequired):
        await app.caller_of_token("nexus_guess", "api")
    assert [each.reason for each in await service.audit("action:authenticate")] == [
        "a token that is unknown, revoked or expired",
        "10 more of the same within a minute",
        "1 more of the same within a minute",
        "a token that is unknown, revoked or expired",
    ]


async def test_lists_go_page_by_page_from_both_ends(service: Service) -> None:
    for number in range(7):
        await service.create_session(session_id=f"s{number}")
    seen: list[int] = []
    cursor: str | None = None
    while True:
        page = await service.audit(newest=True, limit=3, cursor=cursor)
        seen += [each.seq for each in page]
        cursor = page.next_cursor
        if cursor is None:
            break
        await service.create_session()
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    assert [each.target for each in await service.audit("s3")] == ["s3"]
    assert await told(service, "target:s1,s2 -actor:bob action:cre* age<1h") == [
        ("ann", "create", "s1", None), ("ann", "create", "s2", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("q", "column"), [("actor:a colour:red", 9), ("outcome:maybe", 9), ("age<soon", 5), ("seq>4", 1), ("actor:", 7)]
)
async def test_a_mistake_in_a_filter_is_pointed_at(service: Service, q: str, column: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        await service.audit(q)
    assert caught.value.details["column"] == column


@pytest.mark.parametrize("cursor", ["", "=x", "n:=1", "nonsense", "=99999999999999999999"])
async def test_a_cursor_of_another_list_is_refused(service: Service, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        await service.audit(cursor=cursor)


def test_a_head_is_read_as_it_is_shown() -> None:
    assert read_head("12:" + "a" * 64) == AuditHead(chain="", count=12, hash="a" * 64)
    assert read_head("s07:12:" + "b" * 40) == AuditHead(chain="s07", count=12, hash="b" * 40)
    for wrong in ("", "12", "x:" + "a" * 64, "12:abc"):
        with pytest.raises(InvalidInput):
            read_head(wrong)
