"""A client and a server that comes and goes: nothing is applied twice, nothing is missed, and all of it is told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from nexus.channels.client import RemoteService
from nexus.channels.client.sse import Message, messages
from nexus.errors import AuthenticationRequired, InvalidInput, NexusError, StoreUnavailable
from tests.channels.http.http_places import Place, an_app, serving

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def whole(reader: asyncio.StreamReader) -> bytes:
    """A request or an answer with its body, in however many pieces it comes; nothing at the end of the connection."""
    message, length = await reader.readline(), 0
    while message and not message.endswith(b"\r\n\r\n"):
        header = await reader.readline()
        message += header
        if header.lower().startswith(b"content-length:"):
            length = int(header.split(b":")[1])
        if not header:
            return b""
    return message + await reader.readexactly(length)


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that does what ``answer`` does with each request, and notes the requests' first lines."""
    asked: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while message := await whole(reader):
                asked.append(message.partition(b"\r\n")[0])
                await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def reply(status: str, body: bytes, kind: str = "text/html") -> Answer:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return answer


async def test_a_server_that_is_not_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with RemoteService(f"http://127.0.0.1:{port}") as service:
        for call in (service.list_sessions(), service.create_session()):
            with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{port}") as raised:
                await call
            assert raised.value.details["may_have_happened"] is False
        with pytest.raises(StoreUnavailable, match="nexus serve"):
            await anext(service.feed())
        health = await service.health()
        assert (health.ok, health.backend) == (False, "server")
        assert not service.connected


async def test_a_change_whose_answer_is_lost_is_not_sent_again() -> None:
    async with answering(hang_up) as (url, asked), RemoteService(url) as service:
        with pytest.raises(StoreUnavailable, match="may have been made"):
            await service.patch_session("s", {"a": 1})
        with pytest.raises(StoreUnavailable, match="may have been made"):
            await service.execute("w", session_id="s")
        assert len(asked) == 2
        with pytest.raises(StoreUnavailable):
            await service.get_session("s")
        assert len(asked) == 4
        with pytest.raises(StoreUnavailable):
            await service.execute("w", session_id="s", idempotency_key="k")
        assert len(asked) == 6


async def test_a_change_that_the_server_recognises_is_applied_once_though_its_answer_was_lost(place: Place) -> None:
    lost = 0

    async def lossy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal lost
        host, port = place.url.removeprefix("http://").split(":")
        there, back = await asyncio.open_connection(host, int(port))
        try:
            while request := await whole(reader):
                back.write(request)
                answer = await whole(there)
                lost += 1
                if lost == 1:
                    return
                writer.write(answer)
        finally:
            writer.transport.abort()
            back.close()

    server = await asyncio.start_server(lossy, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, RemoteService(f"http://127.0.0.1:{port}") as service:
        result = await service.execute("collect", {"step": 1}, session_id="lossy", idempotency_key="k")
    assert result.outputs["steps"] == [1]
    assert lost == 2
    assert place.client.get("/sessions/lossy").json()["state"] == {"steps": [1]}


@pytest.mark.parametrize(
    ("status", "kind"),
    [("502 Bad Gateway", StoreUnavailable), ("401 Unauthorized", AuthenticationRequired), ("418 Teapot", NexusError)],
)
async def test_an_answer_that_is_not_nexus_s_is_told(status: str, kind: type[NexusError]) -> None:
    async with answering(reply(status, b"<h1>no</h1>")) as (url, _), RemoteService(url) as service:
        with pytest.raises(kind, match=status[:3]):
            await service.get_session("s")
    async with answering(reply("200 OK", b"<h1>hi</h1>")) as (url, _), RemoteService(url) as service:
        with pytest.raises(NexusError, match="is it a Nexus"):
            await service.get_session("s")


async def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with answering(silent) as (url, _), RemoteService(url, timeout=0.05) as service:
        with pytest.raises(StoreUnavailable, match="in time"):
            await service.get_session("s")


async def test_the_token_and_the_channel_go_with_every_request() -> None:
    heads: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        await reply("401 Unauthorized", b"")(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, RemoteService(url, token="secret", channel="mcp") as service:
        with pytest.raises(AuthenticationRequired):
            await service.get_session("s")
    assert b"authorization: bearer secret" in heads[0].lower()
    assert b"x-nexus-channel: mcp" in heads[0].lower()


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host", "http://", "unix:/x"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="http://HOST:PORT"):
        RemoteService(url)


async def test_names_cannot_lead_to_another_route(remote: RemoteService) -> None:
    for name in ("../statistics", "a/b", "s?x=1", "%2e%2e", ".."):
        with pytest.raises(NexusError):
            await remote.get_session(name)
    with pytest.raises(InvalidInput, match="not open"):
        await RemoteService(remote.url).get_session("s")


async def test_a_feed_goes_on_through_a_restart_of_the_server_without_gap_or_repeat(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/s.db"
    changes: list[bool] = []
    with serving(an_app(store=store)) as first:
        port = int(first.url.rsplit(":", 1)[1])
        service = RemoteService(first.url)
        await service.__aenter__()
        service.on_connection(changes.append)
        feed = service.feed()
        assert (await anext(feed)).live
        await service.create_session(session_id="one")
        seen = [await anext(feed)]
        assert changes == [True]
    waiting = asyncio.ensure_future(anext(feed))
    async with asyncio.timeout(20):
        while service.connected:
            await asyncio.sleep(0.01)
    app = an_app(store=store)
    async with app:
        await app.service(app.local_caller("sdk")).create_session(session_id="two")
    with serving(an_app(store=store), port=port):
        await service.create_session(session_id="three")
        async with asyncio.timeout(20):
            seen.append(await waiting)
            while len(seen) < 3:
                item = await anext(feed)
                if item.event is not None:
                    seen.append(item)
    assert [item.event.session_id for item in seen if item.event is not None] == ["one", "two", "three"]
    assert changes[:3] == [True, False, True]
    await feed.aclose()  # type: ignore[attr-defined]
    await service.__aexit__(None, None, None)


async def chunked(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_events_are_read_however_their_bytes_are_cut() -> None:
    text = b": live\r\nid: 3\r\n\r\nid: 4\rdata: a\rdata:b\r\revent: x\nid: 5\ndata: \xc3\xa9\n\ndata: lost"
    whole = [message async for message in messages(chunked(text))]
    assert whole == [
        Message(id="3", comment="live"),
        Message(id="4", data=b"a\nb"),
        Message(event="x", id="5", data="é".encode()),
    ]
    for size in range(1, 9):
        cut = [text[at : at + size] for at in range(0, len(text), size)]
        assert [message async for message in messages(chunked(*cut))] == whole


async def test_a_stream_without_line_ends_is_no_stream() -> None:
    with pytest.raises(StoreUnavailable, match="line without end"):
        async for _ in messages(chunked(*[b"x" * (1 << 20)] * 20)):
            pass
