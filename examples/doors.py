"""The three doors to one server: HTTP by httpx, the command line as a real process, MCP by the official client.

All three run the same workflows in the same sessions. A process that is under way when the driver is told to stop
is ended and waited for, so that none is left behind.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import httpx

GRACE = 2.0
"""Seconds that a process gets between being asked to end and being made to."""


class Refused(Exception):
    """The server said no; the text says why."""


class Door(Protocol):
    """A way to run a workflow in a session."""

    name: str

    async def run(self, workflow: str, session_id: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Run it to its end, failure or suspension, and give the RunResult.

        Raises:
            Refused: Nothing was run.
        """
        ...


class Api:
    """HTTP."""

    name = "api"

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def run(self, workflow: str, session_id: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """``POST /workflows/{name}/execute``."""
        body = {"inputs": inputs, "session_id": session_id}
        return await self.call("POST", f"/workflows/{workflow}/execute", body)

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Any request; the JSON that comes back."""
        answer = await self._client.request(method, path, json=body)
        if answer.status_code >= 400:
            raise Refused(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        found: dict[str, Any] = answer.json()
        return found


class Cli:
    """``nexus run`` and ``nexus sessions`` as processes of their own."""

    name = "cli"

    def __init__(self, server: str) -> None:
        self._server = server

    async def run(self, workflow: str, session_id: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """``nexus run``; exit code 1 is a run that failed, and has a result all the same."""
        typed = [part for key, value in inputs.items() for part in (f"--{key}", _written(value))]
        return await self.call("run", workflow, "--session", session_id, *typed, allowed=(0, 1))

    async def call(self, *arguments: str, allowed: tuple[int, ...] = (0,)) -> dict[str, Any]:
        """Any command; its JSON."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "nexus_tui", "--server", self._server, "-o", "json", *arguments,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=_environment(),
        )  # fmt: skip
        try:
            out, err = await process.communicate()
        finally:
            await _end(process)
        if process.returncode not in allowed:
            raise Refused(f"nexus {' '.join(arguments)}: exit code {process.returncode}, {err.decode()[:300]}")
        found: dict[str, Any] = json.loads(out)
        return found


def _environment() -> dict[str, str]:
    """As here, with the modules that are found here, and with no other place to act on."""
    kept = {name: value for name, value in os.environ.items() if name not in {"NEXUS_STORE", "NEXUS_SERVER"}}
    return {**kept, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(GRACE):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


class Mcp:
    """MCP over Streamable HTTP, as a model's client speaks it; a connection for each call, as stateless as can be."""

    name = "mcp"

    def __init__(self, server: str) -> None:
        self._url = f"{server}/mcp"

    async def run(self, workflow: str, session_id: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Call the tool that has the workflow's name."""
        return await self.call(workflow, {**inputs, "session_id": session_id})

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call any tool; its structured content."""
        from mcp import Client, MCPError

        try:
            async with Client(self._url) as client:
                result = await client.call_tool(tool, dict(arguments))
        except MCPError as error:
            raise Refused(f"tool {tool}: {error}") from error
        except ExceptionGroup as failures:
            # The client's tasks end together: what ended the first of them is among these.
            raise ConnectionError(f"tool {tool}: {_first(failures)!r}") from failures
        content = result.structured_content
        if not isinstance(content, dict):
            raise Refused(f"tool {tool}: {result.content}")
        return content


def _first(failures: ExceptionGroup[Exception]) -> Exception:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first


class Doors:
    """All three."""

    def __init__(self, api: Api, cli: Cli, mcp: Mcp) -> None:
        self.api, self.cli, self.mcp = api, cli, mcp

    @property
    def all(self) -> tuple[Door, ...]:
        """The three, to choose from."""
        return (self.api, self.cli, self.mcp)


@asynccontextmanager
async def open_doors(server: str) -> AsyncIterator[Doors]:
    """The doors to a server."""
    async with httpx.AsyncClient(base_url=server, timeout=60.0) as client:
        yield Doors(Api(client), Cli(server), Mcp(server))
