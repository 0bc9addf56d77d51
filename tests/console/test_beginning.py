"""Work in the background is begun by what makes it: a coroutine that never starts would be complained of at the end."""

from __future__ import annotations

import ast
import gc
import warnings
from functools import partial
from pathlib import Path

import nexus_tui
import nexus_widgets
from nexus_tui.beginning import begin
from tests.console.driving import driving
from tests.console.world import World

SOURCES = [path for package in (nexus_tui, nexus_widgets) for path in sorted(Path(package.__path__[0]).rglob("*.py"))]


def coroutines_begun(source: str) -> list[str]:
    """Where a worker is given a coroutine that is made already."""
    return [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "run_worker"
        and isinstance(node.args[0], ast.Call)
    ]


def test_no_worker_is_given_a_coroutine() -> None:
    found = {str(path): coroutines_begun(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {path: mistakes for path, mistakes in found.items() if mistakes} == {}


def test_a_coroutine_given_to_a_worker_is_found() -> None:
    assert coroutines_begun("self.run_worker(self._load(), group='x')") == [
        "1: self.run_worker(self._load(), group='x')"
    ]
    assert coroutines_begun("self.run_worker(self._load, group='x')") == []


async def test_work_that_is_given_up_before_it_starts_is_not_complained_of(world: World) -> None:
    async with driving(world, world.clock) as driven:
        done: list[int] = []

        async def work(number: int) -> None:
            done.append(number)

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for number in range(3):
                begin(driven.console, partial(work, number), "work", exclusive=True)
            await driven.until(lambda: done)
            gc.collect()
        assert done == [2]


async def test_leaving_right_after_a_key_leaves_nothing_unawaited(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        for name in ("rewind", "quit"):
            driven.console.screen.action_command(name)  # type: ignore[attr-defined]
    # What was never awaited is told when it is collected, and that fails a test.
    gc.collect()
