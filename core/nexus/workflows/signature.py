"""What a callable's signature says about it as a workflow: its inputs, whether it takes ``run``, sync or async.

Annotations are read as late as possible: a decorator costs no import, and a type may be defined below the function
that names it.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from inspect import Parameter
from typing import Any, ForwardRef

import msgspec

from nexus.errors import InvalidInput

RUN = "run"
_CONTEXTS = ("RunContext", "SyncRun", "AsyncRun")
_REFUSED = (
    (inspect.isasyncgenfunction, "it is an async generator: return a value, and loop over run.steps(...)"),
    (inspect.isgeneratorfunction, "it is a generator: return a value, and loop over run.steps(...)"),
)


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How a workflow is called."""

    function: Callable[..., Any]
    is_async: bool
    run: Parameter | None
    """The parameter that gets the run, if there is one; it is no input."""
    inputs: tuple[Parameter, ...]
    positional: tuple[Parameter, ...]
    """Those, in order, that can't be given by name; the run may be among them."""
    open: Parameter | None
    """``**kwargs``: any other input is welcome."""
    scope: Mapping[str, Any]
    """Names around the function that its annotations may mention."""

    def call(self, values: Mapping[str, Any], run: object) -> Any:
        """Call it with checked inputs; a coroutine comes back as such."""
        given = dict(values)
        if self.run is not None:
            given[self.run.name] = run
        positional = [given.pop(parameter.name, parameter.default) for parameter in self.positional]
        return self.function(*positional, **given)


def read(function: Callable[..., Any], name: str) -> Shape:
    """The shape of a callable.

    Args:
        function: A function, method, ``partial`` or object with ``__call__``; sync or async.
        name: The workflow's name, for messages.

    Raises:
        InvalidInput: It can't be a workflow; says why.
    """
    if not callable(function):
        raise _unfit(name, f"{function!r} can't be called")
    body = _body(function)
    for test, why in _REFUSED:
        if test(body):
            raise _unfit(name, why)
    try:
        parameters = _parameters(function)
    except (TypeError, ValueError):
        raise _unfit(name, f"{function!r} tells no signature: wrap it in a function") from None
    for parameter in parameters:
        if parameter.kind is Parameter.VAR_POSITIONAL:
            raise _unfit(name, f"*{parameter.name} has no name in JSON: use a parameter that is a list")
    run = _run_parameter(parameters)
    return Shape(
        function=function,
        is_async=inspect.iscoroutinefunction(body),
        run=run,
        inputs=tuple(p for p in parameters if p is not run and p.kind is not Parameter.VAR_KEYWORD),
        positional=tuple(p for p in parameters if p.kind is Parameter.POSITIONAL_ONLY),
        open=next((p for p in parameters if p.kind is Parameter.VAR_KEYWORD), None),
        scope=_scope(body, parameters),
    )


def _parameters(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    if sys.version_info >= (3, 14):
        # Annotations are evaluated on demand there, and may name what is not defined yet, or never at run time.
        from annotationlib import Format

        return tuple(inspect.signature(function, annotation_format=Format.FORWARDREF).parameters.values())
    return tuple(inspect.signature(function).parameters.values())


def _unfit(name: str, why: str) -> InvalidInput:
    return InvalidInput(f"workflow {name!r} can't be registered: {why}", field="workflow", value=name)


def _body(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function whose code runs: behind partials, decorators' wrappers and ``__call__``."""
    while isinstance(function, functools.partial):
        function = function.func
    if not (inspect.isroutine(function) or inspect.isclass(function)):
        function = type(function).__call__
    return function


def documentation(function: Callable[..., Any]) -> str:
    """The docstring of the callable, not that of ``partial`` or of a class around it."""
    body = _body(function)
    own = inspect.getdoc(body)
    if own and not inspect.isroutine(function) and body.__name__ == "__call__" and not body.__doc__:
        own = None
    return own or (inspect.getdoc(type(function)) if body is not function and not _is_partial(function) else None) or ""


def _is_partial(function: Callable[..., Any]) -> bool:
    return isinstance(function, functools.partial)


def _run_parameter(parameters: tuple[Parameter, ...]) -> Parameter | None:
    for parameter in parameters:
        named = parameter.name == RUN and parameter.kind is not Parameter.VAR_KEYWORD
        if named or _is_context(parameter.annotation):
            return parameter
    return None


def _is_context(annotation: Any) -> bool:
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        return annotation.strip("'\" ").rpartition(".")[2] in _CONTEXTS
    return isinstance(annotation, type) and annotation.__name__ in _CONTEXTS and "nexus" in annotation.__module__


def _scope(body: Callable[..., Any], parameters: tuple[Parameter, ...]) -> Mapping[str, Any]:
    """The local names of the function that defines ``body``, which is on the stack while it decorates it."""
    code = getattr(inspect.unwrap(body), "__code__", None)
    if code is None or not any(isinstance(parameter.annotation, str | ForwardRef) for parameter in parameters):
        return {}
    frame = inspect.currentframe()
    while frame is not None:
        if code in frame.f_code.co_consts:
            return {} if frame.f_locals is frame.f_globals else dict(frame.f_locals)
        frame = frame.f_back
    return {}


def annotation_of(shape: Shape, parameter: Parameter, name: str) -> Any:
    """The type of a parameter, ``Any`` where it has none; text is read as code where the function was defined.

    Raises:
        InvalidInput: The text names something that isn't there.
    """
    annotation = parameter.annotation
    if annotation is Parameter.empty:
        return Any
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    if not isinstance(annotation, str):
        return annotation
    body = inspect.unwrap(_body(shape.function))
    module = sys.modules.get(getattr(body, "__module__", ""), None)
    names = getattr(body, "__globals__", None) or vars(module) if module is not None else {}
    try:
        return eval(annotation, dict(names), dict(shape.scope))  # noqa: S307 # nosec B307 - the program's own text
    except Exception as error:
        raise InvalidInput(
            f"workflow {name!r}: the type {annotation!r} of parameter {parameter.name!r} can't be read ({error}):"
            " import or define it where the function is",
            field=parameter.name,
        ) from error
