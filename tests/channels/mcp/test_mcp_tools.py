"""Workflows as tools (contract, chapter 5)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, TextContent

from tests.channels.mcp.conftest import Door


def text_of(result: CallToolResult) -> Any:
    block = result.content[0]
    assert isinstance(block, TextContent)
    return json.loads(block.text)


async def test_every_workflow_is_a_tool_with_its_schema_and_a_session_id(door: Door) -> None:
    async with door() as place, place.client() as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        workflow = await place.look.get_workflow("process")
    tool = tools["process"]
    assert tool.description is not None
    assert tool.description.startswith("Take one step")
    own = workflow.input_schema["properties"]
    assert tool.input_schema["properties"] == {**own, "session_id": tool.input_schema["properties"]["session_id"]}
    assert tool.input_schema["required"] == ["action"]
    assert "session_id" not in workflow.input_schema["properties"]
    assert tool.output_schema is not None
    assert tool.output_schema["type"] == "object"
    assert {"session_id", "run_id", "workflow", "status", "outputs"} <= set(tool.output_schema["required"])


async def test_a_call_without_a_session_makes_one_and_names_it(door: Door) -> None:
    async with door() as place, place.client() as client:
        result = await client.call_tool("process", {"action": "start", "user_id": "42"})
        session = await place.session(result.structured_content["session_id"])
    assert not result.is_error
    assert result.structured_content["status"] == "completed"
    assert result.structured_content["workflow"] == "process"
    assert result.structured_content["outputs"] == {"actions": ["start"], "user_id": "42"}
    assert text_of(result) == result.structured_content
    assert (session.channel, session.channels) == ("mcp", ("mcp",))


async def test_the_session_id_handed_on_goes_on_with_the_same_work(door: Door) -> None:
    async with door() as place:
        async with place.client() as client:
            first = await client.call_tool("process", {"action": "start"})
            session_id = first.structured_content["session_id"]
            await client.call_tool("process", {"action": "continue", "session_id": session_id})
        async with place.client() as another:
            last = await another.call_tool("process", {"action": "complete", "session_id": session_id})
    assert last.structured_content["session_id"] == session_id
    assert last.structured_content["outputs"]["actions"] == ["start", "continue", "complete"]


async def test_a_session_id_that_is_new_is_created_with_it(http_door: Door) -> None:
    async with http_door() as place, place.client() as client:
        result = await client.call_tool("process", {"action": "start", "session_id": "demo-session"})
        assert result.structured_content["session_id"] == "demo-session"
        assert (await place.session("demo-session")).state == {"actions": ["start"]}


async def test_a_session_from_another_channel_goes_on_over_mcp(http_door: Door) -> None:
    async with http_door() as place, place.client() as client:
        await place.look.create_session(session_id="from-api", channel="api", state={"actions": ["api"]})
        result = await client.call_tool("process", {"action": "mcp", "session_id": "from-api"})
        session = await place.session("from-api")
    assert result.structured_content["outputs"]["actions"] == ["api", "mcp"]
    assert session.channels == ("api", "mcp")


async def test_a_workflow_with_a_session_id_of_its_own_gets_the_one_that_names_the_session(http_door: Door) -> None:
    async with http_door() as place, place.client() as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        result = await client.call_tool("remember", {"session_id": "both"})
        missing = await client.call_tool("remember", {})
    assert tools["remember"].input_schema["required"] == ["session_id"]
    assert result.structured_content["outputs"] == {"argument": "both", "session": "both"}
    assert missing.is_error
    assert missing.structured_content["details"]["field"] == "session_id"


@pytest.mark.parametrize("value", [None, 0, 2**70, -1.5, "", "Straße 🚲", [], {}, [1, [2, {"a": None}]], True])
async def test_any_json_value_comes_back_as_it_went_in(http_door: Door, value: Any) -> None:
    async with http_door() as place, place.client() as client:
        result = await client.call_tool("echo", {"value": value})
    assert result.structured_content["outputs"] == value
    assert text_of(result)["outputs"] == value


async def test_a_workflow_that_raises_is_a_tool_error_with_the_run_result(door: Door) -> None:
    async with door() as place, place.client() as client:
        result = await client.call_tool("fail", {"why": "the disk is full"})
        session = await place.session(result.structured_content["session_id"])
    assert result.is_error
    assert result.structured_content["status"] == "failed"
    assert "the disk is full" in result.structured_content["error"]
    assert session.status == "failed"


async def test_a_workflow_that_waits_for_a_signal_answers_suspended(http_door: Door) -> None:
    async with http_door() as place, place.client() as client:
        result = await client.call_tool("ask", {})
        session = await place.session(result.structured_content["session_id"])
    assert not result.is_error
    assert result.structured_content["status"] == "suspended"
    assert session.status == "suspended"


REFUSED = [
    ("process", {"acton": "start"}, "invalid_input", "acton", "did you mean action?"),
    ("process", {"action": "start", "sessionid": "x"}, "invalid_input", "sessionid", "did you mean session_id?"),
    ("process", {}, "invalid_input", "action", "action"),
    ("process", {"action": 5}, "invalid_input", "action", "5"),
    ("count", {"to": "5"}, "invalid_input", "to", "to"),
    ("process", {"action": "start", "session_id": "no spaces"}, "invalid_input", "session_id", "no spaces"),
    ("process", {"action": "start", "session_id": 7}, "invalid_input", "session_id", "7"),
    ("process", {"action": "start", "session_id": "x" * 129}, "invalid_input", "session_id", "1 to 128"),
]


@pytest.mark.parametrize(("tool", "arguments", "code", "field", "said"), REFUSED)
async def test_arguments_that_do_not_fit_are_named_and_nothing_is_made(
    http_door: Door, tool: str, arguments: dict[str, Any], code: str, field: str, said: str
) -> None:
    async with http_door() as place, place.client() as client:
        result = await client.call_tool(tool, arguments)
        made = await place.look.list_sessions()
    assert result.is_error
    assert result.structured_content["code"] == code
    assert result.structured_content["details"]["field"] == field
    assert said in result.structured_content["detail"]
    assert text_of(result) == result.structured_content
    assert made.total == 0


async def test_a_session_that_has_ended_is_refused_with_its_code(http_door: Door) -> None:
    async with http_door() as place, place.client() as client:
        await place.look.create_session(session_id="over")
        await place.look.end_session("over")
        result = await client.call_tool("process", {"action": "more", "session_id": "over"})
    assert result.is_error
    assert result.structured_content["code"] == "invalid_transition"


async def test_a_tool_that_does_not_exist_is_the_protocols_own_error(door: Door) -> None:
    async with door() as place, place.client() as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("proces", {"action": "start"})
    assert caught.value.code == -32602
    assert "did you mean process?" in caught.value.message


async def test_a_cursor_that_was_never_given_out_is_the_protocols_own_error(http_door: Door) -> None:
    async with http_door() as place, place.client() as client:
        for listing in (client.list_tools, client.list_resources, client.list_resource_templates):
            with pytest.raises(MCPError) as caught:
                await listing(cursor="made up")
            assert caught.value.code == -32602


async def test_the_server_says_who_it_is_and_how_to_hand_a_session_on(door: Door) -> None:
    async with door() as place:
        mode = "legacy" if place.era == "2025-11-25" else "auto"
        async with Client(place.target, mode=mode, cache=None) as client:
            assert client.protocol_version == place.era
            assert client.server_info is not None
            assert client.server_info.name == "nexus"
            assert client.server_info.version
            assert client.instructions is not None
            assert "session_id" in client.instructions
            assert client.server_capabilities.tools is not None
            assert client.server_capabilities.resources is not None
