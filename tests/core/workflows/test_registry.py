"""Registering: what can be a workflow, what it is called, what is told of it."""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import Any

import pytest

from nexus.errors import InvalidInput, WorkflowNotFound
from nexus.workflows.context import AsyncRun, RunContext, SyncRun
from nexus.workflows.registry import Registry
from tests.running import environment


@pytest.fixture
def registry() -> Registry:
    return Registry()


def plain(step: int, data: str = "") -> dict[str, Any]:
    """Do one step.

    It is done at once.

    Args:
        step: Which one,
            counted from one.
        data (str): What with.

    Returns:
        Something.
    """
    return {"step": step, "data": data}


class Machine:
    """A machine."""

    def method(self, run: object, size: int) -> int:
        """Measure it."""
        return size

    async def __call__(self, size: int) -> int:
        """Call it."""
        return size


def properties(registry: Registry, name: str) -> set[str]:
    return set(registry.get(name).info.input_schema["properties"])


def test_a_workflow_is_told_of_by_its_docstring_and_signature(registry: Registry) -> None:
    info = registry.add(plain, "plain", checkpoint_interval=10).info
    assert info.name == "plain"
    assert info.description == "Do one step.\n\nIt is done at once."
    assert info.checkpoint_interval == 10
    assert info.input_schema == {
        "title": "plain",
        "description": info.description,
        "type": "object",
        "additionalProperties": False,
        "required": ["step"],
        "properties": {
            "step": {"title": "Step", "type": "integer", "description": "Which one, counted from one."},
            "data": {"title": "Data", "type": "string", "default": "", "description": "What with."},
        },
    }


def test_a_description_that_is_given_wins_over_the_docstring(registry: Registry) -> None:
    info = registry.add(plain, "plain", description="Mine.").info
    assert info.description == info.input_schema["description"] == "Mine."


@pytest.mark.parametrize(
    "text",
    [
        "Do it.\n\n:param step: which\n:param str data: what\n:returns: x",
        "Do it.\n\nParameters\n----------\nstep : int\n    which\ndata : str\n    what\n\nReturns\n-------\nint\n    x",
        "Do it.\n\nArgs:\n    step: which\n    data: what\n",
    ],
)
def test_parameters_are_described_in_any_usual_form(registry: Registry, text: str) -> None:
    def documented(step: int, data: str) -> None: ...

    documented.__doc__ = text
    info = registry.add(documented, "documented").info
    assert info.description == "Do it."
    assert info.input_schema["properties"]["step"]["description"] == "which"
    assert info.input_schema["properties"]["data"]["description"] == "what"


def test_the_run_is_no_input_by_name_or_by_annotation(registry: Registry) -> None:
    def named(run, size): ...  # type: ignore[no-untyped-def]

    def annotated(size: int, context: RunContext) -> None: ...

    def sync(it: SyncRun, size: int) -> None: ...

    async def asynchronous(size: int, *, it: AsyncRun) -> None: ...

    for function in (named, annotated, sync, asynchronous):
        registry.add(function, function.__name__)
        assert properties(registry, function.__name__) == {"size"}


def test_any_kind_of_callable_can_be_a_workflow(registry: Registry) -> None:
    assert not registry.add(Machine().method, "method").is_async
    assert registry.add(Machine(), "object").is_async
    partial = registry.add(functools.partial(plain, step=3), "partial")
    assert registry.get("method").description == "Measure it."
    assert registry.get("object").description == "Call it."
    assert partial.description.startswith("Do one step.")
    assert properties(registry, "method") == properties(registry, "object") == {"size"}
    assert partial.info.input_schema["properties"]["step"]["default"] == 3
    assert "required" not in partial.info.input_schema


def test_what_can_be_no_workflow_is_refused_with_the_reason(registry: Registry) -> None:
    def star(*names: str) -> None: ...

    def generator() -> Any:
        yield 1

    async def asynchronous_generator() -> Any:
        yield 1

    for function, reason in (
        (star, "list"),
        (generator, "run.steps"),
        (asynchronous_generator, "run.steps"),
        (5, "called"),
    ):
        with pytest.raises(InvalidInput, match=reason):
            registry.add(function, "refused")  # type: ignore[arg-type]
    assert registry.names() == ()


@pytest.mark.parametrize("name", ["", "a b", "-a", "a/b", "a" * 129, "ä", "a\n", None])
def test_a_malformed_name_is_refused(registry: Registry, name: Any) -> None:
    with pytest.raises(InvalidInput, match="workflow name"):
        registry.add(plain, name)


@pytest.mark.parametrize("interval", [0, -1, 1.5, "3", True, None])
def test_an_interval_counts_steps_from_one(registry: Registry, interval: Any) -> None:
    with pytest.raises(InvalidInput, match="checkpoint_interval"):
        registry.add(plain, "plain", checkpoint_interval=interval)


def test_a_name_that_is_taken_is_refused_unless_the_same_function_comes_again(registry: Registry) -> None:
    registry.add(plain, "one")
    assert registry.add(plain, "one", checkpoint_interval=5) is registry.get("one")
    with pytest.raises(InvalidInput, match="registered already"):
        registry.add(Machine().method, "one")


def test_a_name_that_is_not_known_brings_up_the_one_that_may_have_been_meant(registry: Registry) -> None:
    registry.add(plain, "index-files")
    with pytest.raises(WorkflowNotFound, match="did you mean 'index-files'"):
        registry.get("index-file")
    with pytest.raises(WorkflowNotFound, match="there are: index-files"):
        registry.get("zzz")


def test_workflows_are_listed_by_name(registry: Registry) -> None:
    for name in ("b", "c", "a"):
        registry.add(plain, name)
    assert [info.name for info in registry.infos()] == ["a", "b", "c"] == list(registry.names())
    assert "a" in registry
    assert "d" not in registry


def test_registering_does_not_pay_for_the_schema() -> None:
    code = (
        "import sys\n"
        "from nexus.workflows.registry import Registry\n"
        "workflow = Registry().add(lambda a: a, 'a')\n"
        "assert 'pydantic' not in sys.modules and 'pydantic_core' not in sys.modules\n"
        "workflow.info\n"
        "assert 'pydantic' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=environment("memory://"))
