"""Requests per second of the HTTP channel, as a ratio to a bare ASGI application in the same run.

Two processes, one for each core: the server, and this one with keep-alive connections that ask as fast as they are
answered. Both servers are uvicorn with httptools and uvloop, so the ratio says what routing, checking, the service, the
store and encoding cost. CPU per request is the server process's own, and tells the same where this side is the limit.

    python benchmarks/bench_http.py [--seconds 3] [--connections 32] [--store memory://]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import uvloop

_CORE = str(Path(__file__).resolve().parent.parent / "core")

_BARE = """
import asyncio, socket, uvicorn, uvloop
BODY = b'{"x": "' + b'y' * 440 + b'"}'
async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]})
    await send({"type": "http.response.body", "body": BODY})
async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    server = uvicorn.Server(uvicorn.Config(
        app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    await server.serve(sockets=[listener])
uvloop.run(main())
"""

_NEXUS = """
import sys, uvloop
from nexus.app import AsyncNexus
from nexus.channels.http import serve
app = AsyncNexus(store=sys.argv[1])
uvloop.run(serve(app, port=0, ready=lambda url: print(url, flush=True)))
"""


class _Asker(asyncio.Protocol):
    """One connection: asks, reads the answer to its end, asks again."""

    def __init__(self, request: bytes, until: float, done: asyncio.Future[None]) -> None:
        self.request = request
        self.until = until
        self.done = done
        self.count = 0
        self.waits: list[float] = []
        self._begun = 0.0
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._ask()

    def _ask(self) -> None:
        self._begun = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        assert head.startswith(b"HTTP/1.1 200"), self._buffer
        at = head.index(b"content-length: ") + 16
        if len(body) < int(head[at : at + 8].split(b"\r", 1)[0]):
            return
        self._buffer = b""
        self.count += 1
        now = time.perf_counter()
        self.waits.append(now - self._begun)
        if now < self.until:
            self._ask()
        else:
            self.transport.close()
            self.done.set_result(None)


async def _load(
    url: str, requests: Callable[[int], bytes], connections: int, seconds: float
) -> tuple[int, float, float]:
    host, port = url.removeprefix("http://").split(":")
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    askers = [_Asker(requests(number), began + seconds, loop.create_future()) for number in range(connections)]
    for asker in askers:
        await loop.create_connection(partial(_same, asker), host, int(port))
    await asyncio.gather(*(asker.done for asker in askers))
    took = time.perf_counter() - began
    waits = sorted(wait for asker in askers for wait in asker.waits)
    return sum(asker.count for asker in askers), took, waits[int(len(waits) * 0.99)]


def _same(asker: _Asker) -> _Asker:
    return asker


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _request(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def _measure(
    program: str, store: str, cases: dict[str, Callable[[int], bytes]], connections: int, seconds: float
) -> dict[str, tuple[float, float, float]]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([_CORE, os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(
        [sys.executable, "-c", program, store], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if program is _NEXUS:
            uvloop.run(_prepare(url, connections))
        found = {}
        for name, requests in cases.items():
            uvloop.run(_load(url, requests, connections, 0.5))
            before = _cpu(process.pid)
            count, took, p99 = uvloop.run(_load(url, requests, connections, seconds))
            found[name] = (count / took, (_cpu(process.pid) - before) / count * 1e6, p99 * 1e3)
        return found
    finally:
        process.terminate()
        process.wait()


async def _prepare(url: str, connections: int) -> None:
    import httpx

    async with httpx.AsyncClient(base_url=url) as client:
        for number in range(connections):
            body = {"session_id": f"s{number}", "state": {"n": 0, "name": "bench"}}
            (await client.post("/sessions", json=body)).raise_for_status()


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--store", default="memory://")
    given = parser.parse_args()
    patch = b'{"n":1,"name":"bench"}'
    reads = {"GET": lambda n: _request("GET", f"/sessions/s{n}")}
    both = {**reads, "PATCH": lambda n: _request("PATCH", f"/sessions/s{n}", patch)}
    bare = _measure(_BARE, "", both, given.connections, given.seconds)
    nexus = _measure(_NEXUS, given.store, both, given.connections, given.seconds)
    print(f"{given.connections} connections, {given.store}")
    print(f"{'':14}{'requests/s':>12}{'ratio':>8}{'CPU us':>9}{'ratio':>8}{'p99 ms':>9}")
    for name in both:
        for label, figures in ((f"bare {name}", bare[name]), (f"nexus {name}", nexus[name])):
            rate, cpu, p99 = figures
            print(f"{label:14}{rate:12,.0f}{rate / bare[name][0]:8.2f}{cpu:9.1f}{cpu / bare[name][1]:8.2f}{p99:9.2f}")


if __name__ == "__main__":
    main()
