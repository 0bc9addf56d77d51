"""Why a session stands where it stands: every state is explained, with a command that helps."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from nexus.model import Event, Run, RunStatus, Session, Status, Wait, Worker
from nexus.testing.builders import a_run, a_session, a_worker, an_event
from nexus_tui.viewmodels.why import Evidence, Explanation, explain
from nexus_widgets import is_inert
from tests.console.world import NOW
from tests.widgets.support import HOSTILE


def why(
    session: Session, run: Run | None = None, workers: tuple[Worker, ...] = (), events: tuple[Event, ...] = ()
) -> Explanation:
    return explain(Evidence(session, run, workers, events, NOW))


def said(found: Explanation) -> str:
    """All of it as one text."""
    facts = "\n".join(f"{label}: {value.text}" for label, value in found.facts)
    helps = "\n".join(" ".join((remedy.text, *remedy.command)) for remedy in found.remedies)
    return f"{found.verdict.text}\n{facts}\n{helps}"


def running(**more: Any) -> Session:
    chosen: dict[str, Any] = {
        "status": Status.IN_PROGRESS, "created_at": NOW - 600, "last_activity": NOW - 5, "workflow": "index",
        "run_id": "run-1", "step": 7, "timeout": 3600.0,
    }  # fmt: skip
    return a_session("job", **(chosen | more))


ALIVE = a_worker("w1", host="box-1", pid=42, alive=True, seen_at=NOW - 2, workflows=("index",))
DEAD = a_worker("w2", host="box-2", pid=43, alive=False, seen_at=NOW - 90, workflows=("index",))


def test_a_run_that_goes_on_names_its_process_and_since_when() -> None:
    found = why(running(), a_run("job", workflow="index", worker="w1", taken_at=NOW - 120), (ALIVE,))
    assert found.verdict.tone == "good"
    assert "pid 42 on box-1 (w1), for 2m" in said(found)
    assert "2s ago, alive" in said(found)


def test_a_run_whose_process_is_alive_and_silent_is_suspected() -> None:
    found = why(running(last_activity=NOW - 400), a_run("job", workflow="index", worker="w1"), (ALIVE,))
    assert "nothing was committed for 6m40" in found.verdict.text
    assert ("events", "--session", "job") in {remedy.command for remedy in found.remedies}


def test_a_run_whose_process_died_is_taken_over_by_a_live_one() -> None:
    found = why(running(), a_run("job", workflow="index", worker="w2"), (ALIVE, DEAD))
    assert "stopped beating" in found.verdict.text
    assert "takes over: pid 42 on box-1" in said(found)


@pytest.mark.parametrize("worker", ["w2", "gone", ""])
def test_a_run_that_nobody_can_take_is_stuck_and_a_worker_helps(worker: str) -> None:
    other = replace(ALIVE, workflows=("something-else",))
    run = a_run("job", workflow="index", worker=worker, started_at=NOW - 60)
    found = why(running(last_activity=NOW - 40), run, (DEAD, other))
    assert found.verdict.text.startswith("Stuck")
    assert "knows something-else" in said(found)
    assert ("worker", "--app", "MODULE:ATTR") in {remedy.command for remedy in found.remedies}


@pytest.mark.parametrize("worker", ["gone", ""])
def test_a_run_that_nobody_could_take_yet_is_not_called_stuck(worker: str) -> None:
    run = a_run("job", workflow="index", worker=worker, started_at=NOW - 60)
    found = why(running(last_activity=NOW - 1), run, (DEAD,))
    assert "Stuck" not in said(found)
    assert found.verdict.tone == "warn"
    assert ("worker", "--app", "MODULE:ATTR") in {remedy.command for remedy in found.remedies}


def test_a_wait_that_has_just_ended_is_not_called_stuck() -> None:
    run = a_run("job", status=RunStatus.SUSPENDED, wait=Wait(signal="approval", since=NOW - 60, deadline=NOW - 1))
    found = why(running(status=Status.SUSPENDED), run)
    assert found.verdict.text.startswith("Its wait for approval ended 1s ago")


def test_a_run_that_waits_for_its_turn_says_who_could_run_it() -> None:
    found = why(running(), a_run("job", workflow="index", worker=""), (ALIVE,))
    assert "has waited for its turn" in found.verdict.text
    assert "could run it: pid 42 on box-1" in said(found)


def test_no_process_at_all_is_said() -> None:
    assert "none is alive on this store" in said(why(running(), a_run("job", workflow="index", worker="")))


def test_recoveries_without_progress_are_told() -> None:
    found = why(running(), a_run("job", workflow="index", worker="w1", recoveries=2), (ALIVE,))
    assert "2 in a row without progress" in said(found)


def test_a_waiting_run_says_for_what_and_until_when_and_how_to_give_it() -> None:
    run = a_run("job", status=RunStatus.SUSPENDED, wait=Wait(signal="approval", since=NOW - 60, deadline=NOW + 600))
    found = why(running(status=Status.SUSPENDED), run)
    assert "has waited for the signal approval for 1m" in found.verdict.text
    assert "in 10m: then it goes on without" in said(found)
    assert ("sessions", "signal", "job", "approval", "--payload", "null") in {each.command for each in found.remedies}


def test_a_wait_past_its_deadline_is_stuck() -> None:
    run = a_run("job", status=RunStatus.SUSPENDED, wait=Wait(signal="approval", since=NOW - 60, deadline=NOW - 30))
    found = why(running(status=Status.SUSPENDED), run)
    assert found.verdict.text.startswith("Stuck: it should have gone on without approval 30s ago")


def test_signals_of_another_name_are_said_to_be_none_of_it() -> None:
    run = a_run("job", status=RunStatus.SUSPENDED, wait=Wait(signal="approval", since=NOW - 60))
    event = an_event("session.signalled", "job", ts=NOW - 5, data={"name": "aproval"})
    assert "aproval, none of them is the one" in said(why(running(status=Status.SUSPENDED), run, events=(event,)))


def test_a_failure_says_what_and_where_and_offers_its_checkpoint() -> None:
    session = running(status=Status.FAILED, error="ValueError: no price", checkpoints=3, at_checkpoint=3,
                      idle_deadline=NOW + 3595)  # fmt: skip
    run = a_run("job", workflow="index", status=RunStatus.FAILED, ended_at=NOW - 60)
    events = tuple(an_event("run.failed", "job", ts=NOW - at) for at in (900, 60))
    found = why(session, run, events=events)
    assert found.verdict.text == "Its run failed 1m ago at step 7: ValueError: no price"
    assert "failed before: 1 time" in said(found)
    commands = {remedy.command for remedy in found.remedies}
    assert ("sessions", "resume", "job") in commands
    assert ("sessions", "resume", "job", "--checkpoint", "checkpoint-3") in commands


def test_a_poisoned_run_is_not_to_be_resumed_as_it_is() -> None:
    session = running(status=Status.FAILED, error="poisoned: 3 processes in a row died with it at step 7")
    assert "mend the workflow" in said(why(session))


EXPIRIES = {
    "idling": ({"timeout": 3600.0, "last_activity": NOW - 3000, "idle_deadline": NOW + 600}, "time-out of 1h"),
    "age": ({"max_age": 900.0, "created_at": NOW - 300, "age_deadline": NOW + 600}, "max age of 15m"),
    "extended": ({"timeout": 3600.0, "last_activity": NOW - 5, "idle_deadline": NOW + 9000}, "somebody extended"),
}


@pytest.mark.parametrize("case", EXPIRIES)
def test_the_rule_by_which_it_expires_is_named(case: str) -> None:
    fields, words = EXPIRIES[case]
    assert words in said(why(running(**{"status": Status.ACTIVE, "run_id": None, **fields})))


def test_an_open_session_that_ends_soon_can_be_kept() -> None:
    found = why(running(status=Status.ACTIVE, idle_deadline=NOW + 120))
    assert "expires in 2m" in found.verdict.text
    assert ("sessions", "extend", "job", "--seconds", "600") in {remedy.command for remedy in found.remedies}


def test_one_that_expired_says_when_and_how_it_comes_back() -> None:
    for session in (running(status=Status.ACTIVE, idle_deadline=NOW - 30),
                    running(status=Status.EXPIRED, ended_at=NOW - 30)):  # fmt: skip
        found = why(session)
        assert "expired 30s ago" in found.verdict.text
        assert ("sessions", "resume", "job") in {remedy.command for remedy in found.remedies}


def test_one_that_was_ended_says_by_whom_and_why() -> None:
    event = an_event("session.ended", "job", ts=NOW - 9, actor="alice", channel="mcp",
                     data={"status": "cancelled", "reason": "wrong order"})  # fmt: skip
    found = why(running(status=Status.CANCELLED, ended_at=NOW - 9), events=(event,))
    assert "ended as cancelled 9s ago by alice (mcp)" in found.verdict.text
    assert "wrong order" in said(found)


def test_runs_that_wait_behind_a_live_one_are_counted_from_its_events() -> None:
    told = (
        an_event("run.queued", "job", data={"workflow": "index", "run_id": "run-1"}),
        an_event("run.queued", "job", data={"workflow": "report", "run_id": "run-2"}),
        an_event("run.queued", "job", data={"workflow": "report", "run_id": "run-3"}),
        an_event("run.started", "job", data={"workflow": "report", "run_id": "run-3"}),
    )
    found = why(running(), a_run("job", workflow="index", worker="w1"), (ALIVE,), told)
    assert "1 run behind this one: report" in said(found)


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_stands_in_records_is_inert(status: Status, text: str) -> None:
    session = a_session(text, status=status, workflow=text, error=text, run_id=text, created_at=NOW - 9,
                        last_activity=NOW - 9, idle_deadline=NOW + 9, ended_at=NOW - 1)  # fmt: skip
    wait = Wait(signal=text, since=NOW - 9) if status is Status.SUSPENDED else None
    run = a_run(text, text, workflow=text, worker=text, wait=wait, error=text)
    worker = a_worker(text, host=text, workflows=(text,), alive=True, seen_at=NOW)
    kinds = ("session.signalled", "session.ended", "run.queued", "run.failed")
    events = tuple(an_event(kind, text, ts=NOW - 5, actor=text, channel=text,
                            data={"name": text, "reason": text, "workflow": text, "run_id": text, "status": text})
                   for kind in kinds)  # fmt: skip
    found = why(session, run, (worker,), events)
    assert is_inert(found.verdict.text)
    assert all(is_inert(value.text) for _, value in found.facts)
    assert all(is_inert(remedy.text) for remedy in found.remedies)
