"""One run as it executes in this process: its state, what of it is kept, and its commits.

Shared by the two contexts that a workflow's body may see. Bookkeeping is synchronous and done by whoever runs the body;
everything asynchronous happens on the event loop, while the body waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from nexus.lifecycle import Moment, Rules, runs
from nexus.lifecycle.runs import Lease, Work
from nexus.model import Caller, JournalEntry, Progress, Run, Session, Wait, jsonvalue
from nexus.model.change import UNOWNED, Change, Message, Snapshot
from nexus.sessions.engine import Engine
from nexus.workflows.committing import Committing
from nexus.workflows.decision import Decision
from nexus.workflows.documents import put_back
from nexus.workflows.journal import Answer, Journal
from nexus.workflows.position import Loop, Position
from nexus.workflows.reports import Reports
from nexus.workflows.stops import RunCancelled, RunLost, RunReleased, RunSuspended, Stop

_PASSED = "@"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What stays of a run if it raises now: the state as of its last completed step, and where that is."""

    state_json: bytes
    base_json: bytes
    """The committed state that it came from, so that patches by others are told from its own changes."""
    step: int
    loops: tuple[int, ...]
    behind: tuple[str, ...] = ()


def _as_committed(session: Session, loops: tuple[int, ...]) -> Kept:
    return Kept(state_json=session.state_json, base_json=session.state_json, step=session.step, loops=loops)


class Execution:
    """Drives one acquired run's commits.

    Args:
        engine: Where to commit.
        snapshot: The session and run as acquired; its epoch is the lease.
        entries: The run's journal.
    """

    def __init__(self, engine: Engine, snapshot: Snapshot, entries: Sequence[JournalEntry] = ()) -> None:
        session, run = snapshot.session, snapshot.run
        assert run is not None  # noqa: S101 - what has been acquired is a run
        self.run: Run = run
        self.lease: Lease = runs.lease_of(snapshot)
        self.inputs = run.inputs
        self.state: dict[str, Any] = jsonvalue.trusted(session.state_json)
        self.step = session.step
        self.position = Position(run.loops)
        self.reports = Reports(self._report)
        self.stop: type[Stop] | None = None
        self.loop = asyncio.get_running_loop()
        self.halted: asyncio.Future[None] = self.loop.create_future()
        self.wait: Wait | None = None
        """What the body is being unwound to wait for."""
        self._engine = engine
        self._metadata = session.metadata
        self._commits = Committing(
            engine, self.lease, Caller(actor=run.actor, channel=run.channel), self._refusal, partial(self.halt, RunLost)
        )
        self._made, self._oldest = session.checkpoints, session.oldest_checkpoint
        self._journal = Journal(entries, self.position, self._made)
        self._loops_before = len(run.loops)
        self._committed = self._kept = _as_committed(session, run.loops)
        self._base = session.state_json
        self._closed = False

    # -- asked by whoever runs the body

    def check(self) -> None:
        """Unwind the body if it is not to go on.

        Raises:
            Stop: Of the kind that was asked for.
        """
        if self.wait is not None:
            raise RunSuspended
        if self.stop is not None:
            raise self.stop

    def enter(self) -> Loop:
        """Enter a durable loop; in one that has completed iterations already the state is as it was committed."""
        self.check()
        loop = self.position.enter()
        if loop.index < self._loops_before and loop.done:
            self._put_back_committed()
        return loop

    def complete(self, loop: Loop) -> bool:
        """Complete an iteration, keep the state as it is now; whether a commit is due.

        Raises:
            InvalidInput, PayloadTooLarge: The state is not JSON, or too large; the step counts as unfinished.
        """
        if not loop.held:
            raise RuntimeError("this loop was left when the one around it went on: durable loops can't be interleaved")
        state_json = self._encoded_state()
        self._journal.leave(loop.complete(), self._made)
        self.step += 1
        self._keep(state_json)
        return self.step - self._committed.step >= self.run.checkpoint_interval

    def recall(self, key: str) -> tuple[bool, Any]:
        """Whether a call's result is recorded there, and which."""
        self.check()
        value = self._journal.get(key)
        return (False, None) if value is None else (True, jsonvalue.trusted(value))

    def told(self, text: str, outputs: Any = None, most: int | None = None) -> str:
        """A text of the workflow's without the values that rules hide: those of the session as it is and as it is kept,
        of the run's inputs, and of ``outputs``; only ``most`` characters are looked at, and others dropped."""
        hides = self._engine.hides
        if not hides.any:
            return text
        kept = {self._kept.state_json, self._kept.base_json, self._committed.state_json}
        states = (self.state, *map(jsonvalue.trusted, kept))
        return hides.scrub(
            text, *(("state", state) for state in states), ("metadata", self._metadata), ("inputs", self.run.inputs),
            ("inputs", self.inputs), ("outputs", outputs), most=most,
        )  # fmt: skip

    @property
    def hides_errors(self) -> bool:
        """Whether the texts of errors are hidden altogether."""
        return self._engine.hides.errors

    @property
    def max_bytes(self) -> int:
        """The most that one result or state may take."""
        return self._engine.rules.max_state_bytes

    # -- asked by whoever stops the run; on the event loop

    @property
    def cancelled(self) -> bool:
        """Whether it goes on in vain: its session has ended, or another process has it."""
        return self.stop in (RunCancelled, RunLost)

    def ask(self, kind: type[Stop]) -> None:
        """Let the body go on to its next checkpoint, and unwind it there."""
        if self.stop in (None, RunReleased):
            self.stop = kind

    def halt(self, kind: type[Stop]) -> None:
        """Unwind the body soon, wherever it is."""
        self.ask(kind)
        if not self.halted.done():
            self.halted.set_result(None)

    # -- commits; on the event loop

    async def commit(self, *passed: str) -> None:
        """Commit what is kept with a checkpoint.

        Args:
            passed: Keys of places that the body has passed and that this state belongs to.

        Raises:
            RunLost: It is no longer this process's, or its session has ended.
        """
        said = self.reports.pending
        work = replace(self._work(), remember=passed)
        kept = self._kept
        made = self._made
        after = await self._commits.apply(
            lambda before, moment: runs.commit(before, moment, self._rules, self.lease, work),
            lambda seen: seen.session.checkpoints > made,
        )
        self.reports.sent(said)
        self._journal.forgot(work.forget)
        for key in passed:
            self._journal.put(key, b"{}", self._made)
        self._went_through(after, kept)

    async def checkpoint(self) -> None:
        """Commit the state as it is now, in the middle of a step too; once, however often the run is resumed."""
        self.check()
        key = self.position.key()
        if self._journal.get(key) is not None:
            self._put_back_committed()
            return
        self._keep(self._encoded_state())
        await self.commit(key)
        self.check()

    async def record(self, key: str, value: bytes, name: str) -> None:
        """Record the result of a call."""
        await self._commits.apply(
            lambda before, moment: runs.record(before, moment, self.lease, key=key, value=value, name=name),
            lambda _: self._has_recorded(key),
        )
        self._journal.put(key, value, self._made)

    async def receive(self, signal: str, timeout: float | None) -> Answer:
        """What a wait for ``signal`` gets.

        Raises:
            RunSuspended: Nothing yet; ``wait`` says what for.
        """
        self.check()
        key = self.position.key()
        recorded = self._journal.get(key)
        if recorded is not None:
            return self._replay(Answer.decode(recorded))
        passed = self._journal.get(key + _PASSED) is not None
        if passed:
            self._put_back_committed()
        else:
            self._keep(self._encoded_state())
        wait = self._waiting(key, signal, timeout)
        message = await self._signal(signal)
        if message is None and (wait.deadline is None or wait.deadline > self._engine.clock.now()):
            self.wait = wait
            raise RunSuspended
        if not passed:
            await self.commit(key + _PASSED)
        return await self._answer(key, signal, message)

    async def suspend(self) -> Snapshot:
        """Let the run wait; if the signal has come meanwhile, it is ready to be taken on at once."""
        wait = self.wait
        assert wait is not None  # noqa: S101 - only a body that waits is suspended
        passed = wait.key + _PASSED
        work = self._work() if self._journal.get(passed) is not None else replace(self._work(), remember=(passed,))
        while True:
            # A signal that comes after the inbox was read changes the version, and the decision is made again.
            seen = await self._commits.load()
            if self._commits.rests(seen):
                return seen
            ready = await self._signal(wait.signal) is not None
            suspend = partial(runs.suspend, rules=self._rules, lease=self.lease, work=work, wait=wait, ready=ready)
            decision = Decision(suspend, version=seen.session.version)
            after = await self._commits.apply(decision)
            if decision.made(after):
                return after

    async def finish(self, outputs_json: bytes) -> Snapshot:
        """The body returned.

        Raises:
            InvalidInput, PayloadTooLarge: The state is not JSON, or too large.
        """
        self.step += self.position.unfinished
        self._keep(self._encoded_state())
        work = self._work()
        return await self._commits.apply(
            lambda before, moment: runs.finish(before, moment, self._rules, self.lease, work, outputs_json),
            self._commits.rests,
        )

    async def fail(self, error: str) -> Snapshot:
        """The body raised."""
        work = self._work()
        return await self._commits.apply(
            lambda before, moment: runs.fail(before, moment, self._rules, self.lease, work, error), self._commits.rests
        )

    async def give_up(self, error: str) -> Snapshot:
        """As ``fail``, with nothing but what is committed already: what was kept could not be."""
        self._kept = self._committed
        return await self.fail(error)

    async def release(self) -> Snapshot:
        """Commit what is kept and hand the run over to whoever takes it next."""
        if self._kept.step > self._committed.step:
            await self.commit()
        return await self._commits.apply(
            lambda before, moment: runs.release(before, moment, self.lease),
            lambda seen: seen.run is not None and seen.run.worker == UNOWNED,
        )

    async def close(self) -> None:
        """Refuse whatever the body, should it go on all the same, asks for from now on."""
        self._closed = True
        if self.stop is None:
            self.stop = RunReleased
        await self.reports.close()

    # -- inside

    @property
    def _rules(self) -> Rules:
        return self._engine.rules

    def _refusal(self) -> type[Stop] | None:
        return (self.stop or RunReleased) if self._closed else None

    async def _report(self, said: Progress) -> None:
        progress = self._shown(said)
        await self._commits.apply(
            lambda before, moment: runs.report(before, moment, self.lease, progress),
            lambda seen: seen.run is not None and seen.run.progress == progress,
        )

    def _shown(self, said: Progress) -> Progress:
        return said if said.note is None else replace(said, note=self.told(said.note))

    def _encoded_state(self) -> bytes:
        return jsonvalue.encode(self.state, "state", self.max_bytes)

    def _keep(self, state_json: bytes) -> None:
        self._kept = Kept(
            state_json=state_json, base_json=self._base, step=self.step, loops=self.position.loops,
            behind=self._journal.behind(self._oldest),
        )  # fmt: skip

    def _work(self) -> Work:
        kept, said = self._kept, self.reports.pending
        return Work(
            state_json=kept.state_json, base_json=kept.base_json, step=kept.step, loops=kept.loops,
            progress=None if said is None else self._shown(said), forget=kept.behind,
        )  # fmt: skip

    def _went_through(self, after: Snapshot, kept: Kept) -> None:
        """The body's objects get what others have changed meanwhile."""
        self._committed = self._kept = _as_committed(after.session, kept.loops)
        self._base = after.session.state_json
        self._made, self._oldest = after.session.checkpoints, after.session.oldest_checkpoint
        if self._base != kept.state_json:
            put_back(self.state, jsonvalue.trusted(self._base))

    def _put_back_committed(self) -> None:
        self._base = self._committed.state_json
        put_back(self.state, jsonvalue.trusted(self._base))

    def _replay(self, answer: Answer) -> Answer:
        put_back(self.state, jsonvalue.trusted(bytes(answer.state)))
        self._base = bytes(answer.state)
        return answer

    def _waiting(self, key: str, signal: str, timeout: float | None) -> Wait:
        before = self.run.wait
        if before is not None and before.key == key and before.signal == signal:
            return before
        now = self._engine.clock.now()
        return Wait(signal=signal, since=now, deadline=None if timeout is None else now + max(0.0, timeout), key=key)

    async def _has_recorded(self, key: str) -> bool:
        return await self._commits.recorded(key) is not None

    async def _signal(self, name: str) -> Message | None:
        inbox = await self._commits.inbox()
        return next((message for message in inbox if message.kind == "signal" and message.name == name), None)

    async def _answer(self, key: str, signal: str, message: Message | None) -> Answer:
        made: list[Answer] = []

        def decide(before: Snapshot, moment: Moment) -> Change:
            state = msgspec.Raw(before.session.state_json)
            answer = Answer(state=state, timed_out=True) if message is None else Answer(
                state=state, payload=msgspec.Raw(message.body)
            )  # fmt: skip
            made[:] = [answer]
            take = () if message is None else (message.id,)
            return runs.record(before, moment, self.lease, key=key, value=answer.encode(), name=signal, take=take)

        async def done(_: Snapshot) -> bool:
            recorded = await self._commits.recorded(key)
            if recorded is None:
                return False
            made[:] = [Answer.decode(recorded)]
            return True

        after = await self._commits.apply(decide, done)
        self._journal.put(key, made[0].encode(), self._made)
        self._went_through(after, self._kept)
        return made[0]
