"""Whatever a body does and wherever it is interrupted, it ends as if it never had been.

Programs are drawn at random: loops in loops, calls, checkpoints, waits, changes of state. Each is run once in peace,
and once with interruptions, by failure and by loss of the process, each resumed from the store alone.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from nexus import AsyncNexus
from nexus.model import RunResult, RunStatus
from nexus.workflows.executors.local import LocalExecutor
from nexus.workflows.stops import RunLost

Program = tuple[Any, ...]
KEYS = st.sampled_from("abc")

plain = st.one_of(
    st.tuples(st.just("add"), KEYS),
    st.tuples(st.just("append"), KEYS),
    st.just(("call",)),
    st.just(("checkpoint",)),
    st.just(("wait",)),
    st.just(("late",)),
)
programs = st.recursive(
    st.lists(plain, max_size=4).map(tuple),
    lambda inner: st.lists(
        st.one_of(plain, st.tuples(st.just("loop"), st.integers(0, 3), inner, st.none() | st.integers(0, 2))),
        min_size=1,
        max_size=4,
    ).map(tuple),
    max_leaves=4,
)
faults = st.lists(st.tuples(st.integers(0, 25), st.booleans()), max_size=4)


class Interrupted(Exception):
    """A failure in the middle of the body."""


@dataclass
class Body:
    """Runs a program, and is interrupted after some number of its actions, once for each that is planned."""

    faults: list[tuple[int, bool]] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    left: int | None = None
    same: bool = False
    """Calls and signals always give the same."""

    def next_fault(self) -> None:
        self.left = self.faults[0][0] if self.faults else None

    def act(self, run: Any) -> None:
        if self.left is None:
            return
        if self.left == 0:
            _, lost = self.faults.pop(0)
            self.left = None
            if lost:
                # As a process that is gone: nothing that is not committed yet ever will be.
                run._execution.halt(RunLost)
                raise RunLost
            raise Interrupted
        self.left -= 1

    def effect(self) -> int:
        self.calls.append(1)
        return 0 if self.same else len(self.calls)

    async def play(self, run: Any, program: Program) -> None:
        for action, *rest in program:
            self.act(run)
            await getattr(self, f"do_{action}")(run, *rest)

    async def do_add(self, run: Any, key: str) -> None:
        run.state[key] = run.state.get(key, 0) + 1

    async def do_append(self, run: Any, key: str) -> None:
        run.state.setdefault(f"list-{key}", []).append(run.step)

    async def do_call(self, run: Any) -> None:
        run.state.setdefault("calls", []).append(await run.call(self.effect))

    async def do_checkpoint(self, run: Any) -> None:
        await run.checkpoint()

    async def do_wait(self, run: Any) -> None:
        run.state.setdefault("got", []).append(await run.wait_for("item"))

    async def do_late(self, run: Any) -> None:
        try:
            await run.wait_for("nothing", timeout=0)
        except TimeoutError:
            raise
        except Exception as late:  # noqa: BLE001 - WaitTimeout, which is what the state must show
            run.state["late"] = type(late).__name__

    async def do_loop(self, run: Any, times: int, inner: Program, leave: int | None) -> None:
        async for number in run.steps(range(times)):
            await self.play(run, inner)
            if number == leave:
                break


async def outcome(
    program: Program, interval: int, body: Body, back: float | None = None
) -> tuple[RunResult, dict[str, Any]]:
    """Run to the end, resuming after each interruption and sending a signal whenever one is waited for.

    With ``back``, go back to a checkpoint when it has ended, that far into its history, and run to the end again.
    """
    async with AsyncNexus(store="memory://", max_recoveries=100) as app:

        @app.workflow("program", checkpoint_interval=interval)
        async def workflow(run: Any) -> Any:
            await body.play(run, program)

        await app.create_session(session_id="it")
        body.next_fault()
        result = await to_the_end(app, body, await app.execute_workflow("program", "it", background=True))
        # The last may be that of the run's end, from where it would do everything again on top of what it left.
        before_last = (await app.get_session("it")).checkpoints - 1
        if back is not None and before_last:
            number = 1 + round(back * (before_last - 1))
            again = await app.resume_from_checkpoint("it", f"checkpoint-{number}", background=True)
            result = await to_the_end(app, body, again)
        return result, (await app.get_session("it")).state


async def to_the_end(app: AsyncNexus, body: Body, result: RunResult) -> RunResult:
    """Bring the run to its end, whatever it takes."""
    sent = 0
    async with app.parts.engine.watch("it") as watch:
        while result.status is not RunStatus.COMPLETED:
            result = await settled(app, result, watch)
            if result.status is RunStatus.FAILED:
                assert result.error == "Interrupted"
                body.next_fault()
                result = await app.resume_workflow("program", "it", background=True)
            elif result.status is RunStatus.SUSPENDED:
                sent += 1
                await app.signal_session("it", "item", 0 if body.same else sent)
            elif result.status is RunStatus.IN_PROGRESS:
                body.next_fault()
                executor = app.parts.executor
                assert isinstance(executor, LocalExecutor)
                await executor._inherit("it", await executor.enlist())
    return result


async def settled(app: AsyncNexus, result: RunResult, watch: Any) -> RunResult:
    """What became of it: over, suspended, or (in progress) lost with nobody executing it."""
    executor = app.parts.executor
    assert isinstance(executor, LocalExecutor)
    while True:
        snapshot = await app.store.load("it")
        assert snapshot is not None
        assert snapshot.run is not None
        run = snapshot.run
        if run.status in (RunStatus.COMPLETED, RunStatus.FAILED) or run.worker is None:
            return await app.parts.runs.wait("it", result.run_id, 10)
        if run.worker == await executor.enlist() and not executor._running.holds("it"):
            again = await app.store.load("it")
            if again is not None and again.session.version == snapshot.session.version:
                return replace(result, status=RunStatus.IN_PROGRESS)
            continue
        await watch.wait(0.01)


# Each example opens two apps, so a third of the usual number must do.
@settings(max_examples=max(30, settings().max_examples // 3))
@given(program=programs, interval=st.integers(1, 4), planned=faults)
def test_an_interrupted_run_ends_as_an_undisturbed_one(
    program: Program, interval: int, planned: list[tuple[int, bool]]
) -> None:
    async def both() -> None:
        expected, state = await outcome(program, interval, Body())
        disturbed, disturbed_state = await outcome(program, interval, Body(list(planned)))
        assert disturbed_state == state
        assert (disturbed.step, disturbed.outputs) == (expected.step, expected.outputs)

    asyncio.run(both())


@settings(max_examples=max(30, settings().max_examples // 3))
@given(program=programs, interval=st.integers(1, 4), planned=faults, back=st.floats(0, 1))
def test_a_run_that_went_back_to_any_checkpoint_ends_as_it_did_before(
    program: Program, interval: int, planned: list[tuple[int, bool]], back: float
) -> None:
    async def both() -> None:
        expected, state = await outcome(program, interval, Body(same=True))
        again, state_again = await outcome(program, interval, Body(list(planned), same=True), back)
        assert state_again == state
        assert again.step == expected.step

    asyncio.run(both())
