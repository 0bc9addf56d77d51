"""Sessions as resources."""

from __future__ import annotations

import json

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import TextResourceContents

from tests.channels.mcp.conftest import Door


async def test_a_session_is_read_as_json(door: Door) -> None:
    async with door() as place, place.client() as client:
        made = await client.call_tool("process", {"action": "start"})
        session_id = made.structured_content["session_id"]
        read = await client.read_resource(f"nexus://sessions/{session_id}")
        session = await place.session(session_id)
    (content,) = read.contents
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "application/json"
    assert content.uri == f"nexus://sessions/{session_id}"
    assert json.loads(content.text) == session.to_dict()


async def test_the_template_and_the_newest_sessions_are_listed_page_by_page(http_door: Door) -> None:
    async with http_door() as place, place.client() as client:
        for number in range(60):
            await place.look.create_session(session_id=f"s:{number:02}")
        templates = await client.list_resource_templates()
        first = await client.list_resources()
        second = await client.list_resources(cursor=first.next_cursor)
    assert [template.uri_template for template in templates.resource_templates] == ["nexus://sessions/{id}"]
    names = [resource.name for page in (first, second) for resource in page.resources]
    assert names == [f"s:{number:02}" for number in reversed(range(60))]
    assert second.next_cursor is None
    assert first.resources[0].uri == "nexus://sessions/s:59"


async def test_an_escaped_address_is_the_same_session(http_door: Door) -> None:
    async with http_door() as place, place.client() as client:
        await place.look.create_session(session_id="a:b")
        read = await client.read_resource("nexus://sessions/a%3Ab")
    (content,) = read.contents
    assert isinstance(content, TextResourceContents)
    assert json.loads(content.text)["id"] == "a:b"


@pytest.mark.parametrize(
    "uri", ["nexus://sessions/nowhere", "nexus://sessions/", "nexus://sessions/a/b", "nexus://groups/a", "file:///etc"]
)
async def test_what_is_not_there_is_the_protocols_own_error(http_door: Door, uri: str) -> None:
    async with http_door() as place, place.client() as client:
        with pytest.raises(MCPError) as caught:
            await client.read_resource(uri)
    assert caught.value.code == -32602
    assert caught.value.data["uri"] == uri
    assert caught.value.data["code"] in {"session_not_found", "invalid_input"}
