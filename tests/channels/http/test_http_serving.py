"""Where a server binds, what it says of it, and how it stops."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from nexus.channels.http import serve
from nexus.channels.http.server import bind, check_bind, is_local, url_of
from nexus.errors import InvalidInput, NexusError
from tests.channels.http.http_places import Place, an_app, problem, serving


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.9.9.9"])
def test_the_local_machine_needs_no_token(host: str) -> None:
    assert is_local(host)
    check_bind(host, secured=False, insecure=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "example.org", ""])  # noqa: S104
def test_elsewhere_a_server_binds_with_tokens_or_when_told_to(host: str) -> None:
    with pytest.raises(InvalidInput, match="--insecure") as refused:
        check_bind(host, secured=False, insecure=False)
    assert refused.value.details["field"] == "host"
    check_bind(host, secured=True, insecure=False)
    check_bind(host, secured=False, insecure=True)


async def test_a_refused_address_is_refused_before_anything_is_opened() -> None:
    app = an_app()
    with pytest.raises(InvalidInput, match=r"0\.0\.0\.0"):
        await serve(app, host="0.0.0.0", port=0)  # noqa: S104
    with pytest.raises(InvalidInput, match="not open"):
        _ = app.parts


def test_a_free_port_is_picked_and_told(place: Place) -> None:
    assert int(place.url.rsplit(":", 1)[1]) > 0
    assert place.client.get("/health").status_code == 200


def test_a_port_in_use_is_named(place: Place) -> None:
    port = int(place.url.rsplit(":", 1)[1])
    with pytest.raises(NexusError, match=f"port {port} .*in use"), serving(an_app(), port=port):
        pass


@pytest.mark.parametrize(("host", "port"), [("no.such.host.invalid", 0), ("192.0.2.1", 0), ("127.0.0.1", 70000)])
def test_an_address_that_cannot_be_bound_is_named(host: str, port: int) -> None:
    with pytest.raises(InvalidInput, match=host if port == 0 else str(port)):
        bind(host, port)


def test_the_url_is_one_that_can_be_opened() -> None:
    with bind("0.0.0.0", 0) as listener:  # noqa: S104
        assert url_of(listener).startswith("http://127.0.0.1:")
    if socket.has_ipv6:
        with bind("::1", 0) as listener:
            assert url_of(listener).startswith("http://[::1]:")


def test_on_the_local_machine_only_its_own_names_are_answered(place: Place) -> None:
    problem(place.client.get("/sessions", headers={"Host": "evil.example"}), 403, "permission_denied")
    port = place.url.rsplit(":", 1)[1]
    assert place.client.get("/sessions", headers={"Host": f"localhost:{port}"}).status_code == 200


async def test_an_app_that_was_open_stays_open(tmp_path: Path) -> None:
    app = an_app(store=f"sqlite:///{tmp_path}/s.db")
    async with app:
        stop = asyncio.Event()
        await serve(app, port=0, stop=stop, ready=lambda _url: stop.set())
        assert (await app.service(app.local_caller("sdk")).list_sessions()).total == 0


async def test_an_app_that_was_not_open_is_closed_after(tmp_path: Path) -> None:
    app = an_app(store=f"sqlite:///{tmp_path}/s.db")
    stop = asyncio.Event()
    await serve(app, port=0, stop=stop, ready=lambda _url: stop.set())
    with pytest.raises(InvalidInput, match="not open"):
        _ = app.parts


async def test_cancelling_stops_in_order() -> None:
    ready = asyncio.Event()
    app = an_app()
    task = asyncio.create_task(serve(app, port=0, ready=lambda _url: ready.set()))
    await ready.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(InvalidInput, match="not open"):
        _ = app.parts


def test_a_request_that_is_being_answered_is_finished_when_the_server_stops() -> None:
    app = an_app()
    entered, go_on = threading.Event(), threading.Event()

    @app.route("/slow")
    def slow() -> str:
        entered.set()
        go_on.wait(20)
        return "done"

    answers: list[httpx.Response] = []
    with serving(app) as place:
        asking = threading.Thread(target=lambda: answers.append(httpx.get(f"{place.url}/slow", timeout=30)))
        asking.start()
        entered.wait(20)
        threading.Timer(0.05, go_on.set).start()
    asking.join(30)
    assert answers[0].json() == "done"


_PROGRAM = """
import asyncio, sys
from nexus.app import AsyncNexus
from nexus.channels.http import serve
app = AsyncNexus(store=sys.argv[1])
asyncio.run(serve(app, port=0, ready=lambda url: print(url, flush=True)))
print("closed", flush=True)
"""


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_in_order(tmp_path: Path, sign: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, f"sqlite:///{tmp_path}/s.db"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert url, process.communicate()[1]
    with httpx.stream("GET", f"{url}/events", timeout=30) as stream:
        assert stream.status_code == 200
        process.send_signal(sign)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "closed\n", "")
