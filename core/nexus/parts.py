"""The parts of an open Nexus, put together on one store or on a namespace's part of it."""

from __future__ import annotations

import socket

import msgspec

from nexus.audit import Door
from nexus.auth import Standings, Tokens, Verifier
from nexus.limits import Seats
from nexus.model import Caller
from nexus.namespaces import Estate, Names
from nexus.sessions.clock import Clock
from nexus.sessions.engine import Engine
from nexus.sessions.feed import Feeds
from nexus.sessions.groups import Groups
from nexus.sessions.handlers import Handlers
from nexus.sessions.hiding import HIDES_NOTHING, Hides
from nexus.sessions.history import History
from nexus.sessions.records import Records
from nexus.sessions.sweeper import Sweeper
from nexus.settings import Settings
from nexus.stores.base import Store
from nexus.workflows.executors.base import Executor
from nexus.workflows.executors.choosing import choose_executor
from nexus.workflows.registry import Registry
from nexus.workflows.runs import Runs


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that works on one open store, or on a part of it; made once by ``Partition.open``."""

    store: Store
    clock: Clock
    engine: Engine
    records: Records
    groups: Groups
    history: History
    feeds: Feeds
    sweeper: Sweeper
    registry: Registry
    executor: Executor
    runs: Runs
    tokens: Tokens
    verifier: Verifier
    standings: Standings
    seats: Seats
    estate: Estate
    """The store's namespaces; like tokens, verifier, standings and seats those of the store itself in every part."""
    door: Door
    is_root: bool
    """Whether this is the store itself."""

    async def close(self, grace: float) -> None:
        """Stop what runs, hand over what is not done within ``grace`` seconds, and close the store."""
        await self.sweeper.stop()
        await self.executor.stop(grace)
        if self.is_root:
            await self.standings.close()
            await self.verifier.close()
        await self.door.close()
        await self.engine.close()
        await self.store.__aexit__(None, None, None)


def assemble(
    store: Store,
    clock: Clock,
    settings: Settings,
    handlers: Handlers,
    registry: Registry,
    store_url: str,
    hides: Hides = HIDES_NOTHING,
    root: Parts | None = None,
) -> Parts:
    """Put the parts together on an open store; with ``root``, on a namespace's part of the store that has those."""
    engine = Engine(store, clock, settings, handlers, hides)
    system = Caller(actor=f"system:{socket.gethostname()}", channel="")
    sweeper = Sweeper(engine, system)
    records = Records(engine, sweeper)
    executor = choose_executor(engine, registry, store_url)
    tokens = Tokens(store, clock) if root is None else root.tokens
    verifier = _verifier(tokens, clock, settings) if root is None else root.verifier
    return Parts(
        store=store,
        clock=clock,
        engine=engine,
        records=records,
        groups=Groups(engine),
        history=History(engine),
        feeds=Feeds(engine),
        sweeper=sweeper,
        registry=registry,
        executor=executor,
        runs=Runs(engine, registry, executor, records.ensure),
        tokens=tokens,
        verifier=verifier,
        standings=Standings(verifier.stands) if root is None else root.standings,
        seats=Seats(settings.max_streams, settings.max_streams_per_actor) if root is None else root.seats,
        estate=Estate(Names(store, clock), tokens, settings, clock) if root is None else root.estate,
        door=Door(store, clock),
        is_root=root is None,
    )


def _verifier(tokens: Tokens, clock: Clock, settings: Settings) -> Verifier:
    if settings.jwt_issuer is None:
        return Verifier(tokens, clock)
    # Cryptography is loaded by those alone who have an identity provider.
    from nexus.auth.jwt_verifier import jwt_verifier

    return Verifier(tokens, clock, jwt_verifier(settings, clock))
