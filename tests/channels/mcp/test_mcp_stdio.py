"""Over stdio nothing but the protocol reaches stdout."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import Any

from tests.channels.mcp.mcp_places import PATIENCE, over_pipes

MESSAGES: list[dict[str, Any]] = [
    {
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "raw", "version": "1"},
        },
    },
    {"method": "notifications/initialized"},
    {"id": 2, "method": "tools/call", "params": {"name": "chatter", "arguments": {}}},
]


async def started(store: str) -> tuple[asyncio.subprocess.Process, list[dict[str, Any]]]:
    """A server process, and its answers to ``MESSAGES``."""
    server = over_pipes(store)
    process = await asyncio.create_subprocess_exec(
        server.command,
        *server.args,
        env={**os.environ, **(server.env or {})},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for message in MESSAGES:
        process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    await process.stdin.drain()
    return process, [json.loads(await process.stdout.readline()) for _ in range(2)]


async def test_stdout_carries_nothing_but_messages(store: str) -> None:
    async with asyncio.timeout(PATIENCE):
        process, answers = await started(store)
        rest, logged = await process.communicate(b"this is no JSON\n\xff\xfe\n")
    assert process.returncode == 0
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in rest.splitlines())
    assert answers[1]["result"]["structuredContent"]["outputs"] == "said"
    assert b"this must not reach the client" in logged
    assert b"printed while the app is loaded" in logged


async def test_a_server_that_is_interrupted_ends_though_its_client_stays(store: str) -> None:
    async with asyncio.timeout(PATIENCE):
        process, answers = await started(store)
        process.send_signal(signal.SIGINT)
        await process.wait()
    assert len(answers) == 2
    assert process.stdout is not None
    assert await process.stdout.read() == b""
