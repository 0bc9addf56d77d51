"""Server-Sent Events over a real socket: complete, in order, resumable, and ended by the server at once."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec

from nexus.channels.client.sse import Message, messages
from nexus.channels.http import streams
from nexus.channels.http.context import HttpContext
from nexus.channels.http.streams import EventStream, Frames
from nexus.model import Event
from nexus.service import FeedItem
from tests.channels.http.http_places import Place, an_app, in_process, problem, serving, until


async def opened(
    url: str, *, behind: str | None = None, q: str = ""
) -> tuple[httpx.AsyncClient, AsyncIterator[Message]]:
    client = httpx.AsyncClient(base_url=url, timeout=30)
    headers = {} if behind is None else {"Last-Event-ID": behind}
    response = await client.send(client.build_request("GET", "/events", params={"q": q}, headers=headers), stream=True)
    assert response.status_code == 200, await response.aread()
    assert response.headers["content-type"].startswith("text/event-stream")
    return client, messages(response.aiter_bytes())


async def take(stream: AsyncIterator[Message], count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            message = await anext(stream)
            if message.data is not None:
                event = msgspec.json.decode(message.data)
                assert (message.id, message.event) == (str(event["seq"]), event["type"])
                found.append(event)
    return found


async def test_a_stream_starts_with_where_it_is_so_that_a_silent_one_can_be_resumed(place: Place) -> None:
    client, stream = await opened(place.url)
    start = await anext(stream)
    assert start.data is None
    assert start.id is not None
    await client.aclose()
    place.client.post("/sessions", json={"session_id": "sse-1"})
    client, stream = await opened(place.url, behind=start.id)
    (event,) = await take(stream, 1)
    assert (event["type"], event["session_id"]) == ("session.created", "sse-1")
    await client.aclose()


async def test_resuming_again_and_again_under_writes_gives_every_event_once(place: Place) -> None:
    sessions = [f"sse-many-{n}" for n in range(8)]
    client, stream = await opened(place.url)
    cursor = (await anext(stream)).id

    async def write(session: str) -> None:
        async with httpx.AsyncClient(base_url=place.url, timeout=30) as writer:
            await writer.post("/sessions", json={"session_id": session})
            for number in range(30):
                await writer.patch(f"/sessions/{session}", json={"n": number})

    writing = asyncio.gather(*(write(session) for session in sessions))
    seen: list[tuple[str, int]] = []
    while len(seen) < len(sessions) * 31:
        for event in await take(stream, min(7, len(sessions) * 31 - len(seen))):
            cursor = str(event["seq"])
            if event["session_id"] in sessions:
                seen.append((event["session_id"], event["version"]))
        await client.aclose()
        client, stream = await opened(place.url, behind=cursor)
    await client.aclose()
    await writing
    assert len(set(seen)) == len(seen)
    for session in sessions:
        assert [version for name, version in seen if name == session] == list(range(1, 32))


async def test_events_are_filtered_by_session_and_by_type(place: Place) -> None:
    client, stream = await opened(place.url, q="user:sse-filter type:session.ended")
    await anext(stream)
    place.client.post("/sessions", json={"session_id": "sse-f1", "user_id": "someone-else"})
    place.client.post("/sessions", json={"session_id": "sse-f2", "user_id": "sse-filter"})
    for name in ("sse-f1", "sse-f2"):
        place.client.post(f"/sessions/{name}/end")
    (event,) = await take(stream, 1)
    assert (event["type"], event["session_id"]) == ("session.ended", "sse-f2")
    await client.aclose()


async def test_a_mistake_is_a_problem_and_no_stream(http: httpx.AsyncClient) -> None:
    problem(await http.get("/events", params={"q": "colour:red"}), 422, "invalid_input")
    problem(await http.get("/events", headers={"Last-Event-ID": "yesterday"}), 422, "invalid_input")
    problem(await http.get("/events?cursor=1", headers={"Last-Event-ID": "2"}), 422, "invalid_input")


async def test_a_cursor_from_a_history_that_is_gone_is_told(place: Place) -> None:
    client, stream = await opened(place.url, behind="999999999")
    first = await anext(stream)
    assert first.event == "trimmed"
    await client.aclose()


def test_the_server_stops_at_once_though_streams_are_open() -> None:
    app = an_app()
    with serving(app) as place:
        host, port = place.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as reader:
            reader.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" in reader.recv(4096)
            with socket.create_connection((host, int(port)), timeout=20) as waiter:
                place.client.post("/groups", json={"group_id": "g"})
                place.client.post("/sessions", json={"session_id": "s", "group": "g"})
                waiter.sendall(b"GET /groups/g/wait?timeout=3600 HTTP/1.1\r\nHost: localhost\r\n\r\n")


def test_an_event_is_serialised_once_for_all_streams(monkeypatch: Any) -> None:
    made = 0
    encode = streams._encode

    def counted(record: Any) -> bytes:
        nonlocal made
        made += 1
        return encode(record)

    monkeypatch.setattr(streams, "_encode", counted)
    frames = Frames()
    item = FeedItem(cursor="7", event=Event(type="session.updated", ts=1.0, seq=7, data={"a": "b\nc"}))
    assert {frames.of(item) for _ in range(100)} == {frames.of(item)}
    assert made == 1
    assert frames.of(item).count(b"\n") == 4


async def test_a_slow_reader_holds_back_its_feed_and_not_memory() -> None:
    taken = 0

    async def feed() -> AsyncIterator[FeedItem]:
        nonlocal taken
        while True:
            taken += 1
            yield FeedItem(cursor=str(taken), event=Event(type="e", ts=1.0, seq=taken, data={"x": "y" * 1000}))

    app = an_app()
    async with app:
        context = HttpContext(app)
        stream = EventStream(context, FeedItem(cursor="0", live=True), feed())
        blocked = asyncio.Event()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                blocked.set()
                await asyncio.Event().wait()

        async def receive() -> Any:
            await asyncio.Event().wait()

        scope = {"type": "http", "method": "GET"}
        serving_it = asyncio.create_task(stream(scope, receive, send))
        await blocked.wait()
        for _ in range(1000):
            await asyncio.sleep(0)
        assert context.meter.streams == 1
        assert taken < 1000
        serving_it.cancel()
        await asyncio.gather(serving_it, return_exceptions=True)
        assert context.meter.streams == 0


async def test_a_reader_that_takes_nothing_is_dropped(monkeypatch: Any) -> None:
    monkeypatch.setattr(streams, "SEND_TIMEOUT", 0.05)

    async def feed() -> AsyncIterator[FeedItem]:
        await asyncio.Event().wait()
        yield FeedItem(cursor="1")

    app = an_app()
    async with app:
        context = HttpContext(app)

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                await asyncio.Event().wait()

        async def receive() -> Any:
            await asyncio.Event().wait()

        stream = EventStream(context, FeedItem(cursor="0", live=True), feed())
        async with asyncio.timeout(20):
            await stream({"type": "http", "method": "GET"}, receive, send)
        assert (context.meter.streams, context.meter.streams_dropped) == (0, 1)


async def test_a_quiet_stream_is_kept_alive_by_comments(monkeypatch: Any) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT", 0.02)
    sent: list[bytes] = []

    async def feed() -> AsyncIterator[FeedItem]:
        await asyncio.Event().wait()
        yield FeedItem(cursor="1")

    app = an_app()
    async with app:
        context = HttpContext(app)
        gone = asyncio.Event()

        async def send(message: Any) -> None:
            sent.append(message.get("body", b""))
            if len([chunk for chunk in sent if chunk.startswith(b": ping")]) == 2:
                gone.set()

        async def receive() -> Any:
            await gone.wait()
            return {"type": "http.disconnect"}

        stream = EventStream(context, FeedItem(cursor="0", live=True), feed())
        async with asyncio.timeout(20):
            await stream({"type": "http", "method": "GET"}, receive, send)
    assert sent[1] == b": live\nid: 0\n\n"


async def test_a_wait_ends_when_its_client_leaves(place: Place) -> None:
    place.client.post("/groups", json={"group_id": "sse-left"})
    place.client.post("/sessions", json={"session_id": "sse-left-1", "group": "sse-left"})
    async with httpx.AsyncClient(base_url=place.url) as client:
        waiting = asyncio.create_task(client.get("/groups/sse-left/wait", params={"timeout": 3600}))
        await asyncio.sleep(0.05)
        waiting.cancel()
    metric = 'route="/groups/{group_id}/wait",method="GET",status="499"'

    async def counted() -> bool:
        return metric in place.client.get("/metrics").text

    await until(counted)


async def test_the_stream_of_an_application_without_a_server_ends_with_it() -> None:
    async with in_process(an_app()) as http:
        assert (await http.head("/events")).status_code == 200


async def test_a_client_that_leaves_does_not_stop_its_run() -> None:
    app = an_app()
    release = threading.Event()

    @app.workflow("held")
    async def held() -> dict[str, Any]:
        while not release.is_set():
            await asyncio.sleep(0.005)
        return {"held": True}

    with serving(app) as place:

        async def running() -> bool:
            return bool(place.client.get("/sessions/s").json()["status"] == "in_progress")

        async def told() -> bool:
            return 'route="/workflows/{name}/execute",method="POST",status="499"' in place.client.get("/metrics").text

        async def over() -> bool:
            return bool(place.client.get("/sessions/s/run").json()["run"]["outputs"] == {"held": True})

        place.client.post("/sessions", json={"session_id": "s"})
        async with httpx.AsyncClient(base_url=place.url, timeout=30) as client:
            asking = asyncio.create_task(client.post("/workflows/held/execute", json={"session_id": "s"}))
            await until(running)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        await until(told)
        release.set()
        await until(over)
