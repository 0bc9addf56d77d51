"""MCP over stdin: after any lines the server still answers the next request, and says nothing else on stdout."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import strategies as st

from tests.channels.mcp import mcp_stdio_process
from tests.fuzz.fuzzing import PATIENCE, altered, bounded, fuzz, mutated, tried
from tests.fuzz.test_fuzz_http import FRAMES, dumped
from tests.running import environment

OPENING = dumped(FRAMES[4])


class Server:
    """A server process and what it says."""

    def __init__(self, store: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(mcp_stdio_process.__file__), store], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=environment(store),
        )  # fmt: skip
        self.said: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._asked = 0
        self.send(OPENING)
        self.send(dumped(FRAMES[5]))

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.put(line)

    def send(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def still_answers(self) -> None:
        """Ask for the tools, and read up to the answer."""
        self._asked += 1
        wanted = f"check-{self._asked}"
        self.send(dumped({"jsonrpc": "2.0", "id": wanted, "method": "tools/list"}))
        while True:
            answer = json.loads(self.said.get(timeout=PATIENCE))
            assert answer["jsonrpc"] == "2.0"
            if answer.get("id") == wanted:
                assert answer["result"]["tools"]
                return


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("stdio")
    started = Server(f"sqlite:///{folder / 's.db'}")
    yield started
    assert started.process.stdin is not None
    started.process.stdin.close()
    assert started.process.wait(30) == 0


@fuzz(15, st.lists(mutated([dumped(each) for each in FRAMES]) | altered(FRAMES).map(dumped), min_size=1, max_size=8))
def test_any_lines_leave_the_server_answering(server: Server, frames: list[bytes]) -> None:
    with bounded("mcp stdio"):
        for frame in frames:
            server.send(frame)
        tried["mcp stdio: lines"] += len(frames)
        server.still_answers()
