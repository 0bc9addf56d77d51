"""What the synchronous calls give reads as users write it: by attribute, by key, and in a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import nexus
from nexus import AsyncNexus, Nexus, errors
from nexus.errors import CheckpointNotFound, InvalidInput
from nexus.workflows.context import AsyncRun, SyncRun


@pytest.fixture
def app() -> Iterator[Nexus]:
    with Nexus(store="memory://") as opened:

        @opened.workflow("count")
        def count(run: SyncRun, to: int = 3) -> int:
            for number in run.steps(range(to)):
                run.state["last"] = number
            return to

        yield opened


def test_statistics_are_a_mapping(app: Nexus) -> None:
    app.create_session()
    figures: Any = app.session_manager.get_statistics()
    assert issubclass(type(figures), Mapping)
    assert {"active", "total", "by_status", "p99_duration"} <= set(figures)
    assert figures.keys() >= {"success_rate", "created_per_minute"}
    assert dict(figures) == dict(figures.items()) == figures.to_dict()
    assert figures["active"] == figures.get("active") == figures.active == 1
    assert figures.get("unknown", 5) == 5
    with pytest.raises(KeyError):
        figures["unknown"]


def test_lists_are_iterated_counted_and_indexed(app: Nexus) -> None:
    result = app.execute_workflow("count")
    checkpoints = app.session_manager.list_checkpoints(result.session_id)
    assert [checkpoint.id for checkpoint in checkpoints] == ["checkpoint-1", "checkpoint-2", "checkpoint-3"]
    assert len(checkpoints) == 3
    assert checkpoints[-1].id == result.last_checkpoint
    assert [session.id for session in app.session_manager.list_sessions()] == [result.session_id]
    assert "run.completed" in [event.type for event in app.session_manager.list_events(result.session_id)]
    assert not app.session_manager.list_groups()


def test_every_record_reads_by_key_as_by_attribute(app: Nexus) -> None:
    group_id = app.session_manager.create_group("batch")
    session_id = app.create_session(group=group_id)
    result = app.execute_workflow("count", session_id)
    group = app.session_manager.get_group(group_id)
    checkpoint = app.session_manager.list_checkpoints(session_id)[0]
    event = app.session_manager.list_events(session_id)[0]
    for record in (result, group, checkpoint, event):
        assert {name: getattr(record, name) for name in record.to_dict()} == dict(record)
        assert record.get("unknown") is None
        assert "unknown" not in record
    assert (group["status"], group["by_status"]["active"]) == ("open", 1)
    assert (result["status"], checkpoint["step"], event["type"]) == ("completed", 1, "session.created")


def test_a_session_shows_its_fields_before_what_its_state_calls_the_same(app: Nexus) -> None:
    session = app.get_session(app.create_session(state={"step": 7, "tier": "gold"}))
    assert (session["step"], session["tier"], session.state["step"]) == (0, "gold", 7)
    assert next(iter(session)) == "id"
    assert dict(session.items()) == dict(session)
    assert dict(session)["step"] == 0


def test_every_error_can_be_imported_from_the_package() -> None:
    for name in ("SessionNotFound", "SessionBusy", "WaitTimeout", "CheckpointNotFound"):
        assert getattr(nexus, name) is getattr(errors, name)
        assert name in nexus.__all__


def test_a_checkpoint_id_of_any_other_form_is_not_found(app: Nexus) -> None:
    session_id = app.execute_workflow("count").session_id
    for unknown in ("checkpoint-99", "latest"):
        with pytest.raises(CheckpointNotFound, match=unknown):
            app.resume_from_checkpoint(session_id, unknown)


def test_a_workflow_is_registered_with_its_name_before_or_behind_it(app: Nexus) -> None:
    def five() -> int:
        return 5

    assert app.register(five, "behind") is five
    assert app.register("before", five) is five
    assert [app.execute_workflow(name).outputs for name in ("behind", "before")] == [5, 5]


def test_a_patch_that_is_no_object_is_refused(app: Nexus) -> None:
    session_id = app.create_session()
    patch: Any = [1]
    with pytest.raises(InvalidInput, match="patch must be a JSON object, not list"):
        app.update_session(session_id, patch)


async def test_an_async_run_says_its_progress_whether_that_is_awaited_or_not() -> None:
    async with AsyncNexus(store="memory://") as app:

        @app.workflow("telling")
        async def telling(run: AsyncRun, awaited: bool) -> None:
            said = run.progress(1, 2, "half")
            if awaited:
                await said
            await asyncio.sleep(0)

        for awaited in (True, False):
            result = await app.execute_workflow("telling", inputs={"awaited": awaited})
            assert result.status == "completed"
            events = await app.session_manager.list_events(result.session_id)
            assert [event.data["note"] for event in events if event.type == "run.progress"] == ["half"]
