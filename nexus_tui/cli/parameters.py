"""Plain conversion of options and arguments.

Typer 0.29 builds a pydantic adapter for each parameter that is no flag, even for text, which costs every command
some 80 ms. All our parameters are flags, text, numbers or lists of text, so they are converted here instead. Where
Typer has no such hook nothing is changed, and Typer converts as it always did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args, get_origin

import typer

_KINDS: dict[type, tuple[Callable[[str], Any], str]] = {
    str: (str, "text"),
    int: (int, "a whole number"),
    float: (float, "a number"),
    bool: (bool, "a flag"),
}


class _Plain:
    """Converts one parameter's value, with the interface that Typer's own converters have."""

    def __init__(self, kind: type, *, many: bool) -> None:
        self._convert, self._called = _KINDS[kind]
        self._many = many

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        if self._many:
            return [self._one(item, param, ctx) for item in value or ()]
        return None if value is None else self._one(value, param, ctx)

    def _one(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            return self._convert(value)
        except ValueError:
            raise typer.BadParameter(f"{value!r} is not {self._called}", ctx=ctx, param=param) from None


def lighten(command: Any) -> None:
    """Give a built command, and all commands below it, the plain conversion where it applies."""
    for parameter in command.params:
        _lighten(parameter)
    made = command.get_help_option

    def help_option(ctx: Any) -> Any:
        return _lighten(made(ctx))

    # --help is no parameter of the command: it is made for each context, from the context's names for it.
    command.get_help_option = help_option
    for below in getattr(command, "commands", {}).values():
        lighten(below)


def _lighten(parameter: Any) -> Any:
    if hasattr(parameter, "_runtime_param"):
        annotation = parameter.type_descriptor.annotation
        many = get_origin(annotation) is list
        kind = get_args(annotation)[0] if many else annotation
        if kind in _KINDS:
            parameter._runtime_param = _Plain(kind, many=many)  # noqa: SLF001 - the hook has no public name
    return parameter
