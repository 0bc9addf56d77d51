"""Tokens of an identity provider at every door: HTTP, events, MCP; and what ends when they do."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import ProtectedResourceMetadata

from nexus import AsyncNexus, AuthenticationRequired, SessionNotFound
from nexus.channels.client import RemoteService
from nexus.channels.client.sse import messages
from nexus.channels.http import build_http_app
from nexus.testing import FakeClock
from tests.channels.http.http_places import an_app, in_process, problem, until
from tests.channels.mcp.mcp_places import serving
from tests.core.auth import provider
from tests.core.auth.provider import AUDIENCE, ISSUER, NOW, jwks, key, token

PATIENCE = 60.0


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(jwks(key("one"))))
    return path


@pytest.fixture
def app(keys: Path, clock: FakeClock) -> AsyncNexus:
    return an_app(clock=clock, **provider.settings(str(keys), jwt_leeway=0))


@pytest.fixture
async def http(app: AsyncNexus) -> AsyncIterator[httpx.AsyncClient]:
    async with in_process(app) as client:
        yield client


async def test_a_bearer_owns_what_it_makes_and_sees_nothing_else(http: httpx.AsyncClient) -> None:
    ann, bob = bearer(token()), bearer(token(sub="bob"))
    made = (await http.post("/sessions", json={"session_id": "hers"}, headers=ann)).json()
    assert made["owner"] == "jwt:ann"
    problem(await http.get("/sessions/hers", headers=bob), 404, "session_not_found")
    events = (await http.get("/sessions/hers/events", headers=ann)).json()["items"]
    assert [event["actor"] for event in events] == ["jwt:ann"]
    seen = await http.get("/sessions/hers", headers=bearer(token(sub="eyes", scope="nexus:read")))
    assert seen.status_code == 200


async def test_a_token_of_nexus_of_the_same_name_is_somebody_else(app: AsyncNexus, http: httpx.AsyncClient) -> None:
    made = await app.service(app.local_caller("cli")).create_token("ann", "run")
    await http.post("/sessions", json={"session_id": "hers"}, headers=bearer(token()))
    problem(await http.get("/sessions/hers", headers=bearer(made.secret)), 404, "session_not_found")


@pytest.mark.parametrize("path", ["/sessions", "/mcp"])
async def test_a_refusal_points_to_what_is_wanted_and_says_no_more(http: httpx.AsyncClient, path: str) -> None:
    bodies = []
    for wrong in (
        token(key("stranger")),
        token(exp=NOW - 1),
        token(aud="other"),
        token(key("x"), header={"kid": "one"}),
    ):
        refused = await http.post(path, json={}, headers=bearer(wrong))
        bodies.append(problem(refused, 401, "unauthenticated"))
        told = refused.headers["WWW-Authenticate"]
        assert told.startswith('Bearer realm="nexus", error="invalid_token"')
        where = re.search(r'resource_metadata="([^"]+)"', told)
        assert where is not None
        metadata = ProtectedResourceMetadata.model_validate_json((await http.get(where[1])).content)
        assert str(metadata.resource) == "http://localhost/mcp"
        assert [str(each) for each in metadata.authorization_servers] == [ISSUER]
        assert metadata.scopes_supported == ["nexus:run", "nexus:read", "nexus:operate", "nexus:admin"]
    assert bodies == [bodies[0]] * len(bodies)
    nobody = (await http.post(path, json={})).headers["WWW-Authenticate"]
    assert "error" not in nobody
    assert "resource_metadata" in nobody


async def test_without_a_provider_no_authorization_server_is_named() -> None:
    async with in_process(an_app(enable_auth=True)) as http:
        for path in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"):
            told = (await http.get(path)).json()
            assert "authorization_servers" not in told
            assert told["scopes_supported"] == ["run", "read", "operate", "admin"]


async def test_an_audience_that_is_an_address_is_the_resource_behind_any_proxy(keys: Path, clock: FakeClock) -> None:
    address = "https://nexus.example.com/mcp"
    app = an_app(clock=clock, **provider.settings(str(keys), jwt_audience=address))
    async with in_process(app) as http:
        asked = {"Host": "nexus.example.com"}
        refused = await http.get("/sessions", headers=asked)
        assert 'resource_metadata="https://nexus.example.com/.well-known' in refused.headers["WWW-Authenticate"]
        told = (await http.get("/.well-known/oauth-protected-resource/mcp", headers=asked)).json()
        assert told["resource"] == address


async def test_a_host_with_quotes_does_not_break_out_of_the_challenge(app: AsyncNexus, http: httpx.AsyncClient) -> None:
    refused = await http.get("/sessions", headers={"Host": 'a", error="x'})
    assert refused.headers["WWW-Authenticate"].count('"') == 4


async def test_who_has_no_scope_is_forbidden_everything(http: httpx.AsyncClient) -> None:
    for path in ("/sessions", "/mcp"):
        told = problem(await http.post(path, json={}, headers=bearer(token(scope="openid"))), 403, "permission_denied")
        assert "claim scope" in told["detail"]


async def test_wrong_tokens_slow_their_sender_down_at_every_door(app: AsyncNexus) -> None:
    served = build_http_app(app)
    async with served.lifespan():
        transport = httpx.ASGITransport(app=served, client=("192.0.2.7", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            for path in ("/sessions", "/mcp"):
                await http.post(path, json={}, headers=bearer(token(key("stranger"))))
        # The next failures of that address are the third and fourth; those of others are their first.
        brake = served.context.brake
        now = asyncio.get_running_loop().time()
        delays = [brake.delay("192.0.2.7", now) for _ in range(4)]
        assert [delay > 0 for delay in delays] == [False, False, False, True]


async def test_a_claim_leads_into_a_namespace_and_out_of_all_others(keys: Path, clock: FakeClock) -> None:
    app = an_app(clock=clock, **provider.settings(str(keys), jwt_namespace_claim="tenant"))
    async with in_process(app) as http:
        root = app.service(app.local_caller("cli"))
        for tenant in ("acme", "other"):
            await root.create_namespace(tenant)
        acme = bearer(token(tenant="acme", scope="nexus:admin"))
        made = await http.post("/sessions", json={"session_id": "theirs"}, headers=acme)
        assert made.json()["owner"] == "jwt:ann"
        for tenant in ("other", "default"):
            elsewhere = bearer(token(tenant=tenant, scope="nexus:admin"))
            problem(await http.get("/sessions/theirs", headers=elsewhere), 404, "session_not_found")
        chosen = {**acme, "Nexus-Namespace": "other"}
        problem(await http.get("/sessions", headers=chosen), 404, "namespace_not_found")
        problem(await http.get("/namespaces", headers=acme), 403, "permission_denied")
        for nowhere in ("gone", "../acme", ""):
            problem(await http.get("/sessions", headers=bearer(token(tenant=nowhere))), 401, "unauthenticated")


async def test_each_of_them_has_a_rate_of_its_own(keys: Path, clock: FakeClock) -> None:
    limits = {"max_requests_per_second": 0.01, "request_burst": 1}
    async with in_process(an_app(clock=clock, **provider.settings(str(keys), **limits))) as http:
        for name in ("ann", "bob"):
            # Another token of the same bearer draws on the same bucket.
            assert (await http.get("/sessions", headers=bearer(token(sub=name)))).status_code == 200
            assert (await http.get("/sessions", headers=bearer(token(sub=name, jti="2")))).status_code == 429


@pytest.mark.parametrize("status", [200, 503])
async def test_ready_says_how_old_the_keys_are(clock: FakeClock, status: int) -> None:
    with provider.serving() as serves:
        serves.publish(key("one"))
        serves.status = status
        async with in_process(an_app(clock=clock, **provider.settings(serves.url))) as http:
            told = (await http.get("/ready")).json()
            assert told["ok"]
            assert told["facts"]["jwt_keys"] == ("current" if status == 200 else "missing")
            assert ("jwt_keys_age" in told["facts"]) == (status == 200)
            assert serves.url not in json.dumps(told)
            answer = await http.get("/sessions", headers=bearer(token()))
            assert answer.status_code == status


# -- what ends with a token, over real sockets


@asynccontextmanager
async def streaming(url: str, secret: str) -> AsyncIterator[httpx.Response]:
    async with (
        httpx.AsyncClient(base_url=url, timeout=PATIENCE, headers=bearer(secret)) as web,
        web.stream("GET", "/events") as response,
    ):
        assert response.status_code == 200, await response.aread()
        yield response


def expire(clock: FakeClock, keys: Path) -> None:
    clock.advance(301)


def withdraw(clock: FakeClock, keys: Path) -> None:
    keys.write_text(json.dumps(jwks(key("next"))))


ENDS = pytest.mark.parametrize("end", [expire, withdraw])
End = Callable[[FakeClock, Path], None]


@ENDS
async def test_an_event_stream_ends_with_its_token(app: AsyncNexus, clock: FakeClock, keys: Path, end: End) -> None:
    secret, lasting = token(), await own_token(app)
    async with serving(app) as mcp_url:
        url = mcp_url.removesuffix("/mcp")
        async with streaming(url, secret) as ends, streaming(url, lasting) as stays:
            found = messages(ends.aiter_bytes())
            await anext(found)
            end(clock, keys)
            async with asyncio.timeout(PATIENCE):
                assert [message async for message in found if message.data is not None] == []
            remaining = messages(stays.aiter_bytes())
            await app.create_session()
            async with asyncio.timeout(PATIENCE):
                while (await anext(remaining)).data is None:
                    pass
        async with httpx.AsyncClient(base_url=url, headers=bearer(secret)) as web:
            assert (await web.get("/events")).status_code == 401


async def own_token(app: AsyncNexus) -> str:
    await app.open()
    made = await app.service(app.local_caller("cli")).create_token("lasting", "read")
    return made.secret


async def test_an_event_stream_ends_when_its_own_token_is_revoked(app: AsyncNexus) -> None:
    secret = await own_token(app)
    async with serving(app) as mcp_url, streaming(mcp_url.removesuffix("/mcp"), secret) as response:
        found = messages(response.aiter_bytes())
        await anext(found)
        await app.service(app.local_caller("cli")).revoke_token("lasting")
        async with asyncio.timeout(PATIENCE):
            assert [message async for message in found if message.data is not None] == []


async def test_a_client_that_follows_is_told_that_its_token_is_over(app: AsyncNexus, clock: FakeClock) -> None:
    async with serving(app) as mcp_url, RemoteService(mcp_url.removesuffix("/mcp"), token=token()) as remote:
        feed = remote.feed()
        await anext(feed)
        clock.advance(301)

        async def rest() -> list[object]:
            return [item async for item in feed]

        with pytest.raises(AuthenticationRequired):
            await asyncio.wait_for(rest(), PATIENCE)


async def test_a_long_wait_ends_with_its_token(app: AsyncNexus, clock: FakeClock) -> None:
    ann = bearer(token())
    async with serving(app) as mcp_url, httpx.AsyncClient(base_url=mcp_url.removesuffix("/mcp"), headers=ann) as web:
        await web.post("/groups", json={"group_id": "g"})
        await web.post("/sessions", json={"session_id": "s", "group": "g"})
        await web.post("/workflows/approve/execute", json={"session_id": "s", "background": True})
        waiting = asyncio.create_task(web.get("/groups/g/wait", params={"timeout": PATIENCE}, timeout=PATIENCE))
        await until(lambda: watched(app))
        clock.advance(301)
        problem(await waiting, 401, "unauthenticated")
        assert (await app.get_session("s")).status in ("suspended", "in_progress")


async def watched(app: AsyncNexus) -> bool:
    return bool(app.parts.standings._open)


@asynccontextmanager
async def client_of(url: str, secret: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers=bearer(secret)) as sending,
        Client(streamable_http_client(url, http_client=sending), mode="2026-07-28") as client,
    ):
        yield client


async def test_the_official_mcp_client_comes_in_with_it(app: AsyncNexus) -> None:
    async with serving(app) as url:
        async with client_of(url, token()) as client:
            told = (await client.call_tool("count", {"to": 2})).structured_content or {}
            names = {tool.name for tool in (await client.list_tools()).tools}
        assert told["status"] == "completed"
        assert (await app.get_session(told["session_id"])).owner == "jwt:ann"
        assert not [name for name in names if name.startswith("nexus_")]
        async with client_of(url, token(scope="nexus:operate")) as client:
            assert "nexus_statistics" in {tool.name for tool in (await client.list_tools()).tools}


@ENDS
async def test_an_mcp_stream_ends_with_its_token(app: AsyncNexus, clock: FakeClock, keys: Path, end: End) -> None:
    async with (
        serving(app) as url,
        client_of(url, token()) as client,
        client.listen(tools_list_changed=True) as stream,
    ):
        end(clock, keys)
        async with asyncio.timeout(PATIENCE):
            assert [event async for event in stream] == []


async def test_an_mcp_call_that_tells_of_progress_ends_with_its_token_and_its_run_goes_on(
    app: AsyncNexus, clock: FakeClock
) -> None:
    async def ignore(progress: float, total: float | None, message: str | None) -> None:
        """The client asks for progress, so that the call waits as long as the run takes."""

    @app.workflow("held")
    async def held(run: Any) -> dict[str, Any]:
        return {"answer": await run.call(_answer)}

    released = asyncio.Event()

    async def _answer() -> str:
        await released.wait()
        return "done"

    async with serving(app) as url, client_of(url, token()) as client:
        calling: Awaitable[Any] = asyncio.create_task(
            client.call_tool("held", {"session_id": "s"}, progress_callback=ignore)
        )
        await until(lambda: watched(app))
        await until(lambda: running(app))
        clock.advance(301)
        async with asyncio.timeout(PATIENCE):
            told = (await calling).structured_content
        assert told["code"] == "unauthenticated"
        released.set()
        await until(lambda: running(app, "active"), PATIENCE)


async def running(app: AsyncNexus, status: str = "in_progress") -> bool:
    try:
        return bool((await app.get_session("s")).status == status)
    except SessionNotFound:
        return False


async def test_the_audience_of_another_server_is_none_of_ours(http: httpx.AsyncClient) -> None:
    listed = await http.get("/sessions", headers=bearer(token(aud=["other", AUDIENCE])))
    assert listed.status_code == 200
    problem(await http.get("/sessions", headers=bearer(token(aud=["other"]))), 401, "unauthenticated")
