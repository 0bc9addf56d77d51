"""The table of transitions, and what timing rules do to a session."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from nexus.errors import Fenced, InvalidInput, InvalidTransition, SessionBusy, SessionExpired
from nexus.lifecycle import Moment, Rules, resuming, runs, sessions
from nexus.lifecycle.table import ALLOWED
from nexus.model import FINAL, LIVE, Checkpoint, Status
from nexus.model.change import Change, Snapshot

RULES = Rules(timeout=100.0, max_age=None)
START = 1_000.0


def at(now: float, channel: str = "api") -> Moment:
    return Moment(now=now, actor="local:tester", channel=channel)


def made(rules: Rules = RULES, **fields: object) -> Snapshot:
    change = sessions.create(at(START), rules, session_id="s", channel="api", owner="local:tester", **fields)  # type: ignore[arg-type]
    return after(change)


def after(change: Change | None) -> Snapshot:
    assert change is not None
    assert change.after is not None
    return change.after


def running(before: Snapshot, now: float = START) -> Snapshot:
    change = runs.start(before, at(now), run_id="r", workflow="w", inputs_json=b"{}", worker="me")
    return after(change)


def work(snapshot: Snapshot, state: bytes = b"{}", step: int = 0) -> runs.Work:
    return runs.Work(state_json=state, base_json=snapshot.session.state_json, step=step, loops=(step,))


def test_only_a_resume_leaves_a_final_state() -> None:
    assert ALLOWED[Status.COMPLETED] == frozenset()
    for status in FINAL - {Status.COMPLETED}:
        assert ALLOWED[status] <= {Status.IN_PROGRESS, Status.ACTIVE}


def test_every_live_state_can_end() -> None:
    for status in LIVE | {Status.FAILED}:
        assert ALLOWED[status] >= {Status.COMPLETED, Status.CANCELLED, Status.EXPIRED}


def test_each_use_moves_expiry_to_now_plus_timeout() -> None:
    before = made()
    assert before.session.expires_at == START + 100
    patched = after(sessions.patch(before, at(START + 60), RULES, {"a": 1}))
    assert patched.session.expires_at == START + 160


def test_a_clock_that_jumps_back_shortens_nothing() -> None:
    patched = after(sessions.patch(made(), at(START - 3600), RULES, {"a": 1}))
    assert patched.session.expires_at == START + 100
    assert patched.session.last_activity == START


def test_idle_renewal_never_passes_max_age() -> None:
    rules = Rules(timeout=100.0, max_age=120.0)
    patched = after(sessions.patch(made(rules), at(START + 60), rules, {}))
    assert patched.session.expires_at == START + 120


def test_an_operator_can_extend_past_max_age_and_use_keeps_it() -> None:
    rules = Rules(timeout=100.0, max_age=120.0)
    extended = after(sessions.extend(made(rules), at(START + 10), 500))
    assert extended.session.expires_at == START + 600
    used = after(sessions.patch(extended, at(START + 20), rules, {}))
    assert used.session.expires_at == START + 600


def test_a_live_run_does_not_expire_by_idling_but_by_age() -> None:
    assert running(made()).session.expires_at is None
    rules = Rules(timeout=100.0, max_age=120.0)
    live = running(made(rules))
    assert live.session.expires_at == START + 120
    assert not live.session.is_due(START + 119)
    assert after(sessions.expire(live, at(START + 121))).session.status is Status.EXPIRED


def test_a_session_past_its_time_is_expired_before_anything_has_marked_it() -> None:
    before = made()
    with pytest.raises(SessionExpired):
        sessions.patch(before, at(START + 100), RULES, {})
    with pytest.raises(SessionExpired):
        runs.start(before, at(START + 101), run_id="r", workflow="w", inputs_json=b"{}", worker="me")


def test_expiry_counts_from_the_deadline_and_not_from_when_it_was_noticed() -> None:
    expired = after(sessions.expire(made(), at(START + 5000))).session
    assert expired.ended_at == START + 100
    assert expired.duration == 100


def test_ending_an_ended_session_changes_nothing() -> None:
    ended = after(sessions.end(made(), at(START + 1), Status.COMPLETED, None))
    assert sessions.end(ended, at(START + 2), Status.CANCELLED, None) is None


def test_a_refusal_names_both_states() -> None:
    ended = after(sessions.end(made(), at(START + 1), Status.COMPLETED, None))
    with pytest.raises(InvalidTransition) as refused:
        runs.start(ended, at(START + 2), run_id="r", workflow="w", inputs_json=b"{}", worker="me")
    assert refused.value.details["from"] == "completed"
    assert refused.value.details["to"] == "in_progress"
    assert "completed" in str(refused.value)
    assert "in_progress" in str(refused.value)


def test_a_patch_refuses_fields_of_the_session_but_those_of_the_reference_text() -> None:
    with pytest.raises(InvalidInput) as refused:
        sessions.check_patch({"status": "completed"})
    assert refused.value.details["field"] == "status"
    sessions.check_patch({"last_activity": 1.0, "step": 2, "data": {"processed": True}})


def test_a_second_run_must_wait_for_the_first() -> None:
    live = running(made())
    with pytest.raises(SessionBusy):
        running(live)


def test_a_commit_of_an_older_epoch_is_refused() -> None:
    live = running(made())
    stale = runs.lease_of(live)
    taken = after(runs.take(live, at(START + 1), RULES, "other", dead="me"))
    with pytest.raises(Fenced):
        runs.commit(taken, at(START + 2), RULES, stale, work(live, step=1))
    assert after(runs.commit(taken, at(START + 2), RULES, runs.lease_of(taken), work(taken, step=1))).session.step == 1


def test_a_run_that_kills_its_processes_without_getting_on_is_failed_as_poisoned() -> None:
    live = running(made())
    for worker in ("two", "three"):
        live = after(runs.take(live, at(START), RULES, worker, dead=live.run.worker if live.run else None))
        assert live.session.status is Status.IN_PROGRESS
    dead = after(runs.take(live, at(START), RULES, "four", dead="three"))
    assert dead.session.status is Status.FAILED
    assert "poisoned" in (dead.session.error or "")


def test_progress_clears_the_count_of_recoveries() -> None:
    live = running(made())
    for turn in range(6):
        live = after(runs.take(live, at(START), RULES, f"w{turn}", dead=live.run.worker if live.run else None))
        live = after(runs.commit(live, at(START), RULES, runs.lease_of(live), work(live, step=turn + 1)))
    assert live.session.status is Status.IN_PROGRESS


def test_patches_made_during_a_run_are_kept_by_its_next_commit() -> None:
    live = running(made(state_json=b'{"run":0,"other":0}'))
    base = live.session.state_json
    patched = after(sessions.patch(live, at(START), RULES, {"other": 5, "new": None}))
    done = runs.Work(state_json=b'{"run":3,"other":0}', base_json=base, step=1)
    committed = after(runs.commit(patched, at(START), RULES, runs.lease_of(live), done))
    assert committed.session.state == {"run": 3, "other": 5}


def test_the_newest_checkpoints_are_kept() -> None:
    rules = Rules(max_checkpoints=3)
    live = running(made())
    dropped: list[int] = []
    for step in range(1, 6):
        change = runs.commit(live, at(START), rules, runs.lease_of(live), work(live, step=step))
        dropped.extend(change.drop_checkpoints)
        live = after(change)
    assert dropped == [1, 2]
    assert live.session.last_checkpoint == "checkpoint-5"


def test_going_back_to_a_checkpoint_supersedes_the_later_ones() -> None:
    live = running(made())
    saved: list[Checkpoint] = []
    for step in (1, 2, 3):
        change = runs.commit(live, at(START), RULES, runs.lease_of(live), work(live, b'{"n":%d}' % step, step))
        live, saved = after(change), [*saved, change.checkpoints[0]]
    failed = after(runs.fail(live, at(START), RULES, runs.lease_of(live), work(live, b'{"n":3}', 3), "ValueError: no"))
    assert failed.session.status is Status.FAILED
    back = after(resuming.resume(failed, at(START), resuming.Resumption(worker="me", checkpoint=saved[0])))
    assert back.session.step == 1
    assert back.session.state == {"n": 1}
    assert [back.session.superseded(number) for number in (1, 2, 3)] == [False, True, True]
    assert back.session.last_checkpoint == "checkpoint-1"


def test_a_completed_session_is_not_resumed() -> None:
    ended = after(sessions.end(made(), at(START + 1), Status.COMPLETED, None))
    with pytest.raises(InvalidTransition):
        resuming.resume(ended, at(START + 2), resuming.Resumption(worker="me"))


def test_an_expired_session_without_a_run_is_opened_again_by_resume() -> None:
    resumed = after(resuming.resume(made(), at(START + 500), resuming.Resumption(worker="me"))).session
    assert resumed.status is Status.ACTIVE
    assert resumed.expires_at == START + 600
    assert resumed.version == 2


def test_versions_rise_by_one_with_every_change() -> None:
    live = made()
    versions = [live.session.version]
    steps: tuple[Callable[[Snapshot], Change | None], ...] = (
        lambda it: sessions.patch(it, at(START), RULES, {"a": 1}),
        lambda it: sessions.sync(it, at(START), "mcp"),
        lambda it: sessions.extend(it, at(START), 5),
        lambda it: runs.start(it, at(START), run_id="r", workflow="w", inputs_json=b"{}", worker="me"),
        lambda it: runs.commit(it, at(START), RULES, runs.lease_of(it), work(it, step=1)),
        lambda it: runs.finish(it, at(START), RULES, runs.lease_of(it), work(it, step=1), b"null"),
        lambda it: sessions.end(it, at(START), Status.COMPLETED, None),
    )
    for step in steps:
        change = step(live)
        assert change is not None
        assert change.expected == live.session.version
        assert all(event.version == after(change).session.version for event in change.events)
        live = after(change)
        versions.append(live.session.version)
    assert versions == list(range(1, 9))


def test_fields_that_no_rule_names_survive_a_change() -> None:
    before = made()
    before = Snapshot(replace(before.session, user_id="u", metadata={"k": [1]}))
    ended = after(sessions.end(before, at(START), Status.CANCELLED, "why")).session
    assert (ended.user_id, ended.metadata) == ("u", {"k": [1]})
