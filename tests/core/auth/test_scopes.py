"""What each scope may do, over every call of the service."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from nexus import AsyncNexus, NexusError
from nexus.model import Caller
from nexus.model.bulk import BulkRequest
from nexus.service import Service

Ask = Callable[[Service], Awaitable[Any]]

READS: dict[str, Ask] = {
    "get_session": lambda s: s.get_session("hers"),
    "get_run": lambda s: s.get_run("hers"),
    "list_checkpoints": lambda s: s.list_checkpoints("hers"),
    "get_checkpoint": lambda s: s.get_checkpoint("hers", "checkpoint-1"),
    "list_events": lambda s: s.list_events("hers"),
    "list_children": lambda s: s.list_children("hers"),
    "diff": lambda s: s.diff("hers", "start"),
    "get_group": lambda s: s.get_group("her-group"),
    "wait_group": lambda s: s.wait_group("her-group", 0),
}
"""Of what another owns."""

CHANGES: dict[str, Ask] = {
    "patch_session": lambda s: s.patch_session("hers", {"n": 1}),
    "sync_session": lambda s: s.sync_session("hers", "mcp"),
    "extend_session": lambda s: s.extend_session("hers", 5),
    "undo_session": lambda s: s.undo_session("hers"),
    "signal_session": lambda s: s.signal_session("hers", "go"),
    "resume_session": lambda s: s.resume_session("hers", checkpoint_id="checkpoint-1"),
    "fork_session": lambda s: s.fork_session("hers", checkpoint_id="checkpoint-1"),
    "execute": lambda s: s.execute("count", {"to": 1}, session_id="hers"),
    "create_session with her parent": lambda s: s.create_session(parent_session="hers"),
    "create_session in her group": lambda s: s.create_session(group="her-group"),
    "end_group": lambda s: s.end_group("her-group"),
    "end_session": lambda s: s.end_session("hers"),
}

ADMINISTERS: dict[str, Ask] = {
    "create_token": lambda s: s.create_token("x", "admin"),
    "list_tokens": lambda s: s.list_tokens(),
    "revoke_token": lambda s: s.revoke_token("x"),
    "create_namespace": lambda s: s.create_namespace("acme"),
    "list_namespaces": lambda s: s.list_namespaces(),
    "get_namespace": lambda s: s.get_namespace("acme"),
    "remove_namespace": lambda s: s.remove_namespace("acme"),
    "audit": lambda s: s.audit(),
    "verify_audit": lambda s: s.verify_audit(),
}
FOR_THOSE_WHO_SEE_ALL: dict[str, Ask] = {
    "statistics": lambda s: s.statistics(),
    "workers": lambda s: s.workers(),
}
BY_LISTS = {
    "list_sessions", "window", "exists", "bulk", "list_groups", "recent_events", "feed", "get_or_create",
    "create_session", "create_group", "list_workflows", "get_workflow", "health",
}  # fmt: skip
"""Tested by themselves below, or open to everybody."""


@pytest.fixture
async def app() -> AsyncIterator[AsyncNexus]:
    opened = AsyncNexus(store="memory://")

    @opened.workflow("count")
    async def count(run: Any, to: int = 2) -> dict[str, int]:
        async for number in run.steps(range(to)):
            run.state["n"] = number
        return {"n": run.state["n"]}

    async with opened:
        await opened.start()
        hers = opened.service(Caller(actor="her", channel="api", scope="run"))
        await hers.create_group("her-group")
        await hers.create_session(session_id="hers", group="her-group")
        await hers.execute("count", session_id="hers")
        yield opened


def service(app: AsyncNexus, scope: str, actor: str = "me") -> Service:
    return app.service(Caller(actor=actor, channel="api", scope=scope))


async def code_of(asked: Awaitable[Any]) -> str:
    try:
        await asked
    except NexusError as error:
        return error.code
    return "done"


def test_every_call_of_the_service_is_looked_at() -> None:
    known = {name.split(" ")[0] for name in (*READS, *CHANGES, *ADMINISTERS, *FOR_THOSE_WHO_SEE_ALL)} | BY_LISTS
    calls = {name for name, _ in inspect.getmembers(Service, inspect.isfunction) if not name.startswith("_")}
    assert calls == known


@pytest.mark.parametrize("name", [*READS, *CHANGES])
async def test_what_another_owns_is_not_there_for_a_run_token(app: AsyncNexus, name: str) -> None:
    before = await app.get_session("hers")
    code = await code_of({**READS, **CHANGES}[name](service(app, "run")))
    assert code in ("session_not_found", "group_not_found")
    assert (await app.get_session("hers")).version == before.version


@pytest.mark.parametrize("name", [*READS, *CHANGES])
async def test_it_is_refused_in_the_words_for_what_is_not_there(app: AsyncNexus, name: str) -> None:
    ask = {**READS, **CHANGES}[name]
    with pytest.raises(NexusError) as hidden:
        await ask(service(app, "run"))
    empty = AsyncNexus(store="memory://")
    empty.registry = app.registry
    async with empty:
        # To execute in a session that isn't there makes it: only reading tells how its lack is told.
        same = READS["get_session"] if name == "execute" else ask
        with pytest.raises(NexusError) as missing:
            await same(service(empty, "run"))
    assert (hidden.value.code, hidden.value.message) == (missing.value.code, missing.value.message)


@pytest.mark.parametrize("name", [*READS, *CHANGES])
async def test_its_owner_may_do_all_that(app: AsyncNexus, name: str) -> None:
    code = await code_of({**READS, **CHANGES}[name](service(app, "run", actor="her")))
    assert code == ("invalid_transition" if name == "undo_session" else "done")


@pytest.mark.parametrize("scope", ["read", "operate", "admin"])
@pytest.mark.parametrize("name", READS)
async def test_the_other_scopes_see_all(app: AsyncNexus, scope: str, name: str) -> None:
    assert await code_of(READS[name](service(app, scope))) == "done"


@pytest.mark.parametrize("name", [*CHANGES, "create_group", "create_session", "get_or_create", "bulk"])
async def test_a_read_token_changes_nothing(app: AsyncNexus, name: str) -> None:
    more: dict[str, Ask] = {
        "create_group": lambda s: s.create_group("g"),
        "create_session": lambda s: s.create_session(),
        "get_or_create": lambda s: s.get_or_create("u"),
        "bulk": lambda s: s.bulk(BulkRequest(action="end", ids=("hers",))),
    }
    assert await code_of({**CHANGES, **more}[name](service(app, "read"))) == "permission_denied"


@pytest.mark.parametrize("name", CHANGES)
async def test_an_operator_steers_all(app: AsyncNexus, name: str) -> None:
    code = await code_of(CHANGES[name](service(app, "operate")))
    assert code == ("invalid_transition" if name == "undo_session" else "done")


@pytest.mark.parametrize("scope", ["run", "read", "operate"])
@pytest.mark.parametrize("name", ADMINISTERS)
async def test_only_an_admin_has_to_do_with_tokens(app: AsyncNexus, scope: str, name: str) -> None:
    assert await code_of(ADMINISTERS[name](service(app, scope))) == "permission_denied"


@pytest.mark.parametrize("name", FOR_THOSE_WHO_SEE_ALL)
async def test_figures_over_all_are_for_those_who_see_all(app: AsyncNexus, name: str) -> None:
    ask = FOR_THOSE_WHO_SEE_ALL[name]
    assert await code_of(ask(service(app, "run"))) == "permission_denied"
    assert await code_of(ask(service(app, "read"))) == "done"


async def test_lists_windows_and_counts_hold_only_ones_own(app: AsyncNexus) -> None:
    mine = service(app, "run")
    await mine.create_session(session_id="mine")
    page = await mine.list_sessions()
    assert ([each.id for each in page.items], page.total) == (["mine"], 1)
    window = await mine.window("", offset=0, limit=10)
    assert ([each.id for each in window.items], window.total, window.whole) == (["mine"], 1, 1)
    await mine.create_session(session_id="mine-too")
    apart = await mine.window("", sort="id", offset=0, limit=10, stride=2)
    assert ([each.id for each in apart.items], apart.whole, apart.stride) == (["mine"], 2, 2)
    assert not await mine.exists("hers")
    assert await mine.exists("mine")
    assert (await mine.list_groups()).items == ()


@pytest.mark.parametrize("q", ["owner:her", "owner:her owner:*", "-owner:me", "id:hers", "hers", '"hers'])
async def test_no_filter_reaches_further(app: AsyncNexus, q: str) -> None:
    mine = service(app, "run")
    await mine.create_session(session_id="mine")
    found: set[str] = set()

    async def look() -> None:
        found.update(each.id for each in (await mine.list_sessions(q)).items)

    assert await code_of(look()) == ("invalid_input" if q.startswith('"') else "done")
    assert found <= {"mine"}


async def test_events_of_others_are_not_told(app: AsyncNexus) -> None:
    mine = service(app, "run")
    await mine.create_session(session_id="mine")
    assert {event.session_id for event in await mine.recent_events()} == {"mine"}
    assert {event.session_id for event in await mine.recent_events("type:session.*")} == {"mine"}
    told = set()
    async for item in mine.feed(cursor="0"):
        if item.live:
            break
        if item.event is not None:
            told.add(item.event.session_id)
    assert told == {"mine"}


async def test_a_bulk_request_reaches_only_ones_own(app: AsyncNexus) -> None:
    mine = service(app, "run")
    await mine.create_session(session_id="mine")
    for dry_run in (True, False):
        named = await mine.bulk(BulkRequest(action="extend", ids=("hers", "mine"), dry_run=dry_run))
        assert [item.outcome for item in named.items] == ["refused", "planned" if dry_run else "done"]
        assert (named.items[0].version, named.items[0].status) == (None, None)
    matched = await mine.bulk(BulkRequest(action="end", q="status:active"))
    assert [item.session_id for item in matched.items] == ["mine"]
    assert (await app.get_session("hers")).status == "active"


async def test_users_of_a_run_token_are_its_own(app: AsyncNexus) -> None:
    theirs = await service(app, "operate").get_or_create("42")
    mine = await service(app, "run").get_or_create("42")
    assert mine.id != theirs.id
    assert (await service(app, "run").get_or_create("42")).id == mine.id


async def test_a_taken_group_name_is_not_shared(app: AsyncNexus) -> None:
    assert await code_of(service(app, "run").create_group("her-group")) == "invalid_input"


async def test_what_hangs_on_ones_own_ends_with_it(app: AsyncNexus) -> None:
    await service(app, "operate", actor="op").create_session(session_id="below", parent_session="hers")
    await service(app, "run", actor="her").end_session("hers")
    assert (await app.get_session("below")).status == "completed"
