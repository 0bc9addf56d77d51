"""Namespaces: made, entered, lived in, and removed; in each nothing of another exists."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from nexus import (
    AsyncNexus,
    AuthenticationRequired,
    InvalidInput,
    NamespaceExists,
    NamespaceNotEmpty,
    NamespaceNotFound,
    NexusError,
    PermissionDenied,
    SessionNotFound,
)
from nexus.model import Caller
from nexus.namespaces import estate
from nexus.service import Service
from tests.core.namespaces.conftest import WaitUntil

Make = Callable[..., AsyncNexus]


@pytest.fixture(params=["memory", "sqlite", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes an app on the test's store."""
    if request.param == "redis":
        settings = {"store": request.getfixturevalue("valkey_url"), "session_prefix": f"t{tmp_path.name}:"}
    else:
        url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/nexus.sqlite3"
        settings = {"store": url}

    def made(**more: Any) -> AsyncNexus:
        app = AsyncNexus(**{**settings, **more})

        @app.workflow("count")
        async def count(run: Any, to: int = 2) -> dict[str, int]:
            async for number in run.steps(range(to)):
                run.state["n"] = number
            return {"n": run.state["n"]}

        return app

    return made


@pytest.fixture
async def app(make: Make) -> AsyncIterator[AsyncNexus]:
    async with make() as opened:
        for name in ("acme", "umbrella"):
            await root(opened).create_namespace(name)
        yield opened


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other process has anything open."""
    monkeypatch.setattr(estate, "LETTING_GO", 0.0)


def root(app: AsyncNexus) -> Service:
    return app.service(app.local_caller("cli"))


async def inside(app: AsyncNexus, name: str, scope: str = "admin", actor: str = "ann") -> Service:
    return app.service(await app.enter(Caller(actor=actor, channel="api", scope=scope, namespace=name)))


async def test_one_id_is_three_sessions_in_three_namespaces(app: AsyncNexus) -> None:
    services = [root(app), await inside(app, "acme"), await inside(app, "umbrella")]
    for place, service in enumerate(services):
        await service.create_session(session_id="s", state={"place": place})
        await service.create_group("g", metadata={"place": place})
    await services[1].patch_session("s", {"changed": True})
    await services[2].end_session("s")
    shown = [await service.get_session("s") for service in services]
    assert [(one.state, str(one.status)) for one in shown] == [
        ({"place": 0}, "active"), ({"place": 1, "changed": True}, "active"), ({"place": 2}, "completed"),
    ]  # fmt: skip
    assert [(await service.get_group("g")).metadata for service in services] == [{"place": n} for n in range(3)]
    assert [(await service.statistics()).active for service in services] == [1, 1, 0]
    assert [len((await service.audit()).items) for service in services] == [4, 3, 3]
    assert all([(await service.verify_audit()).intact for service in services])


async def test_the_default_namespace_lies_where_it_always_did(make: Make, app: AsyncNexus) -> None:
    await root(app).create_session(session_id="old")
    assert (await app.get_session("old")).id == "old"
    assert (await app.enter(app.local_caller("api"), "default")).namespace == "default"
    assert await app.parts.store.load("old") is not None


async def test_an_app_can_live_in_a_namespace(make: Make, app: AsyncNexus) -> None:
    if app.store.url == "memory://":
        pytest.skip("another app has another memory")
    async with make(namespace="acme") as living:
        await living.create_session(session_id="mine")
        result = await living.execute_workflow("count", "mine")
        assert result.outputs == {"n": 1}
        assert await living.session_manager.count_total() == 1
    assert (await (await inside(app, "acme")).get_session("mine")).step == 2
    with pytest.raises(SessionNotFound):
        await root(app).get_session("mine")
    with pytest.raises(NamespaceNotFound):
        await make(namespace="nowhere").open()


@pytest.mark.parametrize(
    "name", ["", "../x", "A", "Acme", "ä", "a_b", "-a", "a" * 41, "a/b", "a.b", "a b", "a\n", "ns\0"]
)
async def test_a_hostile_name_is_refused_by_field_value_and_fix(app: AsyncNexus, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await root(app).create_namespace(name)
    assert refused.value.details["field"] == "name"
    assert refused.value.details["value"] == name
    assert "a-z 0-9 -" in refused.value.message
    with pytest.raises(InvalidInput):
        await app.enter(app.local_caller("api"), name)


async def test_default_is_taken_and_a_name_is_given_once(app: AsyncNexus) -> None:
    with pytest.raises(InvalidInput, match="default"):
        await root(app).create_namespace("default")
    with pytest.raises(NamespaceExists):
        await root(app).create_namespace("acme")
    assert [each.name for each in await root(app).list_namespaces()] == ["acme", "umbrella"]


async def test_who_may_choose_a_namespace(app: AsyncNexus) -> None:
    admin = Caller(actor="ops", channel="api")
    assert (await app.enter(admin, "acme")).actor == "default/ops"
    for scope in ("run", "read", "operate"):
        with pytest.raises(PermissionDenied):
            await app.enter(replace(admin, scope=scope), "acme")
    with pytest.raises(NamespaceNotFound):
        await app.enter(admin, "nowhere")
    tenant = replace(admin, namespace="acme")
    assert await app.enter(tenant, "acme") == tenant
    for elsewhere in ("umbrella", "default", "nowhere"):
        with pytest.raises(NamespaceNotFound, match=f"no namespace {elsewhere}"):
            await app.enter(tenant, elsewhere)


async def test_a_tenants_admin_administers_its_own_tokens_and_no_namespace(app: AsyncNexus) -> None:
    theirs, others = await inside(app, "acme"), await inside(app, "umbrella")
    made = await theirs.create_token("ci", "run")
    assert made.token.namespace == "acme"
    assert [each.name for each in await theirs.list_tokens()] == ["ci"]
    assert await others.list_tokens() == await root(app).list_tokens() == []
    for ask in (
        theirs.list_namespaces(), theirs.create_namespace("x"), theirs.get_namespace("acme"),
        theirs.remove_namespace("umbrella", everything=True),
    ):  # fmt: skip
        with pytest.raises(PermissionDenied):
            await ask
    assert len(await root(app).list_namespaces()) == 2


async def test_what_a_workflow_or_a_handler_asks_of_the_app_stays_in_its_namespace(app: AsyncNexus) -> None:
    @app.workflow("make")
    async def make_one(run: Any) -> dict[str, str]:
        return {"id": await app.create_session(session_id="made")}

    told: list[str] = []

    @app.on_session_created
    async def note(event: Any) -> None:
        told.append((await app.get_session(event.session_id)).id)

    acme = await inside(app, "acme")
    await app.start()
    result = await acme.execute("make", session_id="host")
    assert result.outputs == {"id": "made"}
    assert told == ["host", "made"]
    assert await acme.exists("made")
    assert not await root(app).exists("made")
    assert await app.session_manager.count_total() == 0


async def test_runs_go_on_and_sessions_expire_in_every_namespace(
    make: Make, app: AsyncNexus, wait_until: WaitUntil
) -> None:
    acme = await inside(app, "acme")
    await acme.create_session(session_id="short", timeout=0.2)
    async with make(session_cleanup_interval=0.1) as other:
        await (app if app.store.url == "memory://" else other).start()
        await acme.execute("count", session_id="later", background=True)

        async def over() -> bool:
            return (await acme.get_session("later")).step == 2

        await wait_until(over, 60)
        await wait_until(lambda: _marked(acme), 60)


async def _marked(service: Service) -> bool:
    return (await service.statistics()).by_status.get("expired") == 1


async def test_a_namespace_is_removed_whole_or_not_at_all(app: AsyncNexus, quickly: None) -> None:
    acme = await inside(app, "acme", actor="ann")
    await acme.create_session(session_id="s")
    secret = (await acme.create_token("ci", "run")).secret
    assert (await app.caller_of_token(secret, "api")).namespace == "acme"
    with pytest.raises(NamespaceNotEmpty) as refused:
        await root(app).remove_namespace("acme")
    assert (refused.value.details["sessions"], refused.value.details["tokens"]) == (1, 1)
    assert await acme.exists("s")
    held = await root(app).remove_namespace("acme", everything=True)
    assert (held.sessions, held.tokens) == (1, 1)
    with pytest.raises(AuthenticationRequired):
        await app.caller_of_token(secret, "api")
    for ask in (lambda: inside(app, "acme"), lambda: root(app).get_namespace("acme")):
        with pytest.raises(NamespaceNotFound):
            await ask()
    with pytest.raises(NexusError):
        await acme.get_session("s")
    await root(app).create_namespace("acme")
    assert (await (await inside(app, "acme")).list_sessions()).total == 0
    done = [(each.action, each.target) for each in (await root(app).audit("target:acme* outcome:done")).items]
    assert done == [
        ("namespace.create", "acme"), ("token.create", "acme/ci"), ("namespace.remove", "acme"),
        ("token.revoke", "acme/ci"), ("namespace.create", "acme"),
    ]  # fmt: skip


async def test_a_removal_that_was_cut_short_lets_nobody_in_and_is_done_again(
    app: AsyncNexus, quickly: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = await inside(app, "acme")
    await acme.create_session(session_id="s")

    async def cut(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(estate, "erase", cut)
        with pytest.raises(ConnectionError):
            await root(app).remove_namespace("acme", everything=True)
    with pytest.raises(NamespaceNotFound):
        await inside(app, "acme")
    with pytest.raises(NamespaceExists):
        await root(app).create_namespace("acme")
    assert [each.removing for each in await root(app).list_namespaces()] == [True, False]
    await root(app).remove_namespace("acme")
    assert [each.name for each in await root(app).list_namespaces()] == ["umbrella"]


async def test_nothing_of_a_removed_namespace_is_left(
    make: Make, app: AsyncNexus, tmp_path: Path, quickly: None
) -> None:
    await (await inside(app, "acme")).create_session(session_id="s")
    place = next(each.place for each in await root(app).list_namespaces())
    await root(app).remove_namespace("acme", everything=True)
    await root(app).remove_namespace("umbrella")
    assert not list(tmp_path.rglob(f"*{place}*"))
    assert not list(tmp_path.rglob("*.ns"))
    if hasattr(app.store, "shards"):
        client = app.store.shards[0].link.client
        assert await client.call("KEYS", f"*{place}*") == []


async def test_the_parts_of_other_processes_are_let_go(make: Make, app: AsyncNexus, wait_until: WaitUntil) -> None:
    if app.store.url == "memory://":
        pytest.skip("another app has another memory")
    async with make() as other:
        await other.start()
        there = await inside(other, "acme")
        await there.create_session(session_id="s")
        removing = asyncio.create_task(root(app).remove_namespace("acme", everything=True))

        async def gone() -> bool:
            try:
                await inside(other, "acme")
            except NamespaceNotFound:
                return True
            return False

        await wait_until(gone, 60)
        await removing
        with pytest.raises(NexusError):
            await there.get_session("s")
