"""Clients that come in by MCP and by the command line, and note what they asked for and were told."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import httpx

from nexus.verifying.ledger import Act, Log, Outcome
from nexus.verifying.load import SHARED
from tests.chaos.suite.app import SET
from tests.running import command

ERA: Final = "2026-07-28"
UNSURE: Final = frozenset({"store_unavailable", "wait_timeout", ""})
"""Codes of errors after which a change may have been made, or may be made yet."""
_PATIENCE: Final = 40.0
_KILLED_OF: Final = 6
"""Of so many commands one is killed."""


class Door:
    """A client without a service of Nexus in its hands.

    Args:
        door: Through which it comes, for the ledger.
        name: Its own; part of the ids of its sessions and of the keys that it sets.
        seed: Decides what it does.
        log: Where all of it is noted.
    """

    def __init__(self, door: str, name: str, seed: int, log: Log) -> None:
        self._door, self._name, self._log = door, name, log
        self._chance = random.Random(f"{seed}-{name}")
        self._numbers = itertools.count(1)

    async def turn(self) -> None:
        """Do one thing or another."""
        await self._chance.choice((self._set_shared, self._set_shared, self._life))()

    async def run(self, key: str, session: str, act: Act) -> None:
        """Have ``SET`` set a key in a session, and note the answer."""
        raise NotImplementedError

    async def end(self, session: str, act: Act) -> None:
        """End a session, and note the answer."""
        raise NotImplementedError

    async def _set_shared(self) -> None:
        await self._set(self._chance.choice(SHARED))

    async def _life(self) -> None:
        """A session is made by its first run, and ends.

        No run is asked for in it any more: should it be deleted by then, a new session of that id would begin.
        """
        session = f"own-{self._name}-{next(self._numbers)}"
        await self._set(session)
        await self.end(session, self._log.asked("end", session, door=self._door))

    async def _set(self, session: str) -> None:
        key = f"key-{self._name}-{next(self._numbers)}"
        await self.run(key, session, self._log.asked("set", session, door=self._door, key=key))

    def note(self, act: Act, code: str | None) -> None:
        """Note an answer: ``None`` is success, anything else the code of an error."""
        outcome: Outcome = "done" if code is None else "unsure" if code in UNSURE else "refused"
        self._log.answered(act, outcome, code=code or "")


class McpDoor(Door):
    """Calls tools over HTTP.

    Args:
        url: The server's.
        name: See ``Door``.
        seed: See ``Door``.
        log: See ``Door``.
    """

    def __init__(self, url: str, name: str, seed: int, log: Log) -> None:
        super().__init__("mcp", name, seed, log)
        self._url = f"{url}/mcp"

    async def run(self, key: str, session: str, act: Act) -> None:
        """See ``Door``."""
        await self._call(SET, {"key": key, "session_id": session}, act)

    async def end(self, session: str, act: Act) -> None:
        """See ``Door``."""
        await self._call("nexus_session_end", {"session_id": session}, act)

    async def _call(self, tool: str, arguments: Mapping[str, Any], act: Act) -> None:
        headers, body = called(tool, arguments)
        try:
            async with httpx.AsyncClient(timeout=_PATIENCE) as web:
                response = await web.post(self._url, json=body, headers=headers)
            self.note(act, verdict(response))
        except (httpx.HTTPError, ValueError, KeyError):
            self.note(act, "")
            await asyncio.sleep(0.1)


def called(tool: str, arguments: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and body of the call of a tool."""
    meta = {"io.modelcontextprotocol/protocolVersion": ERA, "io.modelcontextprotocol/clientCapabilities": {}}
    headers = {"mcp-protocol-version": ERA, "mcp-method": "tools/call", "mcp-name": tool, "accept": "application/json"}
    params = {"name": tool, "arguments": dict(arguments), "_meta": meta}
    return headers, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def verdict(response: httpx.Response) -> str | None:
    """What an answer says: ``None`` for success, else the code of the error; empty where there is none."""
    response.raise_for_status()
    result = response.json()["result"]
    said: dict[str, Any] = result.get("structuredContent") or {}
    if not result.get("isError"):
        # A run that failed has failed with its process or its store: whether it left something is unsure.
        return None if said.get("status") not in ("failed", "in_progress", "suspended") else ""
    return str(said.get("code") or "")


class CliDoor(Door):
    """Runs commands, some of which are killed.

    Args:
        store: The store's URL.
        environment: Of the commands.
        name: See ``Door``.
        seed: See ``Door``.
        log: See ``Door``.
    """

    def __init__(self, store: str, environment: Mapping[str, str], name: str, seed: int, log: Log) -> None:
        super().__init__("cli", name, seed, log)
        self._environment = dict(environment)
        self._shared = ("--store", store, "--app", "tests.chaos.suite.app:app", "-o", "json")

    async def run(self, key: str, session: str, act: Act) -> None:
        """See ``Door``: by a run or by a patch, in turns."""
        if self._chance.random() < 0.5 and session in SHARED:
            await self._command(("sessions", "update", session, f'{{"{key}":1}}'), act)
        else:
            await self._command(("run", SET, "--session", session, "--key", key), act)

    async def end(self, session: str, act: Act) -> None:
        """See ``Door``."""
        await self._command(("sessions", "end", session, "--yes"), act)

    async def turn(self) -> None:
        """See ``Door``: now and then with a group."""
        await (self._crowd() if self._chance.randrange(4) == 0 else super().turn())

    async def _crowd(self) -> None:
        """A group is made, joined and ended, and joined once more when it is over."""
        group = f"group-{self._name}-{next(self._numbers)}"
        await self._command(("groups", "create", group), self._asked("create group", group))
        await self._join(group)
        await self._command(("groups", "end", group, "--yes"), self._asked("end group", group))
        await self._join(group)

    async def _join(self, group: str) -> None:
        session = f"own-{self._name}-{next(self._numbers)}"
        act = self._log.asked("create", session, group=group, door=self._door)
        await self._command(("sessions", "create", session, "--group", group), act)

    def _asked(self, kind: str, group: str) -> Act:
        return self._log.asked(kind, group=group, door=self._door)

    async def _command(self, words: Sequence[str], act: Act) -> None:
        process = await asyncio.create_subprocess_exec(
            *command(*words, *self._shared), env=self._environment, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        if self._chance.randrange(_KILLED_OF) == 0:
            asyncio.get_running_loop().call_later(self._chance.uniform(0.3, 1.5), _kill, process)
        out, said = await process.communicate()
        self.note(act, self._code(process.returncode, out, said))

    @staticmethod
    def _code(returncode: int | None, out: bytes, said: bytes) -> str | None:
        if returncode == 0:
            return None
        for text in (said, out):
            for line in reversed(text.decode(errors="replace").splitlines()):
                with suppress(ValueError, AttributeError):
                    return str(json.loads(line).get("code") or "")
        return ""


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
