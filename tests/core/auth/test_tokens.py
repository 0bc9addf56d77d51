"""Tokens: made, verified, used, revoked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from nexus import AsyncNexus, AuthenticationRequired, InvalidInput, TokenExists, TokenNotFound
from nexus.auth import Brake
from nexus.auth.verifier import FRESH
from nexus.local import LocalService
from nexus.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_800_000_000.0)


@pytest.fixture(params=["memory", "sqlite"])
async def app(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[AsyncNexus]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/nexus.sqlite3"
    async with AsyncNexus(store=url, clock=clock) as opened:
        yield opened


@pytest.fixture
def admin(app: AsyncNexus) -> LocalService:
    return LocalService(app.parts, app.local_caller("cli"))


async def test_a_secret_shows_its_token(app: AsyncNexus, admin: LocalService) -> None:
    made = await admin.create_token("ci", "run")
    caller = await app.caller_of_token(made.secret, "mcp")
    assert (caller.actor, caller.channel, caller.scope) == ("ci", "mcp", "run")
    assert len(made.secret) > 40


async def test_the_store_keeps_a_digest_and_no_list_shows_more(app: AsyncNexus, admin: LocalService) -> None:
    made = await admin.create_token("ci", "run")
    (kept,) = (await app.store.documents("token")).values()
    assert made.secret.encode() not in kept
    (listed,) = await admin.list_tokens()
    shown = {"name", "scope", "namespace", "created_at", "created_by", "expires_at", "last_used_at"}
    assert set(listed.to_dict()) == shown
    assert listed.created_by.startswith("local:")


async def test_a_name_is_given_once(admin: LocalService) -> None:
    made = await asyncio.gather(*(admin.create_token("ci", "read") for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(each, TokenExists) for each in made) == 4


@pytest.mark.parametrize("secret", ["", "nexus_", "nexus_" + "A" * 43, "é\udcff", "x" * 100_000])
async def test_what_shows_no_token_lets_nobody_in(app: AsyncNexus, admin: LocalService, secret: str) -> None:
    await admin.create_token("ci", "run")
    with pytest.raises(AuthenticationRequired):
        await app.caller_of_token(secret, "api")


async def test_a_revoked_token_lets_nobody_in(app: AsyncNexus, admin: LocalService) -> None:
    made = await admin.create_token("ci", "run")
    await app.caller_of_token(made.secret, "api")
    assert (await admin.revoke_token("ci")).name == "ci"
    with pytest.raises(AuthenticationRequired):
        await app.caller_of_token(made.secret, "api")
    with pytest.raises(TokenNotFound):
        await admin.revoke_token("ci")


async def test_what_another_process_does_to_tokens_counts_within_two_seconds(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.sqlite3"
    async with AsyncNexus(store=url) as here, AsyncNexus(store=url) as there:
        elsewhere = LocalService(there.parts, there.local_caller("cli"))
        first = await elsewhere.create_token("first", "run")
        await here.caller_of_token(first.secret, "api")
        second = await elsewhere.create_token("second", "run")
        await here.caller_of_token(second.secret, "api")
        await elsewhere.revoke_token("first")
        assert FRESH < 2
        async with asyncio.timeout(60):
            while True:
                try:
                    await here.caller_of_token(first.secret, "api")
                except AuthenticationRequired:
                    break
                await asyncio.sleep(0.05)


async def test_a_name_may_be_used_anew_and_the_old_secret_stays_dead(app: AsyncNexus, admin: LocalService) -> None:
    old = await admin.create_token("ci", "admin")
    await admin.revoke_token("ci")
    new = await admin.create_token("ci", "read")
    with pytest.raises(AuthenticationRequired):
        await app.caller_of_token(old.secret, "api")
    assert (await app.caller_of_token(new.secret, "api")).scope == "read"


async def test_a_token_ends_when_it_was_said_to(app: AsyncNexus, admin: LocalService, clock: FakeClock) -> None:
    made = await admin.create_token("ci", "run", expires_in=60)
    clock.advance(59)
    await app.caller_of_token(made.secret, "api")
    clock.advance(1)
    with pytest.raises(AuthenticationRequired):
        await app.caller_of_token(made.secret, "api")


async def test_the_last_use_is_shown_to_a_minute(app: AsyncNexus, admin: LocalService, clock: FakeClock) -> None:
    made = await admin.create_token("ci", "run")
    clock.advance(100)
    await app.caller_of_token(made.secret, "api")
    clock.advance(30)
    await app.caller_of_token(made.secret, "api")
    await app.parts.verifier.close()
    (token,) = await admin.list_tokens()
    assert token.last_used_at == 1_800_000_100.0


@pytest.mark.parametrize("name", ["", "local:root", "system:x", "-x", "a b", "a" * 65, "ü", "a\n"])
async def test_names_that_could_pass_for_somebody_else_are_refused(admin: LocalService, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await admin.create_token(name, "run")
    assert refused.value.details["field"] == "name"


async def test_scopes_are_known_ones(admin: LocalService) -> None:
    with pytest.raises(InvalidInput, match="run, read, operate, admin"):
        await admin.create_token("ci", "root")


def test_guessing_gets_slower_and_mistyping_does_not() -> None:
    brake = Brake()
    delays = [brake.delay("10.0.0.1", float(n)) for n in range(14)]
    assert delays[:5] == [0.0] * 5
    assert delays[5:] == sorted(delays[5:])
    assert delays[-1] == 2.0
    assert brake.delay("10.0.0.2", 14.0) == 0.0
    assert brake.delay("10.0.0.1", 100.0) == 0.0


async def test_a_session_needs_a_token_where_that_is_required(tmp_path: Path) -> None:
    async with AsyncNexus(store="memory://", session_auth_required=True) as app:
        admin = LocalService(app.parts, app.local_caller("sdk"))
        made = await admin.create_token("ci", "run")
        reader = await admin.create_token("eyes", "read")
        for wrong in (None, "nexus_wrong"):
            with pytest.raises(AuthenticationRequired) as refused:
                await app.create_session(auth_token=wrong)
            assert refused.value.details["field"] == "auth_token"
        with pytest.raises(InvalidInput):
            await app.create_session(auth_token="")
        session_id = await app.create_session(auth_token=made.secret)
        assert (await app.get_session(session_id)).owner == "ci"
        from nexus import PermissionDenied

        with pytest.raises(PermissionDenied):
            await app.create_session(auth_token=reader.secret)


async def test_two_namespaces_have_tokens_of_one_name_and_each_sees_its_own(app: AsyncNexus) -> None:
    here = LocalService(app.parts, app.local_caller("cli"))
    await here.create_namespace("acme")
    there = LocalService(app.parts, replace(app.local_caller("cli"), namespace="acme"))
    mine, theirs = await here.create_token("ci", "run"), await there.create_token("ci", "admin")
    assert [(token.namespace, token.scope) for token in await here.list_tokens()] == [("default", "run")]
    assert [(token.namespace, token.scope) for token in await there.list_tokens()] == [("acme", "admin")]
    callers = [await app.caller_of_token(made.secret, "api") for made in (mine, theirs)]
    assert [(caller.account, caller.scope) for caller in callers] == [("ci", "run"), ("acme/ci", "admin")]
    await here.revoke_token("ci")
    with pytest.raises(AuthenticationRequired):
        await app.caller_of_token(mine.secret, "api")
    assert (await app.caller_of_token(theirs.secret, "api")).namespace == "acme"


async def test_a_process_that_knows_no_namespaces_reads_none_of_their_tokens(app: AsyncNexus) -> None:
    there = LocalService(app.parts, replace(app.local_caller("cli"), namespace="acme"))
    await there.create_token("ci", "admin")
    assert await app.store.documents("token") == {}
