"""Paths into a JSON value, written so that they can be copied: `$.user["odd key"][3]`.

Pure standard library. What it writes is ASCII only, whatever the keys hold.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Step = str | int
Path = tuple[Step, ...]
"""Keys and indices from the root down."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def json_path(steps: Iterable[Step]) -> str:
    """Write a path.

    Args:
        steps: Keys and indices from the root down.

    Returns:
        The path, starting with `$`; keys that are not plain names are quoted as JSON strings.
    """
    return "$" + "".join(_step(step) for step in steps)


def _step(step: Step) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{json.dumps(step)}]"
