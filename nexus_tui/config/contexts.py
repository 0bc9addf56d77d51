"""Which context a target is, for what is kept and configured by context."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TypeVar, cast

from nexus_tui.config.reading import ConsoleConfig

_T = TypeVar("_T")


def context_of(target: object) -> str:
    """The name of the context that a target is of; of one without, what a person calls it.

    Args:
        target: Where the console looks.
    """
    origin = str(getattr(target, "origin", ""))
    return origin.removeprefix("context ") if origin.startswith("context ") else str(getattr(target, "label", ""))


def as_configured(target: _T, config: ConsoleConfig) -> _T:
    """The target, read-only where the file says so: then the service refuses every change as well.

    Args:
        target: Where the console looks.
        config: What the file says.
    """
    if not config.read_only:
        return target
    each = getattr(target, "as_read_only", None)
    if each is not None:
        return cast(_T, each())
    if not is_dataclass(target) or isinstance(target, type):
        return target
    able = any(field.name == "read_only" for field in fields(target))
    return replace(target, read_only=True) if able else target
