"""One machine drives memory, SQLite, Redis and a plain-dict model with the same operations and compares them.

The model below is written from the contract, on purpose without the lifecycle's code: a rule that
both got wrong alike would have to be misread twice.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nexus import AsyncNexus
from nexus.errors import NexusError
from nexus.local import LocalService
from nexus.model import Caller
from nexus.testing import FakeClock
from tests.core.stores.redis.servers import cluster, cluster_url, sentinels, single

T = TypeVar("T")
TIMEOUT = 100.0
MAX_AGE = 1000.0
RETENTION = 500.0
START = 1_800_000_000.0
IDS = tuple(f"s{number}" for number in range(4))
GROUPS = ("g0", "g1")
STATE_KEYS = ("a", "b")
LIVE = ("active", "in_progress", "suspended")
FINAL = ("completed", "cancelled", "expired")

ids = st.sampled_from(IDS)
mostly_first = st.sampled_from((*IDS[:2] * 4, *IDS))
"""Two of the ids far more often than the others, so that a history of some length comes about."""
patches: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(STATE_KEYS),
    st.none() | st.integers(-2, 2) | st.just([]) | st.just(2**70) | st.just({"x": {"y": 1}}),
    max_size=2,
)


class Refused(Exception):
    """The model's own refusal: a code."""


class Model:
    """Sessions as plain dicts."""

    def __init__(self) -> None:
        self.now = START
        self.sessions: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, bool] = {}

    def due(self, session: dict[str, Any]) -> bool:
        at = self.expires_at(session)
        return session["status"] not in FINAL and at is not None and at <= self.now

    @staticmethod
    def expires_at(session: dict[str, Any]) -> float | None:
        if session["status"] in ("completed", "cancelled"):
            return None
        if session["status"] == "suspended":
            return float(session["age"])
        return float(min(session["idle"], session["age"]))

    def sweep(self) -> None:
        for session_id in [key for key, value in self.sessions.items() if self.due(value)]:
            session = self.sessions[session_id]
            if not self.due(session):
                continue
            at = self.expires_at(session)
            assert at is not None
            session.update(status="expired", ended=max(at, session["created"]), idle=at)
            self._bump(session)
            self._end_children(session_id, "cancelled", used=False)

    def _bump(self, session: dict[str, Any]) -> None:
        session["version"] += 1

    def _use(self, session: dict[str, Any], channel: str) -> None:
        session["idle"] = max(session["idle"], self.now + TIMEOUT)
        if channel not in session["channels"]:
            session["channels"].append(channel)
        self._bump(session)

    def _get(self, session_id: str) -> dict[str, Any]:
        if session_id not in self.sessions:
            raise Refused("session_not_found")
        return self.sessions[session_id]

    def usable(self, session_id: str) -> dict[str, Any]:
        session = self._get(session_id)
        if session["status"] == "expired" or self.due(session):
            raise Refused("session_expired")
        if session["status"] in FINAL:
            raise Refused("invalid_transition")
        return session

    def create(self, session_id: str, parent: str | None, group: str | None) -> None:
        above = self._get(parent) if parent is not None else None
        group = group or (above["group"] if above else None)
        if group is not None and group not in self.groups:
            raise Refused("group_not_found")
        if group is not None and not self.groups[group]:
            raise Refused("invalid_transition")
        self.usable_parent(parent)
        if session_id in self.sessions:
            raise Refused("session_exists")
        self.sessions[session_id] = {
            "status": "active", "state": dict(above["state"]) if above else {}, "parent": parent, "group": group,
            "created": self.now, "idle": self.now + TIMEOUT, "age": self.now + MAX_AGE, "ended": None,
            "channels": ["api"], "version": 1, "step": 0, "saved": [], "line": 0, "run": None, "signals": 0,
        }  # fmt: skip

    def usable_parent(self, parent: str | None) -> dict[str, Any] | None:
        return None if parent is None else self.usable(parent)

    def patch(self, session_id: str, patch: dict[str, Any]) -> None:
        session = self.usable(session_id)
        merged = dict(session["state"])
        for key, value in patch.items():
            if value is None:
                merged.pop(key, None)
            elif isinstance(value, dict):
                old = merged.get(key) if isinstance(merged.get(key), dict) else {}
                inner = old.get("x") if isinstance(old.get("x"), dict) else {}  # type: ignore[union-attr]
                merged[key] = {**old, "x": {**inner, **value["x"]}}  # type: ignore[dict-item]
            else:
                merged[key] = value
        session["state"] = merged
        self._use(session, "api")

    def extend(self, session_id: str, seconds: float) -> None:
        session = self.usable(session_id)
        if session["status"] == "suspended":
            session["idle"] += seconds
            session["age"] += seconds
        else:
            moved = min(session["idle"], session["age"]) + seconds
            session["idle"], session["age"] = moved, max(session["age"], moved)
        if "api" not in session["channels"]:
            session["channels"].append("api")
        self._bump(session)

    def sync(self, session_id: str, channel: str) -> None:
        session = self.usable(session_id)
        session["idle"] = max(session["idle"], self.now + TIMEOUT)
        if channel not in session["channels"]:
            session["channels"].append(channel)
        self._bump(session)

    def end(self, session_id: str, status: str) -> None:
        session = self._get(session_id)
        self._end(session, status, used=True)
        if session["status"] in FINAL:
            below = "completed" if session["status"] == "completed" else "cancelled"
            self._end_children(session_id, below, used=True)

    def _end(self, session: dict[str, Any], status: str, *, used: bool) -> None:
        if session["status"] in FINAL:
            return
        if self.due(session):
            at = self.expires_at(session)
            assert at is not None
            session.update(status="expired", ended=max(at, session["created"]), idle=at)
        else:
            session.update(status=status, ended=max(self.now, session["created"]))
            if used and "api" not in session["channels"]:
                session["channels"].append("api")
        self._bump(session)

    def _end_children(self, session_id: str, status: str, *, used: bool) -> None:
        for child_id, child in self.sessions.items():
            if child["parent"] == session_id:
                if child["status"] not in FINAL:
                    self._end(child, "cancelled" if child["status"] == "suspended" else status, used=used)
                self._end_children(child_id, status, used=used)

    def execute(self, session_id: str, steps: int, how: str) -> None:
        if session_id not in self.sessions:
            self.create(session_id, None, None)
        session = self.usable(session_id)
        if session["status"] == "suspended":
            raise Refused("session_busy")
        session.update(step=0, run=how)
        self._use(session, "api")
        self._steps(session, 0, steps, how)

    def _steps(self, session: dict[str, Any], done: int, steps: int, how: str) -> None:
        for _ in range(done, steps):
            session["state"] = {**session["state"], "n": session["state"].get("n", 0) + 1}
            session["step"] += 1
            self._bump(session)
            self._save(session)
        self._outcome(session, how, saved=steps > done)

    def _save(self, session: dict[str, Any]) -> None:
        session["saved"].append((session["step"], dict(session["state"])))
        session["line"] = len(session["saved"])

    def _outcome(self, session: dict[str, Any], how: str, *, saved: bool, woken: bool = False) -> None:
        """The end of the body: it returns, raises, or waits for a signal (if none is there already).

        What was done before a signal is taken counts as kept: it is committed, unless it was at the suspension.
        """
        if how == "wait" and session["signals"]:
            if not woken:
                self._bump(session)
                self._save(session)
                saved = True
            session["signals"] -= 1
            self._bump(session)
            how = "ok"
        if how == "ok":
            session["run"] = "done"
        session["status"] = {"ok": "active", "boom": "failed", "wait": "suspended"}[how]
        if how == "ok":
            session["idle"] = max(session["idle"], self.now + TIMEOUT)
        elif how == "boom":
            session["idle"] = self.now + TIMEOUT
        self._bump(session)
        if how == "wait" or not saved:
            self._save(session)

    def signal(self, session_id: str) -> None:
        session = self.usable(session_id)
        waiting = session["status"] == "suspended"
        session["signals"] += 1
        self._use(session, "api")
        if waiting:
            self._bump(session)
            self._outcome(session, "wait", saved=True, woken=True)

    def resume(self, session_id: str) -> None:
        session = self._get(session_id)
        if session["status"] == "suspended":
            raise Refused("session_busy")
        unfinished = session["run"] in ("boom", "wait")
        if session["status"] == "completed" or (session["status"] == "active" and not unfinished):
            raise Refused("invalid_transition")
        session["ended"] = None
        if session["age"] <= self.now:
            session["age"] = self.now + MAX_AGE
        self._use(session, "api")
        session["status"] = "active"
        if unfinished:
            self._outcome(session, session["run"], saved=True)

    def fork(self, session_id: str, new: str) -> None:
        source = self._get(session_id)
        if source["status"] == "suspended" and not self.due(source):
            raise Refused("invalid_transition")
        if self.due(source):
            at = self.expires_at(source)
            assert at is not None
            source.update(status="expired", ended=max(at, source["created"]), idle=at)
            self._bump(source)
            self._end_children(session_id, "cancelled", used=False)
        if new in self.sessions:
            raise Refused("session_exists")
        self.sessions[new] = {
            "status": "active", "state": dict(source["state"]), "parent": None, "group": None, "created": self.now,
            "idle": self.now + TIMEOUT, "age": self.now + MAX_AGE, "ended": None, "channels": ["api"], "version": 1,
            "step": source["step"], "saved": [], "line": 0, "run": source["run"], "signals": 0,
        }  # fmt: skip
        if source["run"] is not None:
            self._save(self.sessions[new])

    def end_group(self, group: str) -> None:
        if group not in self.groups:
            raise Refused("group_not_found")
        self.groups[group] = False
        members = [key for key, value in self.sessions.items() if value["group"] == group]
        for key in members:
            if self.sessions[key]["status"] not in FINAL:
                self.end(key, "completed")

    def clean(self) -> None:
        self.sweep()
        for key in [key for key, value in self.sessions.items() if value["status"] in FINAL]:
            if self.sessions[key]["ended"] < self.now - RETENTION:
                del self.sessions[key]


def workflows(app: AsyncNexus) -> None:
    """What the machine runs: some steps, then an end of each kind."""

    @app.workflow("steps")
    async def steps(run: Any, count: int, how: str) -> int:
        async for _ in run.steps(range(count)):
            run.state["n"] = run.state.get("n", 0) + 1
        if how == "boom":
            raise ValueError("boom")
        if how == "wait":
            await run.wait_for("go")
        return int(run.state.get("n", 0))


async def signal_and_wait(service: LocalService, session_id: str) -> None:
    """Signal, and let a run that this wakes go on to its end."""
    cursor = (
        (await service.list_events(session_id, limit=1, newest=True)).items[-1].seq
        if await _is_there(service, session_id)
        else 0
    )
    was = (await service.get_session(session_id)).status
    await service.signal_session(session_id, "go")
    if was == "suspended":
        async for item in service.feed(cursor=str(cursor)):
            if item.event is not None and item.event.session_id == session_id and item.event.type == "run.completed":
                return


async def _is_there(service: LocalService, session_id: str) -> bool:
    try:
        await service.get_session(session_id)
    except NexusError:
        return False
    return True


class SessionMachine(RuleBasedStateMachine):
    """The same operations on memory, on another store and on the model."""

    url = "sqlite:///{folder}/nexus.sqlite3"
    """The other store; on Redis each example has keys of its own."""

    @initialize()
    def open(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="nexus-machine-"))
        self.clock = FakeClock(START)
        self.model = Model()
        common: dict[str, Any] = {
            "clock": self.clock, "session_timeout": TIMEOUT, "session_max_age": MAX_AGE,
            "session_retention": RETENTION, "session_lock_timeout": 0.02,
        }  # fmt: skip
        self.apps = [
            AsyncNexus(store="memory://", **common),
            AsyncNexus(store=self.url.format(folder=self.folder), session_prefix=f"{self.folder.name}:", **common),
        ]
        for app in self.apps:
            workflows(app)
            self.loop.run_until_complete(app.open())
            self.loop.run_until_complete(app.parts.executor.start())
        self.create_group("g0")
        self.create("s0", None, "g0")
        self.create("s1", "s0", None)

    def teardown(self) -> None:
        if hasattr(self, "apps"):
            for app in self.apps:
                self.loop.run_until_complete(app.close(0))
            self.loop.close()
            shutil.rmtree(self.folder)

    def both(self, call: Callable[[Any], Coroutine[Any, Any, Any]], model: Callable[[], Any]) -> None:
        """Do it everywhere; all must agree on whether, and with which code, it is refused."""
        try:
            model()
            expected = "ok"
        except Refused as refused:
            expected = str(refused)
        for app in self.apps:
            service = app.service(Caller(actor="local:machine", channel="api"))
            try:
                self.loop.run_until_complete(call(service))
                outcome = "ok"
            except NexusError as error:
                outcome = error.code
            assert outcome == expected, (app.settings.store, outcome, expected)

    @rule(session_id=ids, parent=st.none() | ids, group=st.none() | st.sampled_from(GROUPS))
    def create(self, session_id: str, parent: str | None, group: str | None) -> None:
        self.both(
            lambda service: service.create_session(session_id=session_id, parent_session=parent, group=group),
            lambda: self.model.create(session_id, parent, group),
        )

    @rule(session_id=mostly_first, patch=patches)
    def patch(self, session_id: str, patch: dict[str, Any]) -> None:
        self.both(lambda service: service.patch_session(session_id, patch), lambda: self.model.patch(session_id, patch))

    @rule(session_id=mostly_first, seconds=st.sampled_from([1.0, 50.0, 5000.0]))
    def extend(self, session_id: str, seconds: float) -> None:
        self.both(
            lambda service: service.extend_session(session_id, seconds), lambda: self.model.extend(session_id, seconds)
        )

    @rule(session_id=mostly_first, channel=st.sampled_from(["api", "cli", "mcp", "sdk"]))
    def sync(self, session_id: str, channel: str) -> None:
        def model() -> None:
            session = self.model.usable(session_id)
            del session
            self.model.sync(session_id, channel)

        self.both(lambda service: service.sync_session(session_id, channel), model)

    @rule(session_id=mostly_first, status=st.sampled_from(["completed", "cancelled"]))
    def end(self, session_id: str, status: str) -> None:
        self.both(
            lambda service: service.end_session(session_id, status=status), lambda: self.model.end(session_id, status)
        )

    @rule(session_id=mostly_first, steps=st.integers(0, 3), how=st.sampled_from(["ok", "boom", "boom", "wait"]))
    def execute(self, session_id: str, steps: int, how: str) -> None:
        self.both(
            lambda service: service.execute("steps", {"count": steps, "how": how}, session_id=session_id),
            lambda: self.model.execute(session_id, steps, how),
        )

    @rule(session_id=mostly_first)
    def signal(self, session_id: str) -> None:
        self.both(lambda service: signal_and_wait(service, session_id), lambda: self.model.signal(session_id))

    @rule(session_id=mostly_first)
    def resume(self, session_id: str) -> None:
        self.both(
            lambda service: service.resume_session(session_id, background=False),
            lambda: self.model.resume(session_id),
        )

    @rule(session_id=mostly_first, new=ids)
    def fork(self, session_id: str, new: str) -> None:
        self.both(
            lambda service: service.fork_session(session_id, new_session_id=new),
            lambda: self.model.fork(session_id, new),
        )

    @rule(group=st.sampled_from(GROUPS))
    def create_group(self, group: str) -> None:
        self.both(lambda service: service.create_group(group), lambda: self.model.groups.update({group: True}))

    @rule(group=st.sampled_from(GROUPS))
    def end_group(self, group: str) -> None:
        self.both(lambda service: service.end_group(group), lambda: self.model.end_group(group))

    @rule(seconds=st.sampled_from([1.0, 60.0, 99.0, 101.0, 600.0, -30.0, -3600.0]))
    def move_clock(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.model.now += seconds

    @rule()
    def clean(self) -> None:
        self.model.clean()
        for app in self.apps:
            self.loop.run_until_complete(app.parts.sweeper.mark_due())
            self.loop.run_until_complete(app.parts.sweeper.delete_old())

    @precondition(lambda self: hasattr(self, "apps"))
    @invariant()
    def all_agree(self) -> None:
        self.model.sweep()
        wanted = {
            key: (value["status"], value["state"], value["version"], value["channels"], value["parent"],
                  value["group"], value["step"], f"checkpoint-{value['line']}" if value["line"] else None,
                  self.model.expires_at(value), value["ended"])
            for key, value in self.model.sessions.items()
        }  # fmt: skip
        for app in self.apps:
            seen = self.loop.run_until_complete(self._seen(app))
            assert seen == wanted, app.settings.store

    async def _seen(self, app: AsyncNexus) -> dict[str, Any]:
        service = app.service(Caller(actor="local:machine", channel="api"))
        page = await service.list_sessions(limit=100)
        figures = await service.statistics()
        assert figures.total == len(page.items)
        assert figures.by_status == {
            status: sum(item.status == status for item in page.items) for status in figures.by_status
        }
        assert figures.active == sum(item.status in LIVE for item in page.items)
        return {
            item.id: (item.status.value, item.state, item.version, list(item.channels), item.parent_id, item.group_id,
                      item.step, item.last_checkpoint, item.expires_at, item.ended_at)
            for item in page.items
        }  # fmt: skip


_PROFILE = settings.get_current_profile_name()


def examples(few: int, many: int) -> settings:
    """How many examples of 30 steps are tried; ``many`` in the long profile."""
    return settings(
        settings.get_profile(_PROFILE),
        max_examples=many if _PROFILE == "long" else few,
        stateful_step_count=30,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


TestSessionMachine = SessionMachine.TestCase
TestSessionMachine.settings = examples(40, 2000)


def one_server(folder: Path) -> AbstractContextManager[str]:
    """Valkey, alone."""
    return _url_of(single(folder), lambda server: server.url)


def old_server(folder: Path) -> AbstractContextManager[str]:
    """The Redis that a distribution packs."""
    return _url_of(single(folder, binary=OLD_REDIS), lambda server: server.url)


def watched_server(folder: Path) -> AbstractContextManager[str]:
    """Valkey with a replica and Sentinels."""
    return _url_of(sentinels(folder), lambda watched: watched.url)


def three_nodes(folder: Path) -> AbstractContextManager[str]:
    """A cluster of Valkey."""
    return _url_of(cluster(folder), cluster_url)


@contextmanager
def _url_of(servers: AbstractContextManager[T], url: Callable[[T], str]) -> Iterator[str]:
    with servers as running:
        yield url(running)


def on(servers: Callable[[Path], AbstractContextManager[str]], few: int, many: int) -> Any:
    """The machine's test with servers that are up as long as its examples are tried."""
    machine: Any = type("SessionMachine", (SessionMachine,), {})

    class OnServers(machine.TestCase):  # type: ignore[misc]  # Hypothesis makes its base
        settings = examples(few, many)

        @classmethod
        def setUpClass(cls) -> None:
            stack = ExitStack()
            cls.addClassCleanup(stack.close)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nexus-servers-"))
            machine.url = stack.enter_context(servers(Path(folder)))

    return OnServers


OLD_REDIS = shutil.which("redis-server")
TestSessionMachineOnRedis = on(one_server, 10, 1000)
TestSessionMachineOnACluster = on(three_nodes, 3, 300)
TestSessionMachineBehindSentinels = pytest.mark.long(on(watched_server, 20, 300))
TestSessionMachineOnOldRedis = pytest.mark.skipif(OLD_REDIS is None, reason="no redis-server is installed")(
    on(old_server, 3, 300)
)
