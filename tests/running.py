"""A real ``nexus serve`` in a process of its own, for tests that use it as a user would."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(store: str, **more: str) -> dict[str, str]:
    """This process's environment with the source roots importable and ``nexus`` acting on ``store``."""
    roots = os.pathsep.join(str(ROOT / part) for part in ("core", "widgets", "."))
    kept = {key: value for key, value in os.environ.items() if not key.startswith("NEXUS_")}
    path = os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", "")))
    return {**kept, "PYTHONPATH": roots, "NEXUS_STORE": store, "PATH": path, **more}


def command(*words: str) -> list[str]:
    """``nexus WORDS`` with this interpreter."""
    return [sys.executable, "-m", "nexus_tui", *words]


def wait_until_ready(url: str, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    """Return once ``/ready`` answers; fail with what the process said if it ended instead."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}")
        try:
            if httpx.get(f"{url}/ready", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"{url} was not ready within {seconds} s")


def start_server(
    store: str, port: int, folder: Path, app: str = "nexus_app:app", **env: str
) -> subprocess.Popen[bytes]:
    """Start ``nexus serve`` in ``folder`` and return at once; what it says stands in the test's own output."""
    words = command("serve", "--app", app, "--port", str(port))
    return subprocess.Popen(words, cwd=folder, env=environment(store, **env), stdout=subprocess.DEVNULL)


@contextmanager
def serving(
    store: str, folder: Path, app: str = "nexus_app:app", env: Mapping[str, str] | None = None
) -> Iterator[str]:
    """The base URL of a server that is up until the context ends."""
    port = free_port()
    process = start_server(store, port, folder, app, **(env or {}))
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
