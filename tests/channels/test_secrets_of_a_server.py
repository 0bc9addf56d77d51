"""A server full of secrets, tried at every door: none is in an answer, log, event, record or list of processes.

It is a real process with all its logs on, on a Redis and with an archive that both want passwords; whoever asks comes
with tokens of both kinds, good ones and bad.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from nexus.channels.http.operation import Operation
from nexus.channels.http.table import OPERATIONS
from nexus.channels.mcp.operators import OPERATORS
from tests.core.archive.postgres import Postgres
from tests.core.auth import provider
from tests.core.auth.provider import AUDIENCE, ISSUER, key
from tests.core.stores.redis.servers import KEPT_NOWHERE, ask, single
from tests.running import command, environment, free_port, wait_until_ready

APP = """
import asyncio, json, logging
from nexus import AsyncNexus

logging.basicConfig(level=logging.DEBUG)
app = AsyncNexus()

@app.workflow("login")
async def login(run, password: str, fails: bool = False) -> dict:
    async for number in run.steps(range(2)):
        run.state["user"] = {"password": password, "name": "ann"}
        await run.progress(number, 2, note=f"with {password}")
    if fails:
        raise ValueError(f"{password} is wrong, says {json.dumps(run.state)}")
    return {"password": password}

@app.route("/breaks")
async def breaks(request):
    raise RuntimeError("a route of the user's own")
"""
RULES = "state.**.password,inputs.password,outputs.password,metadata.card"
IN_REDIS = "redis-" + "hunter2-r1"
IN_DATABASE = "database-" + "hunter2-d1"
IN_STATE = "state-" + "hunter2-s1"
WRONG = "nexus_wrong-hunter2-w1"


@dataclass
class Place:
    """The server, and everything that must not be told."""

    url: str
    store: str
    folder: Path
    process: subprocess.Popen[bytes]
    env: dict[str, str]
    always: dict[str, str]
    """Secrets that nobody is ever shown again, by what they are."""
    tokens: dict[str, str] = field(default_factory=dict)

    def leaks(self, text: str, *more: str) -> list[str]:
        """Which secrets stand in a text."""
        found = [name for name, secret in self.always.items() if secret in text]
        return found + [secret for secret in more if secret in text]

    def cli(self, *words: str, **env: str) -> str:
        """What ``nexus WORDS`` says, on both of its outputs."""
        done = subprocess.run(
            command(*words), cwd=self.folder, env={**self.env, **env}, capture_output=True, text=True, check=False,
            timeout=120,
        )  # fmt: skip
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "nexus_app.py").write_text(APP)
    with ExitStack() as stack:
        redis = stack.enter_context(single(folder / "redis", *KEPT_NOWHERE))
        ask(redis.port, "CONFIG", "SET", "requirepass", IN_REDIS)
        postgres = stack.enter_context(Postgres())
        keys = stack.enter_context(provider.serving())
        keys.publish(key("one"))
        store = f"redis://:{IN_REDIS}@127.0.0.1:{redis.port}/0"
        env = environment(
            store, NEXUS_ENABLE_AUTH="true", NEXUS_SESSION_PERSISTENCE="true", NEXUS_REDACT=RULES,
            NEXUS_DATABASE_URL=postgres.database().replace("nexus@", f"nexus:{IN_DATABASE}@"),
            NEXUS_JWT_ISSUER=ISSUER, NEXUS_JWT_AUDIENCE=AUDIENCE, NEXUS_JWT_JWKS=keys.url, NEXUS_APP="nexus_app:app",
            NEXUS_WORKER_GRACE="0",
            XDG_CONFIG_HOME=str(folder / "config"), XDG_DATA_HOME=str(folder / "data"),
        )  # fmt: skip
        port = free_port()
        log = stack.enter_context((folder / "server.log").open("wb"))
        process = subprocess.Popen(command("serve", "--port", str(port)), cwd=folder, env=env, stdout=log, stderr=log)
        made = Place(f"http://127.0.0.1:{port}", store, folder, process, env, {})
        try:
            wait_until_ready(made.url, process)
            _fill(made)
            yield made
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _fill(place: Place) -> None:
    """Tokens of both kinds, and sessions that hold secrets."""
    admin = json.loads(place.cli("tokens", "create", "--name", "root", "--scope", "admin", "-o", "json"))["token"]
    now = time.time()
    place.tokens = {"admin": admin}
    with httpx.Client(base_url=place.url, headers=_bearer(admin), timeout=60) as web:
        for name, scope in (("eyes", "read"), ("worker", "run")):
            place.tokens[name] = web.post("/tokens", json={"name": name, "scope": scope}).json()["token"]
        place.tokens |= {
            "jwt-admin": provider.token(now=now, sub="boss", scope="nexus:admin", exp=now + 3600),
            "jwt-read": provider.token(now=now, sub="auditor", scope="nexus:read", exp=now + 3600),
        }
        card = {"card": IN_STATE}
        web.post("/groups", json={"group_id": "g", "metadata": card}).raise_for_status()
        given = {"session_id": "s", "group": "g", "metadata": card, "state": {"old": {"password": IN_STATE}}}
        web.post("/sessions", json=given).raise_for_status()
        for session, fails in (("s", False), ("failed", True)):
            inputs = {"password": IN_STATE, "fails": fails}
            web.post("/workflows/login/execute", json={"inputs": inputs, "session_id": session}).raise_for_status()
    place.always = {
        "redis": IN_REDIS, "database": IN_DATABASE, "wrong token": WRONG,
        **{f"token {name}": secret for name, secret in place.tokens.items()},
        # A part is enough to tell: the signature of one that is good.
        **{f"part of {name}": secret[-40:] for name, secret in place.tokens.items()},
    }  # fmt: skip


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def _log(place: Place) -> str:
    return (place.folder / "server.log").read_text(errors="replace")


def _stranger() -> str:
    """A token of somebody whom the provider doesn't know."""
    return provider.token(key("stranger"), now=time.time())


async def test_no_route_answers_with_a_secret(place: Place) -> None:
    forged = _stranger()
    good = {name: place.tokens[name] for name in ("admin", "jwt-read")}
    bearers = {**good, "wrong": WRONG, "forged": forged}

    async def answers(each: Operation, name: str, secret: str) -> None:
        names = {"session_id": "s", "group_id": "g", "cid": "checkpoint-1", "checkpoint_id": "checkpoint-1"}
        path = each.path.format(**names, name="login", token_name="nobody", namespace_name="nobody")
        query = {"from": "start"} if path.endswith("/diff") else {"timeout": 0} if path.endswith("/wait") else {}
        body: dict[str, Any] | None = {} if each.method in ("POST", "PATCH") else None
        answer = await web.request(each.method, path, params=query, json=body, headers=_bearer(secret))
        hidden = () if name == "admin" else (IN_STATE,)
        assert not place.leaks(answer.text + str(answer.headers), forged, *hidden), f"{name}: {path}"

    # Those who bring a wrong token wait for their answers: all of them wait together.
    async with httpx.AsyncClient(base_url=place.url, timeout=120, limits=_MANY) as web:
        asked = [each for each in OPERATIONS if each.path != "/events"]  # that is a stream, with a test of its own
        assert len(asked) == len(OPERATIONS) - 1
        await asyncio.gather(*(answers(each, *bearer) for each in asked for bearer in bearers.items()))
        answer = await web.get("/breaks", headers=_bearer(place.tokens["jwt-admin"]))
        assert answer.status_code == 500
        assert not place.leaks(answer.text, IN_STATE)


_MANY = httpx.Limits(max_connections=200)


async def test_a_request_that_is_refused_is_not_quoted_with_its_secrets(place: Place) -> None:
    admin, jwt = place.tokens["admin"], place.tokens["jwt-admin"]
    wrong = [admin, f"Basic {admin}", f"Bearer {admin} {jwt}", f"Bearer {jwt}x", f"Bearer {jwt}.{jwt}"]

    async def refused(path: str, shown: str) -> None:
        answer = await web.post(path, json={}, headers={"Authorization": shown})
        assert 400 <= answer.status_code < 500
        assert not place.leaks(answer.text + str(answer.headers))

    async with httpx.AsyncClient(base_url=place.url, timeout=120, limits=_MANY) as web:
        paths = ("/sessions", "/mcp", "/breaks", "/tokens")
        await asyncio.gather(*(refused(path, shown) for path in paths for shown in wrong))


def test_no_event_stream_tells_one(place: Place) -> None:
    for name in ("admin", "eyes", "jwt-read"):
        seen = []
        headers = {**_bearer(place.tokens[name]), "Last-Event-ID": "0"}
        with httpx.stream("GET", f"{place.url}/events", headers=headers, timeout=60) as answer:
            for line in answer.iter_lines():
                seen.append(line)
                if line == ": live":
                    break
        text = "\n".join(seen)
        assert "run.failed" in text
        assert not place.leaks(text, IN_STATE)


async def _by_mcp(place: Place, secret: str) -> str:
    seen: list[str] = []
    async with (
        httpx2.AsyncClient(headers=_bearer(secret), timeout=60) as http,
        Client(streamable_http_client(f"{place.url}/mcp", http_client=http)) as client,
    ):
        for tool in (await client.list_tools()).tools:
            if tool.name in OPERATORS and not OPERATORS[tool.name].reads:
                continue
            given = {"session_id": "s"} if tool.name in ("nexus_session_get", "nexus_events") else {}
            called = await client.call_tool(tool.name, given)
            seen.append(called.model_dump_json())
        seen.append((await client.list_resources()).model_dump_json())
        seen.append((await client.read_resource("nexus://sessions/failed")).model_dump_json())
    return "\n".join(seen)


@pytest.mark.parametrize("name", ["admin", "eyes", "jwt-admin", "jwt-read"])
def test_no_tool_and_no_resource_gives_one(place: Place, name: str) -> None:
    text = asyncio.run(_by_mcp(place, place.tokens[name]))
    assert "login" in text
    hidden = (IN_STATE,) if name in ("eyes", "jwt-read") else ()
    assert not place.leaks(text, *hidden)


Line = tuple[dict[str, str], tuple[str, ...]]
"""A command line, and what is in the environment besides."""

COMMANDS = [
    ("doctor",), ("config", "show"), ("config", "show", "-o", "json"), ("audit", "list", "-o", "json"), ("stats",),
    ("tokens", "list", "-o", "json"), ("sessions", "show", "failed", "-o", "json"), ("sessions", "export", "-"),
    ("events", "-o", "json"), ("sessions", "end", "nobody"), ("sessions", "list", "-q", "nonsense>>"),
    ("--debug", "sessions", "show", "nobody"), ("audit", "verify"),
]  # fmt: skip
_RUNNER = """
import json, os, sys
from nexus_tui.cli.main import main

for env, words in json.load(sys.stdin):
    os.environ.update(env)
    print("==", words[-2:], main(words), flush=True)
"""


def _commands(place: Place, lines: Sequence[Line]) -> str:
    """What commands say, one after the other in a process: a start takes longer than what is tried."""
    done = subprocess.run(
        [sys.executable, "-c", _RUNNER], input=json.dumps(lines), cwd=place.folder, env=place.env, capture_output=True,
        text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.stdout.count("== [") >= len(lines), done.stderr[-2000:]
    return done.stdout + done.stderr


def test_no_command_prints_one(place: Place) -> None:
    told = _commands(place, [({}, words) for words in COMMANDS])
    for known in ("store\tok", "jwt\tok", "run.started", "jwt_issuer", "session_not_found"):
        assert known in told
    assert not place.leaks(told, IN_STATE)


def test_no_command_on_the_server_prints_one(place: Place) -> None:
    lines: list[Line] = []
    for secret in (place.tokens["jwt-admin"], WRONG):
        (place.folder / secret[:5]).write_text(secret)
        there = {"NEXUS_STORE": "", "NEXUS_TOKEN": secret}
        # Each answer to a wrong one takes longer than the one before: those who know nobody are asked little.
        words = [each for each in COMMANDS if each[0] != "config"][: 1 if secret == WRONG else None]
        lines += [(there, ("--server", place.url, *each)) for each in words]
        lines.append((there, ("--server", place.url, "--token", f"@{secret[:5]}", "sessions", "list")))
    told = _commands(place, lines)
    assert "run.started" in told
    assert "[unauthenticated]" in told
    assert not place.leaks(told, IN_STATE)


def test_what_can_not_be_reached_is_named_without_its_password(place: Place) -> None:
    wrong = {"NEXUS_STORE": place.store.replace(IN_REDIS, "wrong-hunter2")}
    lost = f"postgresql://nexus:{IN_DATABASE}@127.0.0.1:1/archive"
    listed = ("--debug", "sessions", "list")
    tried: list[list[Line]] = [
        [({"NEXUS_STORE": f"redis://:{IN_REDIS}@127.0.0.1:1/0"}, ("doctor",)), (wrong, listed)],
        [({"NEXUS_DATABASE_URL": lost, "NEXUS_SESSION_PREFIX": "other:"}, listed)],
        [
            ({"NEXUS_DATABASE_URL": lost.replace("postgresql", "mysql")}, listed),
            ({"NEXUS_STORE": ""}, ("--server", f"http://me:{IN_REDIS}@127.0.0.1:1", *listed)),
            ({"NEXUS_JWT_JWKS": f"https://me:{IN_DATABASE}@127.0.0.1:1/jwks"}, ("config", "show")),
        ],
    ]
    with ThreadPoolExecutor() as threads:
        for told in threads.map(lambda lines: _commands(place, lines), tried):
            assert "error: " in told or "\tfail\t" in told, told
            assert not place.leaks(told, "wrong-hunter2"), told


def test_no_figure_and_no_document_holds_one(place: Place) -> None:
    with httpx.Client(base_url=place.url, headers=_bearer(place.tokens["admin"]), timeout=60) as web:
        for path in ("/metrics", "/openapi.json", "/docs", "/ready", "/health"):
            answer = web.get(path)
            assert answer.status_code == 200
            assert not place.leaks(answer.text + str(answer.headers), IN_STATE)


def test_no_list_of_processes_shows_one(place: Place) -> None:
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    lines = {each.name: _arguments(each) for each in Path("/proc").iterdir() if each.name.isdigit()}
    assert "serve" in lines[str(place.process.pid)]
    ours = {pid: line for pid, line in lines.items() if "redis" in line or "postgres" in line or "nexus" in line}
    # The servers' own children and helpers too: whoever they are, their arguments are for all to read.
    assert not [line for line in ours.values() if place.leaks(line, IN_STATE)]


def _arguments(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def test_the_log_of_the_server_holds_none_of_them(place: Place) -> None:
    """The last: it is about all that the others have made the server say."""
    with httpx.Client(base_url=place.url, timeout=60) as web:
        web.get("/sessions", headers=_bearer(WRONG))
        web.get("/sessions", headers=_bearer(_stranger()))
        web.get("/breaks", headers=_bearer(place.tokens["jwt-admin"]))
        inputs = {"password": IN_STATE, "fails": True}
        body = {"inputs": inputs, "session_id": secrets.token_hex(4)}
        web.post("/workflows/login/execute", json=body, headers=_bearer(place.tokens["jwt-admin"]))
    log = _log(place)
    # It is on, and tells of all that happened.
    assert "DEBUG" in log
    assert "a JWT was refused (kid)" in log
    assert "GET /breaks failed" in log
    assert "login in session" in log
    assert not place.leaks(log, IN_STATE, "hunter2")
    assert not re.search(r"eyJ[A-Za-z0-9_-]{20,}", log)
