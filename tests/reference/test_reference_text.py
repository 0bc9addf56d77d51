"""The reference text, executed snippet by snippet, unchanged but for the port.

What the text takes for granted is provided: a server with its workflows, the official MCP client behind a
synchronous ``client``, the example's ``request``, and the batch that it processes. After a snippet that makes a new
``app``, the workflows it names are registered on that one.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import re
import shlex
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from nexus import Nexus
from nexus.errors import AuthenticationRequired
from tests.core.stores.redis.servers import Server, free_ports
from tests.running import EXAMPLES, ROOT, environment, serving

TEXT = (ROOT / "docs" / "nexus-sessions.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
CLI_COMMENT = re.compile(r"^# (nexus run .*)$", re.MULTILINE)


class McpClient:
    """The official client, one connection a call, for synchronous code."""

    def __init__(self, url: str) -> None:
        self._url = url

    def call_tool(self, name: str, arguments: dict[str, Any]) -> Any:
        """Call a tool and give its result, which must not be an error."""

        async def call() -> Any:
            from mcp import Client

            async with Client(f"{self._url}/mcp") as client:
                return await client.call_tool(name, arguments)

        result = asyncio.run(call())
        assert not result.is_error, result
        return result


class Reader:
    """The namespace that the snippets share, and what must hold after some of them."""

    def __init__(self, url: str, store: str, redis_port: int, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.redis_port = redis_port
        self.environ = environment(store)
        client = McpClient(url)
        self.names: dict[str, Any] = {
            "requests": requests, "subprocess": self._subprocess(), "time": time, "client": client,
            "execute_mcp_tool": client.call_tool, "batch_items": [1, 2, 3], "process_item": self._process_item,
            "request": SimpleNamespace(id="req-1", json={"action": "start", "user_id": "u"}),
        }  # fmt: skip
        self.printed: list[str] = []
        self.names["print"] = lambda *words: self.printed.append(" ".join(map(str, words)))

    def _subprocess(self) -> Any:
        """``subprocess`` whose ``nexus`` is this interpreter's, on the server's store."""

        def run(words: list[str]) -> Any:
            return subprocess.run(
                [sys.executable, "-m", "nexus_tui", *words[1:]], env=self.environ, cwd=EXAMPLES, check=True,
                capture_output=True, text=True,
            )  # fmt: skip

        return SimpleNamespace(run=run)

    def _process_item(self, item: int, session: str) -> None:
        self.names["app"].execute_workflow("process", session_id=session, inputs={"action": "start"})

    def read(self, snippet: str) -> None:
        """Run one snippet, then the command lines that its comments name."""
        before = self.names.get("app")
        exec(compile(snippet.replace("http://localhost:8000", self.url), "<reference>", "exec"), self.names)  # noqa: S102
        app = self.names.get("app")
        if app is not None and app is not before:
            register(app)
        for line in CLI_COMMENT.findall(snippet):
            self.names["subprocess"].run(shlex.split(line))

    def close(self) -> None:
        app = self.names.get("app")
        if app is not None:
            app.close()


def register(app: Nexus) -> None:
    """The workflows that the text runs."""

    @app.workflow("process")
    def process(run: Any, action: str = "start", user_id: str | None = None) -> dict[str, Any]:
        run.state.setdefault("actions", []).append(action)
        return {"actions": run.state["actions"]}

    @app.workflow("long-running-process")
    def long_running(run: Any, total: int = 60) -> int:
        for number in run.steps(range(total)):
            run.state["sum"] = run.state.get("sum", 0) + number
        return int(run.state["sum"])


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    store = f"sqlite:///{tmp_path}/nexus.sqlite3"
    monkeypatch.setenv("NEXUS_STORE", store)
    redis = Server(tmp_path / "redis", free_ports(1)[0])
    redis.start()
    try:
        with serving(store, EXAMPLES) as url:
            made = Reader(url, store, redis.port, tmp_path)
            yield made
            made.close()
    finally:
        redis.stop()


def titled(snippet: str) -> str:
    """The heading over a snippet."""
    before = TEXT[: TEXT.index(snippet)]
    headings: list[str] = re.findall(r"^#+ (.*)$", before, re.MULTILINE)
    return headings[-1]


def test_every_snippet_of_the_reference_text_runs(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(SNIPPETS) == 25
    for snippet in SNIPPETS:
        heading = titled(snippet)
        special: Callable[[Reader, str, pytest.MonkeyPatch], None] | None = SPECIAL.get(heading)
        if special is not None:
            special(reader, snippet, monkeypatch)
        else:
            reader.read(snippet)
    said = "\n".join(reader.printed)
    for wanted in ("Session ID: ", "Session data: ", "Session: ", "Active sessions: ", "Success rate: ", "Duration: "):
        assert wanted in said, wanted


def session_persistence(reader: Reader, snippet: str, _: pytest.MonkeyPatch) -> None:
    reader.read(snippet)
    result = reader.names["demonstrate_session_persistence"]()
    assert result.structured_content["session_id"] == "demo-session"
    session = reader.names["app"].get_session("demo-session")
    assert session.channels == ("api", "cli", "mcp")


def cross_channel(reader: Reader, snippet: str, _: pytest.MonkeyPatch) -> None:
    """The command line's line stands between the two calls, as a comment: it is run there."""
    first, second = snippet.split("# Complete via MCP", 1)
    reader.read(first)
    reader.read(f"# Complete via MCP{second}")
    session = reader.names["app"].get_session("session-123")
    assert session.channels == ("api", "cli", "mcp")
    assert [each["step"] for each in session.state["steps"]] == [1, 2, 3]


def configuration(reader: Reader, snippet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions on Redis, each change in the archive as well; the addresses come from the environment."""
    monkeypatch.delenv("NEXUS_STORE")
    archive = reader.folder / "archive.sqlite3"
    monkeypatch.setenv("NEXUS_REDIS_URL", f"redis://127.0.0.1:{reader.redis_port}/1")
    monkeypatch.setenv("NEXUS_DATABASE_URL", f"sqlite:///{archive}")
    kept = reader.names["app"]
    exec(compile(snippet, "<reference>", "exec"), reader.names)  # noqa: S102
    app = reader.names["app"]
    assert (app.settings.session_backend, app.settings.session_timeout) == ("redis", 3600)
    session_id = app.create_session(channel="api")
    assert _archived(archive, session_id)
    app.close()
    reader.names["app"] = kept
    monkeypatch.delenv("NEXUS_REDIS_URL")
    monkeypatch.delenv("NEXUS_DATABASE_URL")
    monkeypatch.setenv("NEXUS_STORE", reader.environ["NEXUS_STORE"])


def _archived(path: Path, session_id: str) -> bool:
    """Whether a session gets into the archive."""
    for _ in range(200):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            if connection.execute("SELECT 1 FROM archived_sessions WHERE id = ?", (session_id,)).fetchone():
                return True
        time.sleep(0.05)
    return False


def on_redis(reader: Reader, snippet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two apps on one server share their sessions."""
    monkeypatch.delenv("NEXUS_STORE")
    kept = reader.names["app"]
    here = snippet.replace("redis://localhost:6379", f"redis://127.0.0.1:{reader.redis_port}")
    exec(compile(here, "<reference>", "exec"), reader.names)  # noqa: S102
    app = reader.names["app"]
    other = Nexus(store=f"redis://127.0.0.1:{reader.redis_port}")
    register(app)
    shared = app.create_session(channel="api")
    assert app.execute_workflow("long-running-process", shared, {"total": 5}).outputs == 10
    assert other.get_session(shared).state == {"sum": 10}
    other.close()
    app.close()
    reader.names["app"] = kept
    monkeypatch.setenv("NEXUS_STORE", reader.environ["NEXUS_STORE"])


def security(reader: Reader, snippet: str, _: pytest.MonkeyPatch) -> None:
    """The token in the text is none; one that has been made lets in, and owns what it makes."""
    kept = reader.names["app"]
    with pytest.raises(AuthenticationRequired):
        exec(compile(snippet, "<reference>", "exec"), reader.names)  # noqa: S102
    reader.names["app"].close()
    made = reader.names["subprocess"].run(["nexus", "tokens", "create", "--name", "ci", "--scope", "run", "-o", "id"])
    mine = snippet.replace("bearer_token_here", made.stdout.strip())
    exec(compile(mine, "<reference>", "exec"), reader.names)  # noqa: S102
    assert reader.names["app"].get_session(reader.names["session_id"]).owner == "ci"
    reader.names["app"].close()
    reader.names["app"] = kept


def recovery(reader: Reader, snippet: str, _: pytest.MonkeyPatch) -> None:
    reader.read(snippet)
    reader.names["recover_active_sessions"]()


def monitoring(reader: Reader, snippet: str, _: pytest.MonkeyPatch) -> None:
    reader.read(snippet)
    reader.names["monitor_sessions"]()


def checkpoints(reader: Reader, snippet: str, _: pytest.MonkeyPatch) -> None:
    reader.names["session_id"] = reader.names["app"].create_session(channel="api")
    reader.read(snippet)
    session = reader.names["app"].get_session(reader.names["session_id"])
    assert session.state["sum"] == sum(range(60))
    assert reader.names["workflow_result"].step == 60


def request_scoped(reader: Reader, snippet: str, _: pytest.MonkeyPatch) -> None:
    reader.read(snippet)
    assert reader.names["process_request"]().status == "completed"


def events(reader: Reader, snippet: str, _: pytest.MonkeyPatch) -> None:
    reader.read(snippet)
    app = reader.names["app"]
    session = app.create_session(channel="api")
    app.update_session(session, {"a": 1})
    app.end_session(session)
    assert f"Session ended: {session}" in "\n".join(reader.printed)


def get_info(reader: Reader, snippet: str, _: pytest.MonkeyPatch) -> None:
    reader.read(snippet)
    assert isinstance(builtins.str(reader.names["session_info"]), str)


SPECIAL: dict[str, Callable[[Reader, str, pytest.MonkeyPatch], None]] = {
    "Session State Persistence": session_persistence,
    "Start in API, Continue in CLI": cross_channel,
    "Session Configuration": configuration,
    "Distributed Sessions": on_redis,
    "Session Security": security,
    "Session Recovery": recovery,
    "Session Monitoring": monitoring,
    "Session Checkpoints": checkpoints,
    "Request-Scoped Sessions": request_scoped,
    "Session Events": events,
    "Get Session Info": get_info,
}
