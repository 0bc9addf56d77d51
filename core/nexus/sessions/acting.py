"""In which namespace the code that runs acts: a workflow, a handler or a route of the user's stays in its caller's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

ACTING: Final[ContextVar[str | None]] = ContextVar("nexus_namespace", default=None)
"""``None`` outside of all such code: there a library call acts in the app's own namespace."""


@contextmanager
def acting_in(namespace: str) -> Iterator[None]:
    """Let library calls act in ``namespace`` while the context is open, in its tasks and threads too."""
    before = ACTING.set(namespace)
    try:
        yield
    finally:
        ACTING.reset(before)
