"""kill -9 of a server in the middle of a run in a namespace: the next one goes on with it, there and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.core.stores.redis.servers import single
from tests.durability.test_kill import check_steps
from tests.running import free_port, start_server, wait_until_ready

STEPS = 60
HERE = Path(__file__).parent


@pytest.mark.parametrize("kind", ["sqlite", "valkey"])
def test_a_run_in_a_namespace_is_recovered_there(tmp_path: Path, kind: str) -> None:
    if kind == "sqlite":
        _killed_and_recovered(f"sqlite:///{tmp_path}/nexus.sqlite3", tmp_path)
    else:
        with single(tmp_path / "valkey") as server:
            _killed_and_recovered(server.url, tmp_path)


def _killed_and_recovered(store: str, folder: Path) -> None:
    log, app, within = folder / "steps.log", f"{HERE / 'server_app.py'}:app", {"Nexus-Namespace": "acme"}
    for life in (1, 2):
        port = free_port()
        server = start_server(store, port, folder, app, STEP_LOG=str(log))
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until_ready(url, server)
            if life == 1:
                assert httpx.post(f"{url}/namespaces", json={"name": "acme"}, timeout=30).status_code == 201
                body = {"session_id": "s", "inputs": {"count": STEPS, "pace": 0.02}, "background": True}
                run = httpx.post(f"{url}/workflows/sum/execute", json=body, headers=within, timeout=30)
                assert run.status_code == 202, run.text
                _wait(lambda: log.exists() and len(log.read_text().splitlines()) > 5)
            else:
                _wait(partial(_is_over, url, within))
                assert _shown(url, within)["state"] == {"sum": sum(range(STEPS))}
                assert httpx.get(f"{url}/sessions/s", timeout=30).status_code == 404
                figures = httpx.get(f"{url}/statistics", timeout=30).json()
                assert figures["total"] == 0
        finally:
            server.kill()
            server.wait()
    check_steps([int(line.split()[1]) for line in log.read_text().splitlines()], STEPS, 1)


def _shown(url: str, headers: dict[str, str]) -> dict[str, object]:
    answer = httpx.get(f"{url}/sessions/s", headers=headers, timeout=30)
    answer.raise_for_status()
    shown: dict[str, object] = answer.json()
    return shown


def _is_over(url: str, headers: dict[str, str]) -> bool:
    return _shown(url, headers)["status"] == "active"


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)
