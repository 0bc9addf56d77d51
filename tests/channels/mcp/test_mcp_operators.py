"""The operator tools."""

from __future__ import annotations

from typing import Any

import pytest

from tests.channels.mcp.conftest import Door

NAMES = {
    "nexus_sessions_list",
    "nexus_session_get",
    "nexus_session_extend",
    "nexus_session_end",
    "nexus_session_resume",
    "nexus_session_fork",
    "nexus_statistics",
    "nexus_events",
}


async def test_each_says_what_it_takes_gives_and_risks(door: Door) -> None:
    async with door() as place, place.client() as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools if tool.name.startswith("nexus_")}
    assert set(tools) == NAMES
    for tool in tools.values():
        assert tool.input_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == "object"
        assert tool.annotations is not None
    hints = {name: tool.annotations for name, tool in tools.items()}
    reading = {name for name, hint in hints.items() if hint is not None and hint.read_only_hint}
    destructive = {name for name, hint in hints.items() if hint is not None and hint.destructive_hint}
    assert reading == {"nexus_sessions_list", "nexus_session_get", "nexus_statistics", "nexus_events"}
    assert destructive == {"nexus_session_end", "nexus_session_resume"}
    assert hints["nexus_session_end"] is not None
    assert hints["nexus_session_end"].idempotent_hint


async def test_sessions_are_listed_filtered_and_paged(http_door: Door) -> None:
    async with http_door() as place, place.client() as client:
        for number in range(5):
            await place.look.create_session(session_id=f"s{number}", user_id="even" if number % 2 == 0 else "odd")
        first = await client.call_tool("nexus_sessions_list", {"limit": 3})
        cursor = first.structured_content["next_cursor"]
        second = await client.call_tool("nexus_sessions_list", {"limit": 3, "cursor": cursor})
        even = await client.call_tool("nexus_sessions_list", {"q": "user:even", "sort": "created_at"})
    assert first.structured_content["total"] == 5
    ids = [item["id"] for page in (first, second) for item in page.structured_content["items"]]
    assert ids == ["s4", "s3", "s2", "s1", "s0"]
    assert second.structured_content["next_cursor"] is None
    assert [item["id"] for item in even.structured_content["items"]] == ["s0", "s2", "s4"]


async def test_a_session_is_shown_as_the_record_is(http_door: Door) -> None:
    async with http_door() as place, place.client() as client:
        made = await client.call_tool("process", {"action": "start"})
        session_id = made.structured_content["session_id"]
        shown = await client.call_tool("nexus_session_get", {"session_id": session_id})
        assert shown.structured_content == (await place.session(session_id)).to_dict()


async def test_a_session_is_extended_and_ended_by_the_mcp_channel(door: Door) -> None:
    async with door() as place, place.client() as client:
        before = await place.look.create_session(session_id="one")
        extended = await client.call_tool("nexus_session_extend", {"session_id": "one", "seconds": 60})
        ended = await client.call_tool(
            "nexus_session_end", {"session_id": "one", "status": "cancelled", "reason": "enough"}
        )
        again = await client.call_tool("nexus_session_end", {"session_id": "one"})
        after = await place.session("one")
        events = await client.call_tool("nexus_events", {"session_id": "one"})
    assert extended.structured_content["expires_at"] > before.to_dict()["expires_at"]
    assert ended.structured_content["status"] == "cancelled"
    assert again.structured_content["version"] == ended.structured_content["version"] == after.version
    last = events.structured_content["items"][-1]
    assert (last["type"], last["channel"]) == ("session.ended", "mcp")


async def test_a_failed_session_is_resumed_and_forked(http_door: Door) -> None:
    async with http_door() as place, place.client() as client:
        failed = await client.call_tool("fail", {"session_id": "broken"})
        resumed = await client.call_tool("nexus_session_resume", {"session_id": "broken"})
        await place.failed("broken", runs=2)
        forked = await client.call_tool("nexus_session_fork", {"session_id": "broken", "new_session_id": "copy"})
        copy = await place.session("copy")
    assert failed.is_error
    assert not resumed.is_error, resumed.structured_content
    assert resumed.structured_content["status"] in {"in_progress", "failed"}
    assert forked.structured_content["id"] == "copy"
    assert copy.status == "active"


async def test_a_session_is_forked_from_a_checkpoint(http_door: Door) -> None:
    async with http_door() as place, place.client() as client:
        await client.call_tool("walk", {"steps": 3, "session_id": "loop"})
        forked = await client.call_tool("nexus_session_fork", {"session_id": "loop", "checkpoint_id": "checkpoint-2"})
    assert forked.structured_content["state"] == {"last": 1}


async def test_statistics_and_the_newest_events_are_told(http_door: Door) -> None:
    async with http_door() as place, place.client() as client:
        await client.call_tool("process", {"action": "start"})
        figures = await client.call_tool("nexus_statistics", {})
        newest = await client.call_tool("nexus_events", {"limit": 2})
    assert figures.structured_content["total"] == 1
    assert figures.structured_content["by_channel"]["mcp"] == 1
    items = newest.structured_content["items"]
    assert len(items) == 2
    assert items[-1]["type"] == "run.completed"


REFUSED = [
    ("nexus_sessions_list", {"limt": 5}, "invalid_input", "limt"),
    ("nexus_sessions_list", {"limit": "5"}, "invalid_input", "limit"),
    ("nexus_sessions_list", {"limit": 0}, "invalid_input", "limit"),
    ("nexus_sessions_list", {"limit": True}, "invalid_input", "limit"),
    ("nexus_sessions_list", {"limit": 1.5}, "invalid_input", "limit"),
    ("nexus_sessions_list", {"sort": "shoe size"}, "invalid_input", "sort"),
    ("nexus_session_get", {}, "invalid_input", "session_id"),
    ("nexus_session_get", {"session_id": "nowhere"}, "session_not_found", None),
    ("nexus_session_get", {"session_id": None}, "invalid_input", "session_id"),
    ("nexus_session_extend", {"session_id": "a", "seconds": "60"}, "invalid_input", "seconds"),
    ("nexus_session_extend", {"session_id": "a", "seconds": 1e300}, "invalid_input", "seconds"),
    ("nexus_session_end", {"session_id": "a", "status": "done"}, "invalid_input", "status"),
    ("nexus_session_resume", {"session_id": "a", "checkpoint_id": "checkpoint-9"}, "checkpoint_not_found", None),
    ("nexus_session_fork", {"session_id": "a", "new_session_id": "a"}, "session_exists", None),
    ("nexus_events", {"cursor": "5"}, "invalid_input", "cursor"),
    ("nexus_events", {"newest": True}, "invalid_input", "newest"),
    ("nexus_events", {"session_id": "a", "q": "status:failed"}, "invalid_input", "q"),
    ("nexus_statistics", {"since": "yesterday"}, "invalid_input", "since"),
]


@pytest.mark.parametrize(("tool", "arguments", "code", "field"), REFUSED)
async def test_what_does_not_fit_is_refused_with_its_code(
    http_door: Door, tool: str, arguments: dict[str, Any], code: str, field: str | None
) -> None:
    async with http_door() as place, place.client() as client:
        before = await place.look.create_session(session_id="a")
        result = await client.call_tool(tool, arguments)
        after = await place.session("a")
    assert result.is_error
    assert result.structured_content["code"] == code
    if field is not None:
        assert result.structured_content["details"]["field"] == field
        assert field in result.structured_content["detail"]
    assert after.version == before.version


async def test_a_mistake_in_a_filter_is_pointed_at(http_door: Door) -> None:
    async with http_door() as place, place.client() as client:
        result = await client.call_tool("nexus_sessions_list", {"q": "status:broken"})
    assert result.is_error
    assert result.structured_content["code"] == "invalid_input"
    assert "broken" in result.structured_content["detail"]
