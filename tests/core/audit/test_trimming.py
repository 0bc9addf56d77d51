"""What retention has trimmed is told and proved; what a hand has trimmed is found."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from nexus import AsyncNexus
from nexus.audit import read_head, verify, verify_lines
from nexus.channels.client import decode
from nexus.channels.wire import shown
from nexus.errors import InvalidInput
from nexus.model.audit import AuditHead, AuditVerdict
from nexus.stores.opening import open_store
from nexus.testing.clock import FakeClock

DAY = 86_400.0


async def fill(app: AsyncNexus, clock: FakeClock, days: int) -> None:
    """Two records a day."""
    service = app.service(app.local_caller("cli"))
    for number in range(days):
        await service.create_session(session_id=f"s{number}", timeout=1000 * DAY)
        await service.patch_session(f"s{number}", {"n": number})
        clock.advance(DAY)


async def trimmed_file(tmp_path: Path) -> tuple[str, Path, AuditVerdict]:
    """A file whose first 10 of 16 records are trimmed, in two goes."""
    file, clock = tmp_path / "n.sqlite", FakeClock()
    async with AsyncNexus(store=f"sqlite:///{file}", audit_retention=4.5 * DAY, clock=clock) as app:
        await fill(app, clock, 6)
        await app.session_manager.cleanup_expired()
        await fill_more(app, clock)
        await app.session_manager.cleanup_expired()
        verdict = await verify(app.store)
    return f"sqlite:///{file}", file, verdict


async def fill_more(app: AsyncNexus, clock: FakeClock) -> None:
    service = app.service(app.local_caller("cli"))
    for number in range(3):
        await service.patch_session("s5", {"more": number})
        clock.advance(DAY)


async def test_what_is_too_old_is_trimmed_and_the_rest_still_proved(tmp_path: Path) -> None:
    url, _, verdict = await trimmed_file(tmp_path)
    assert verdict.intact
    (told,) = verdict.trimmed
    (head,) = verdict.heads
    assert told.count + verdict.records == head.count
    assert told.actor.startswith("system:")
    assert told.records < told.count, "the last of two trims"
    async with open_store(url) as store:
        rows = await store.read_audit("", limit=1)
        assert rows[0].seq == told.count + 1
        assert (await verify(store, [head, AuditHead(chain="", count=told.count, hash=told.hash)])).intact
        forged = (await verify(store, [AuditHead(chain="", count=told.count, hash="0" * 64)])).broken
        assert forged is not None
        assert forged.problem == "rewritten"
        old = AuditHead(chain="", count=1, hash="1" * 64)
        assert (await verify(store, [old])).unchecked == (old,)


FIRST = "(SELECT min(seq) FROM audit)"


def _edit(what: str, into: str, where: str) -> str:
    return f"UPDATE audit SET document = CAST(replace(document, '{what}', '{into}') AS BLOB) WHERE {where}"  # noqa: S608


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (f"DELETE FROM audit WHERE seq <= {FIRST}", "dropped"),  # noqa: S608
        ("DELETE FROM audit WHERE seq < (SELECT max(seq) FROM audit)", "dropped"),
        ("INSERT INTO audit SELECT min(seq) - 1, hash, document FROM audit", "edited"),
        (_edit("audit.trim", "audit.trip", "instr(document, CAST('audit.trim' AS BLOB))"), "edited"),
        (_edit("local:", "lokal:", f"seq = {FIRST}"), "edited"),
        (f"UPDATE audit SET hash = zeroblob(32) WHERE seq = {FIRST}", "edited"),  # noqa: S608
    ],
)
async def test_a_hand_that_trims_or_puts_back_is_found(tmp_path: Path, statement: str, problem: str) -> None:
    url, file, _ = await trimmed_file(tmp_path)
    with sqlite3.connect(file) as connection:
        connection.executescript(statement)
    connection.close()
    async with open_store(url) as store:
        found = (await verify(store)).broken
    assert found is not None
    assert found.problem == problem


async def test_a_chain_trimmed_by_hand_alone_has_no_anchor(tmp_path: Path) -> None:
    file = tmp_path / "n.sqlite"
    async with AsyncNexus(store=f"sqlite:///{file}", clock=FakeClock()) as app:
        await fill(app, FakeClock(), 4)
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM audit WHERE seq <= 5")
    connection.close()
    async with open_store(f"sqlite:///{file}") as store:
        found = (await verify(store)).broken
    assert found is not None
    assert (found.seq, found.problem) == (1, "dropped")
    assert "records 1 to 5 are missing" in found.detail


async def test_a_quiet_store_does_not_trim_the_traces_of_its_trimming() -> None:
    clock = FakeClock()
    async with AsyncNexus(store="memory://", audit_retention=DAY, clock=clock) as app:
        await fill(app, clock, 3)
        for _ in range(5):
            clock.advance(2 * DAY)
            await app.session_manager.cleanup_expired()
        rows = await app.store.read_audit("", limit=99)
        assert [row.seq for row in rows] == [7]
        assert (await verify(app.store)).trimmed[0].count == 6


async def test_more_than_one_commit_s_worth_goes_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    from nexus.sessions import audit_retention

    monkeypatch.setattr(audit_retention, "AT_ONCE", 4)
    clock = FakeClock()
    async with AsyncNexus(store="memory://", audit_retention=DAY, clock=clock) as app:
        await fill(app, clock, 10)
        clock.advance(DAY)
        await app.session_manager.cleanup_expired()
        verdict = await verify(app.store)
        assert verdict.intact
        assert verdict.trimmed[0].count == 20
        assert verdict.trimmed[0].records == 4


async def test_an_export_from_before_meets_what_is_left(tmp_path: Path) -> None:
    import msgspec

    clock = FakeClock()
    async with AsyncNexus(store="memory://", audit_retention=2.5 * DAY, clock=clock) as app:
        service = app.service(app.local_caller("cli"))
        await fill(app, clock, 4)

        async def lines() -> list[bytes]:
            heads = (await service.verify_audit()).heads
            records = [msgspec.json.encode(each) for each in (await service.audit(limit=500)).items]
            return [*records, msgspec.json.encode({"heads": heads})]

        before = await lines()
        await app.session_manager.cleanup_expired()
        after = await lines()
        assert len(after) < len(before)
        verdict = verify_lines(after)
        assert verdict.intact
        told = verdict.trimmed[0]
        assert verify_lines(before, [read_head(f"{told.count}:{told.hash}")]).intact
        cut = verify_lines([*after[:-2], after[-1]]).broken
        assert cut is not None
        assert cut.problem == "dropped"
        put_back = verify_lines([*before[1:-1], *after[-2:]]).broken
        assert put_back is not None
        assert (put_back.seq, put_back.problem) == (2, "added")


def test_a_retention_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="audit_retention"):
        AsyncNexus(store="memory://", audit_retention=-1)


async def test_a_server_s_answer_tells_what_was_trimmed(tmp_path: Path) -> None:
    _, _, verdict = await trimmed_file(tmp_path)
    assert decode.audit_verdict(shown.audit_verdict(verdict)) == verdict
