"""Over stdio nothing but the protocol reaches stdout."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

from tests.channels.mcp.mcp_places import PATIENCE, over_pipes


async def test_stdout_carries_nothing_but_messages(store: str) -> None:
    server = over_pipes(store)
    environment = {**os.environ, **(server.env or {})}
    process = await asyncio.create_subprocess_exec(
        server.command, *server.args, env=environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    messages: list[dict[str, Any]] = [
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
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    answers: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE):
        noise = asyncio.create_task(process.stderr.read())
        for message in messages:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        await process.stdin.drain()
        while len(answers) < 2:
            answers.append(json.loads(await process.stdout.readline()))
        process.stdin.write(b"this is no JSON\n")
        process.stdin.close()
        rest = await process.stdout.read()
        code = await process.wait()
        logged = await noise
    assert code == 0
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in rest.splitlines())
    assert answers[1]["result"]["structuredContent"]["outputs"] == "said"
    assert b"this must not reach the client" in logged
    assert b"printed while the app is loaded" in logged
