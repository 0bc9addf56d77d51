"""The workflows that this process can execute, by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nexus.errors import InvalidInput, WorkflowNotFound
from nexus.model import WorkflowInfo
from nexus.workflows.docstring import parse
from nexus.workflows.signature import Shape, documentation, read

if TYPE_CHECKING:
    from nexus.workflows.schema import InputSchema

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)


class Workflow:
    """One registered callable. Its schema is made when somebody first asks, since that imports pydantic."""

    def __init__(self, shape: Shape, name: str, *, checkpoint_interval: int, description: str | None) -> None:
        self.name = name
        self.shape = shape
        self.checkpoint_interval = checkpoint_interval
        self._description = description

    @property
    def function(self) -> Callable[..., Any]:
        """The callable itself."""
        return self.shape.function

    @property
    def is_async(self) -> bool:
        """Whether it runs on the event loop; otherwise in a thread."""
        return self.shape.is_async

    @cached_property
    def description(self) -> str:
        """What was given at registration, or the docstring up to its sections."""
        if self._description is not None:
            return self._description
        return parse(documentation(self.function)).description

    @cached_property
    def schema(self) -> InputSchema:
        """Its inputs.

        Raises:
            InvalidInput: A parameter's type can't be read from JSON.
        """
        from nexus.workflows.schema import InputSchema

        return InputSchema(self.name, self.shape)

    @cached_property
    def info(self) -> WorkflowInfo:
        """What channels tell of it."""
        document = self.schema.document
        if self.description:
            document = {**document, "description": self.description}
        return WorkflowInfo(
            name=self.name, description=self.description, input_schema=document,
            checkpoint_interval=self.checkpoint_interval,
        )  # fmt: skip

    def check_inputs(self, inputs: Mapping[str, Any] | None) -> dict[str, Any]:
        """The inputs as JSON values, if they fit.

        Raises:
            InvalidInput: ``field`` names the first that doesn't, ``errors`` all of them.
        """
        if inputs is not None and not isinstance(inputs, Mapping):
            raise InvalidInput(
                f"workflow {self.name!r}: inputs is a {type(inputs).__name__}: give an object of names to values",
                field="inputs",
            )
        return self.schema.check(inputs or {})

    def __repr__(self) -> str:
        return f"Workflow({self.name!r})"


class Registry:
    """Names to workflows. One app has one; apps derived from it share it."""

    def __init__(self) -> None:
        self._workflows: dict[str, Workflow] = {}

    def add(
        self, fn: Callable[..., Any], name: str, *, checkpoint_interval: int = 1, description: str | None = None
    ) -> Workflow:
        """Register a callable.

        Args:
            fn: A function, method, ``partial`` or object with ``__call__``, sync or async. A parameter called
                ``run``, or annotated with ``RunContext``, gets the run; the others are inputs.
            name: 1 to 128 of ``A-Z a-z 0-9 . _ -``. The same function may come again, as when a module is reloaded.
            checkpoint_interval: Steps between two commits of a durable loop.
            description: For people and models; the docstring by default.

        Raises:
            InvalidInput: The name is taken or malformed, or the callable can't be a workflow.
        """
        _check_name(name)
        check_interval(checkpoint_interval)
        known = self._workflows.get(name)
        if known is not None and _origin(known.function) != _origin(fn):
            raise InvalidInput(
                f"workflow {name!r} is registered already, by {_origin(known.function)}: choose another name",
                field="workflow", value=name,
            )  # fmt: skip
        workflow = Workflow(read(fn, name), name, checkpoint_interval=checkpoint_interval, description=description)
        self._workflows[name] = workflow
        return workflow

    def get(self, name: str) -> Workflow:
        """The workflow of that name.

        Raises:
            WorkflowNotFound: This process has none; says what it may have been.
        """
        try:
            return self._workflows[name]
        except (KeyError, TypeError):
            raise self._missing(name) from None

    def infos(self) -> list[WorkflowInfo]:
        """What is told of each, by name."""
        return [self._workflows[name].info for name in self.names()]

    def names(self) -> tuple[str, ...]:
        """All names in order."""
        return tuple(sorted(self._workflows))

    def __contains__(self, name: object) -> bool:
        return name in self._workflows

    def __iter__(self) -> Iterator[Workflow]:
        return iter([self._workflows[name] for name in self.names()])

    def __len__(self) -> int:
        return len(self._workflows)

    def _missing(self, name: object) -> WorkflowNotFound:
        shown = str(name)[:140]
        close = get_close_matches(shown, self._workflows, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(self.names()[:20]) or 'none'}"
        return WorkflowNotFound(f"there is no workflow {shown!r}; {hint}", field="workflow", value=shown)


def check_interval(value: object) -> int:
    """Return ``value`` if it can be a checkpoint interval.

    Raises:
        InvalidInput: It is no whole number from 1 up.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise InvalidInput(
        f"checkpoint_interval {value!r} does not fit: give the number of steps between two commits, from 1 up",
        field="checkpoint_interval", value=str(value)[:80],
    )  # fmt: skip


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput(
            f"workflow name {str(name)[:140]!r} does not fit: use 1 to 128 of A-Z a-z 0-9 . _ - with a letter or digit"
            " first",
            field="workflow", value=str(name)[:140],
        )  # fmt: skip


def _origin(fn: Callable[..., Any]) -> str:
    module, name = getattr(fn, "__module__", None), getattr(fn, "__qualname__", None)
    return f"{module}.{name}" if module and name else repr(fn)
