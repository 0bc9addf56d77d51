"""Files that somebody wrote or broke: settings, contexts, the console's file, exports and recordings."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from nexus import AsyncNexus
from nexus.settings import load_settings
from nexus_tui.cli.contexts import read_contexts
from nexus_tui.cli.transfer import check_free, exported, read_lines, restore
from nexus_tui.config.reading import read_config
from nexus_tui.replay.lines import checkpoint_line, event_line, header, session_line
from nexus_tui.replay.reading import read_tape
from tests.fuzz.fuzzing import altered, bounded, fuzz, mutated
from tests.fuzz.test_fuzz_http import dumped

SETTINGS = [
    b'[nexus]\nstore = "memory://"\nsession_timeout = 60\nenable_auth = true\n',
    b'api_port = 8000\nhost = "127.0.0.1"\n',
    b'session_backend = "sqlite"\nsession_retention = "never"\nmax_live_sessions = 5\n[nexus.deep]\na = 1\n',
    b'max_requests_per_second = 2.5\nredact = ["state.*.password"]\n',
    b"nexus = 5\n",
    b"[[nexus]]\nhost = 1\n",
]
CONTEXTS = [
    b'{"contexts": {"a": {"store": "memory://"}, "b": {"server": "http://h:1", "token": "t"}}, "current": "a"}',
    b'{"contexts": {}, "current": null}',
]
CONSOLE = [
    b'[console]\ntheme = "nexus-dark"\nread_only = false\nsort = "-last"\nrefresh = 1.5\n',
    b'[columns]\nsessions = ["id", "status", "meta.org:16"]\n[columns.contexts.prod]\nsessions = ["id", "last"]\n',
    b'[keys]\ndown = ["j", "down"]\npage-down = "pagedown"\nfirst = ""\n[keys.main-screen]\nopen = "enter"\n',
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzed")


@fuzz(100, mutated(SETTINGS))
def test_any_settings_file_is_read_or_refused(folder: Path, data: bytes) -> None:
    path = folder / "nexus.toml"
    path.write_bytes(data)
    with bounded("nexus.toml"):
        load_settings(environ={}, config_file=path)


@fuzz(80, mutated(CONTEXTS) | altered([json.loads(each) for each in CONTEXTS]).map(dumped))
def test_any_contexts_file_is_read_or_refused(folder: Path, data: bytes) -> None:
    path = folder / "contexts.json"
    path.write_bytes(data)
    with bounded("contexts"):
        read_contexts(path)


@fuzz(80, mutated(CONSOLE))
def test_any_console_file_is_read_or_refused(folder: Path, data: bytes) -> None:
    path = folder / "console.toml"
    path.write_bytes(data)
    with bounded("console.toml"):
        read_config(path, {})


async def _samples() -> tuple[bytes, bytes]:
    """An export and a recording of the same few sessions."""
    async with AsyncNexus(store="memory://") as app:

        @app.workflow("count")
        async def count(run: object) -> dict[str, int]:
            return {"n": 1}

        await app.start()
        service = app.service(app.local_caller("sdk"))
        await service.create_group("g")
        await service.create_session(session_id="p", state={"a": [1, {"b": None}]}, metadata={"k": "v"}, group="g")
        await service.create_session(session_id="c", parent_session="p", user_id="u")
        await service.execute("count", session_id="p")
        await service.end_session("c")
        exports = b"".join([dumped(await exported(service, name)) + b"\n" for name in ("p", "c")])
        lines = [header("here", 1e9)]
        for name in ("p", "c"):
            lines.append(session_line(await service.get_session(name), await service.get_run(name), 1e9))
            lines.extend(event_line(event) for event in (await service.list_events(name)).items)
            lines.extend(checkpoint_line(each) for each in (await service.list_checkpoints(name)).items)
        return exports, b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines)


EXPORT, RECORDING = asyncio.run(_samples())
RECORDS = [json.loads(line) for line in EXPORT.splitlines()]
LINES = [json.loads(line) for line in RECORDING.splitlines()]


def written(rows: Any) -> bytes:
    """As JSON lines, where it is still a list."""
    return b"".join(dumped(row) + b"\n" for row in (rows if isinstance(rows, list) else [rows]))


@fuzz(80, mutated([EXPORT], most=4) | altered([RECORDS]).map(written))
def test_any_exported_file_is_put_back_or_refused(data: bytes) -> None:
    async def put_back() -> None:
        records = read_lines(data.splitlines(keepends=True))
        async with AsyncNexus(store="memory://") as app:
            service = app.service(app.local_caller("cli"))
            await check_free(service, records)
            for record in records:
                await restore(service, record)

    with bounded("export"):
        asyncio.run(put_back())


@fuzz(80, mutated([RECORDING, EXPORT], most=4) | altered([LINES, RECORDS]).map(written))
def test_any_recording_is_played_or_refused(folder: Path, data: bytes) -> None:
    path = folder / "tape.jsonl"
    path.write_bytes(data)
    with bounded("recording"):
        tape = read_tape(path)
        for ts in (tape.start, (tape.start + tape.end) / 2, tape.end):
            tape.move(tape.index_at(ts))
        tape.move(0)
        tape.recent(10)
