"""The same for many sessions, through both doors."""

from __future__ import annotations

from typing import Any

import pytest

from nexus import InvalidInput, NexusError
from nexus.model.bulk import MOST_IN_BULK, BulkReport, BulkRequest
from nexus.service import Service


def ask(action: str, *ids: str, **more: Any) -> BulkRequest:
    return BulkRequest(action=action, ids=ids or None, **more)


def outcomes(report: BulkReport) -> dict[str, str]:
    return {item.session_id: item.outcome for item in report.items}


@pytest.fixture
async def three(service: Service) -> Service:
    for name in ("a", "b", "c"):
        await service.create_session(session_id=name, metadata={"lot": name})
    return service


async def test_all_that_a_filter_matches_are_ended(three: Service) -> None:
    report = await three.bulk(BulkRequest(action="end", q="status:active", status="cancelled", reason="closing"))
    assert (report.matched, report.counts["done"]) == (3, 3)
    assert {item.status for item in report.items} == {"cancelled"}
    (event,) = (await three.list_events("a", newest=True, limit=1)).items
    assert event.data["reason"] == "closing"


async def test_a_plan_changes_nothing_and_freezes_what_it_saw(three: Service) -> None:
    await three.end_session("c")
    plan = await three.bulk(BulkRequest(action="end", q="id:a,b,c", dry_run=True))
    assert outcomes(plan) == {"a": "planned", "b": "planned", "c": "unchanged"}
    assert (await three.get_session("a")).status == "active"

    await three.patch_session("b", {"busy": True})
    versions = {item.session_id: item.version for item in plan.items if item.outcome == "planned"}
    report = await three.bulk(ask("end", "a", "b", versions=versions))
    assert outcomes(report) == {"a": "done", "b": "drifted"}
    assert report.items[1].error is not None
    assert (report.items[1].error["code"], report.items[1].version) == ("version_conflict", 2)
    assert report.items[1].status == "active"
    assert (await three.get_session("b")).status == "active"


async def test_one_refusal_stops_no_other(three: Service) -> None:
    await three.end_session("b")
    report = await three.bulk(ask("extend", "a", "nobody", "b", "c", seconds=60))
    assert outcomes(report) == {"a": "done", "nobody": "refused", "b": "refused", "c": "done"}
    codes = [item.error["code"] for item in report.items if item.error is not None]
    assert codes == ["session_not_found", "invalid_transition"]


async def test_what_would_be_refused_is_told_by_the_plan(three: Service) -> None:
    await three.end_session("b")
    needed: dict[str, dict[str, Any]] = {"patch": {"patch": {}}, "signal": {"name": "go"}}
    for action in ("extend", "resume", "patch", "signal", "undo"):
        more = needed.get(action, {})
        plan = await three.bulk(ask(action, "a", "b", dry_run=True, **more))
        done = await three.bulk(ask(action, "a", "b", **more))
        told = {key: value.replace("planned", "done") for key, value in outcomes(plan).items()}
        assert told == outcomes(done), action


async def test_ending_what_has_ended_is_unchanged(three: Service) -> None:
    await three.end_session("a")
    assert outcomes(await three.bulk(ask("end", "a", "a"))) == {"a": "unchanged"}


async def test_forks_are_named(three: Service) -> None:
    report = await three.bulk(ask("fork", "a", "b"))
    assert [(await three.get_session(item.made or "")).metadata["lot"] for item in report.items] == ["a", "b"]


async def test_states_are_patched_and_signals_left(three: Service) -> None:
    await three.bulk(ask("patch", "a", "b", patch={"flag": [1, None]}))
    assert (await three.get_session("b")).state == {"flag": [1, None]}
    report = await three.bulk(ask("signal", "a", "b", name="approve", payload={"by": "me"}))
    assert report.counts["done"] == 2


async def test_a_bulk_end_is_undone_in_bulk(three: Service) -> None:
    ended = await three.bulk(BulkRequest(action="end", q="id:a,b,c"))
    versions = {item.session_id: item.version or 0 for item in ended.items}
    undone = await three.bulk(ask("undo", *versions, versions=versions))
    assert undone.counts["done"] == 3
    assert {(await three.get_session(name)).status.value for name in "abc"} == {"active"}


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (BulkRequest(action="explode", ids=("a",)), "action"),
        (BulkRequest(action="end"), "ids"),
        (BulkRequest(action="end", ids=("a",), q="a"), "ids"),
        (BulkRequest(action="end", q="  "), "q"),
        (BulkRequest(action="end", ids=("a",), status="expired"), "status"),
        (BulkRequest(action="end", ids=("a",), seconds=5.0), "seconds"),
        (BulkRequest(action="extend", ids=("a",), reason="why"), "reason"),
        (BulkRequest(action="extend", ids=("a",), seconds=-1.0), "seconds"),
        (BulkRequest(action="signal", ids=("a",)), "name"),
        (BulkRequest(action="patch", ids=("a",)), "patch"),
        (BulkRequest(action="patch", ids=("a",), patch={"status": "completed"}), "status"),
        (BulkRequest(action="end", ids=("a",), versions={"b": 1}), "versions"),
        (BulkRequest(action="end", ids=("not an id",)), "session_id"),
        (BulkRequest(action="end", ids=tuple(f"s{n}" for n in range(MOST_IN_BULK + 1))), "ids"),
    ],
)
async def test_what_makes_no_sense_is_refused_before_anything_is_done(
    three: Service, request_: BulkRequest, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await three.bulk(request_)
    assert field in str(refused.value.details.get("field"))
    assert (await three.get_session("a")).version == 1


async def test_a_mistake_in_the_filter_is_pointed_at(three: Service) -> None:
    with pytest.raises(NexusError) as refused:
        await three.bulk(BulkRequest(action="end", q="stauts:active"))
    assert refused.value.details["column"] == 1


async def test_single_changes_are_made_of_the_version_asked_for_alone(three: Service) -> None:
    first = await three.get_session("a")
    await three.patch_session("a", {"n": 1})
    for change in (
        three.end_session("a", if_version=first.version),
        three.extend_session("a", 5, if_version=first.version),
        three.signal_session("a", "go", if_version=first.version),
        three.resume_session("a", if_version=first.version),
        three.undo_session("a", if_version=first.version),
    ):
        with pytest.raises(NexusError) as refused:
            await change
        assert refused.value.code == "version_conflict"


async def test_a_session_may_be_called_bulk(service: Service) -> None:
    await service.create_session(session_id="bulk", state={"mine": 1})
    assert (await service.get_session("bulk")).state == {"mine": 1}
    assert (await service.patch_session("bulk", {"mine": 2})).version == 2
    assert (await service.bulk(ask("end", "bulk"))).counts["done"] == 1
