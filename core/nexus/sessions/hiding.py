"""What texts of the program's own tell: errors and notes without the values that rules hide.

A rule hides a value where it is kept; an exception may carry it on, into the session's error, events and the log. So
such texts are cleaned where they are made, once, before anybody keeps or logs them. The rules are ``nexus.auth.Rules``.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any, Final, Protocol


class Hides(Protocol):
    """The rules, as far as texts go."""

    any: bool
    """Whether there are rules."""
    errors: bool
    """Whether one hides the texts of errors altogether."""

    def scrub(self, text: str, *values: tuple[str, Any], most: int | None = None) -> str:
        """The text without the hidden ones of these values.

        Args:
            text: Any text.
            values: Pairs of a rule's first word (``state``, ``metadata``, ``inputs``, ``outputs``) and a value.
            most: Characters of the text that are looked at; the rest is dropped.
        """
        ...


class HidesNothing:
    """There are no rules."""

    any = False
    errors = False

    def scrub(self, text: str, *values: tuple[str, Any], most: int | None = None) -> str:  # noqa: ARG002 - as ``Hides``
        """The text as it is."""
        return text


HIDES_NOTHING: Final = HidesNothing()


def place_of(error: BaseException, *, beside: Path | None = None) -> str:
    """`` at FILE:LINE`` where an exception was raised, or nothing.

    Args:
        error: The exception.
        beside: A folder whose own frames don't count.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).parent != beside]
    return f" at {own[-1].filename}:{own[-1].lineno}" if own else ""
