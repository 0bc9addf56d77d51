"""A change that is refused before the service is asked is in the audit too: over HTTP, MCP and from the library."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
import pytest

from nexus import AsyncNexus
from nexus.audit.refusals import CHANGES
from nexus.channels.http.refusing import change_of
from nexus.channels.http.table import OPERATIONS
from nexus.channels.mcp.operators import OPERATORS
from nexus.errors import AuthenticationRequired, InvalidInput, NexusError
from nexus.lifecycle import Moment, runs
from nexus.lifecycle.runs import Lease
from nexus.model import Caller
from nexus.model.change import Change, Snapshot
from nexus.workflows.committing import Committing
from nexus.workflows.stops import RunLost
from tests.channels.http.http_places import an_app, in_process, problem

JSON = {"Content-Type": "application/json"}
MCP = {"Accept": "application/json, text/event-stream", **JSON}


async def refusals(app: AsyncNexus) -> list[tuple[str, str, str, str, str | None]]:
    admin = app.service(Caller(actor="root", channel="cli"))
    page = await admin.audit("outcome:refused", limit=500)
    return [(each.actor, each.channel, each.action, each.target, each.code) for each in page]


def tool(name: str, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


async def token_of(app: AsyncNexus, name: str, scope: str) -> dict[str, str]:
    made = await app.service(Caller(actor="root", channel="cli")).create_token(name, scope)
    return {"Authorization": f"Bearer {made.secret}"}


async def test_requests_without_a_token_and_with_a_wrong_one_are_told_by_door() -> None:
    app = an_app(enable_auth=True)
    wrong = {"Authorization": "Bearer nexus_guess"}
    async with in_process(app) as http:
        for _ in range(3):
            problem(await http.post("/sessions", json={}), 401, "unauthenticated")
            problem(await http.get("/sessions"), 401, "unauthenticated")
        problem(await http.get("/sessions", headers=wrong), 401, "unauthenticated")
        assert (await http.post("/mcp", json=tool("collect"), headers=MCP)).status_code == 401
        assert (await http.post("/mcp", json=tool("collect"), headers={**MCP, **wrong})).status_code == 401
        assert set(await refusals(app)) == {
            ("unknown", "api", "authenticate", "", "unauthenticated"),
            ("unknown", "mcp", "authenticate", "", "unauthenticated"),
        }
        await app.parts.door.close()
        told = await app.service(Caller(actor="root", channel="cli")).audit("outcome:refused")
        first = [each.channel for each in told if each.reason == "a request without a token, from 127.0.0.1"]
        counts: Counter[str] = Counter()
        for each in told:
            number, _, rest = (each.reason or "").partition(" ")
            if rest == "more of the same within a minute, from 127.0.0.1":
                counts[each.channel] += int(number)
        assert (first, counts) == (["api", "mcp"], {"api": 6, "mcp": 1})


async def test_changes_that_never_reach_the_service_are_told_by_operation() -> None:
    app = an_app(enable_auth=True, max_body_bytes=1000)
    async with in_process(app) as http:
        run = await token_of(app, "ann", "run")
        too_long = b'{"data": "' + b"x" * 1000 + b'"}'
        for answer, status in (
            (await http.patch("/sessions/s1", content=b"{no json", headers={**run, **JSON}), 422),
            (await http.patch("/sessions/s1", content=b"[]", headers={**run, **JSON}), 422),
            (await http.patch("/sessions/s2", content=too_long, headers={**run, **JSON}), 413),
            (await http.post("/sessions/s3/end", content=b"{}", headers=run), 415),
            (await http.post("/sessions/s4/end?x=1", headers=run), 422),
            (await http.post("/sessions/s5/extend", json={"seconds": "soon"}, headers=run), 422),
            (await http.post("/groups/g/end", json={"what": 1}, headers=run), 422),
            (await http.delete("/tokens/t?x=1", headers=run), 422),
            (await http.patch("/sessions/s6", json={}, headers={**run, "If-Match": "nonsense"}), 422),
            (await http.post("/sessions", json={}, headers={**run, "Origin": "http://evil.example"}), 403),
            (await http.get("/sessions/none?x=1", headers=run), 422),
            (await http.post("/nowhere", json={}, headers=run), 404),
            (await http.delete("/sessions/s1", headers=run), 405),
        ):
            assert answer.status_code == status, answer.text
        assert await refusals(app) == [
            ("ann", "api", "patch", "s1", "invalid_input"),
            ("ann", "api", "patch", "s2", "payload_too_large"),
            ("ann", "api", "end", "s3", "unsupported_media_type"),
            ("ann", "api", "end", "s4", "invalid_input"),
            ("ann", "api", "extend", "s5", "invalid_input"),
            ("ann", "api", "group.end", "g", "invalid_input"),
            ("ann", "api", "token.revoke", "t", "invalid_input"),
            ("unknown", "api", "request", "", "permission_denied"),
        ]


async def test_a_rate_that_is_used_up_is_told_once_and_counted() -> None:
    app = an_app(max_requests_per_second=0.01, request_burst=2)

    @app.route("/own", methods=["POST"])
    def own() -> dict[str, int]:
        return {}

    async with in_process(app) as http:
        for _ in range(2):
            assert (await http.get("/sessions")).status_code == 200
        for _ in range(4):
            problem(await http.post("/sessions", json={}), 429, "rate_limited")
            problem(await http.get("/sessions"), 429, "rate_limited")
        problem(await http.post("/own"), 429, "rate_limited")
        assert (await http.post("/mcp", json=tool("collect"), headers=MCP)).status_code == 429
        actor = app.local_caller("api").actor
        assert await refusals(app) == [
            (actor, "api", "create", "", "rate_limited"),
            (actor, "api", "request", "", "rate_limited"),
            (actor, "mcp", "request", "", "rate_limited"),
        ]


async def test_a_limit_of_live_sessions_is_told_each_time() -> None:
    app = an_app(max_live_sessions=1)
    async with in_process(app) as http:
        for status in (201, 429, 429):
            assert (await http.post("/sessions", json={})).status_code == status
        assert [code for *_, code in await refusals(app)] == ["limit_exceeded", "limit_exceeded"]


async def test_tools_that_are_called_wrongly_are_told() -> None:
    app = an_app(enable_auth=True, max_body_bytes=2000)
    async with in_process(app) as http:
        ops, run = await token_of(app, "ops", "operate"), await token_of(app, "ann", "run")

        async def call(body: Any, who: dict[str, str], **more: str) -> httpx.Response:
            return await http.post("/mcp", **body, headers={**MCP, **who, **more})

        old = {"mcp-protocol-version": "2025-11-25"}
        await call({"json": tool("nexus_session_extend", session_id="s", seconds="soon")}, ops, **old)
        await call({"json": tool("nexus_session_end", session_id="s")}, run, **old)
        await call({"json": tool("collect", session_id="s", stepp=1)}, run, **old)
        await call({"json": tool("nexus_session_get", session_id="none", x=1)}, ops, **old)
        assert (await call({"content": b"{broken"}, run, **old)).status_code == 400
        assert (await call({"content": b"x" * 3000}, run, **old)).status_code == 413
        assert await refusals(app) == [
            ("ops", "mcp", "extend", "s", "invalid_input"),
            ("ann", "mcp", "end", "s", "permission_denied"),
            ("ann", "mcp", "run.started", "s", "invalid_input"),
            ("ann", "mcp", "request", "", "invalid_input"),
            ("ann", "mcp", "request", "", "payload_too_large"),
        ]


def test_every_operation_and_tool_that_changes_something_has_its_name() -> None:
    for each in OPERATIONS:
        named = change_of(each.id).action != "request"
        assert named is (each.method != "GET"), each.id
    actions = {change.action for change in CHANGES.values()}
    assert {each.action for each in OPERATORS.values() if not each.reads} <= actions


async def test_the_library_s_own_calls_are_told_too() -> None:
    async with AsyncNexus(store="memory://", session_auth_required=True) as app:
        with pytest.raises(NexusError):
            await app.resume_workflow("none", "s1")
        with pytest.raises(NexusError):
            await app.resume_from_checkpoint("s2", "checkpoint-1")
        for _ in range(2):
            with pytest.raises(AuthenticationRequired):
                await app.create_session()
        with pytest.raises(AuthenticationRequired):
            await app.create_session(auth_token="nexus_guess")
        with pytest.raises(InvalidInput):
            await app.update_session("s3", {"status": "completed"})
        me = app.local_caller("sdk").actor
        assert await refusals(app) == [
            (me, "sdk", "resume", "s1", "session_not_found"),
            (me, "sdk", "resume", "s2", "session_not_found"),
            (me, "api", "create", "", "unauthenticated"),
            ("unknown", "api", "authenticate", "", "unauthenticated"),
            (me, "sdk", "patch", "s3", "invalid_input"),
        ]


async def test_a_late_commit_of_a_run_that_another_process_has_is_told_once() -> None:
    async with an_app() as app:
        await app.start()
        result = await app.execute_workflow("approve", "s")
        assert result.status == "suspended"
        lost: list[bool] = []
        lease = Lease(session_id="s", run_id=result.run_id, epoch=0)
        zombie = Committing(
            app.parts.engine, lease, Caller(actor="ann", channel="api"), lambda: None, lambda: lost.append(True)
        )

        def late(before: Snapshot, moment: Moment) -> Change:
            return runs.release(before, moment, lease)

        for _ in range(3):
            with pytest.raises(RunLost):
                await zombie.apply(late)
        assert lost
        assert await refusals(app) == [("ann", "api", "run.commit", "s", "invalid_transition")]
        assert "no longer this process's" in str(
            (await app.service(app.local_caller("cli")).audit("outcome:refused")).items[0].reason
        )
