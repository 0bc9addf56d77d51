"""A state as a text to edit, and back."""

from __future__ import annotations

import json
import math
from typing import Any

from nexus.errors import InvalidInput


def written(state: object) -> str:
    """A state as JSON to be edited: indented, with whatever is no plain character written as ``\\u…``.

    So an editor is given nothing that it, or the terminal behind it, could act on.

    Args:
        state: A JSON value.
    """
    text = json.dumps(state, ensure_ascii=False, indent=2)
    return "".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in text) + "\n"


def read(text: str) -> dict[str, Any]:
    """A state from what was edited.

    Raises:
        InvalidInput: It is no JSON object that a state could be; says where.
    """
    try:
        value = json.loads(text, parse_constant=_refused, parse_float=_finite, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"Not JSON at line {error.lineno}, column {error.colno}: {error.msg}", field="state"
        ) from None
    except RecursionError:
        raise InvalidInput("It is nested too deep", field="state") from None
    except ValueError as error:
        raise InvalidInput(str(error), field="state") from None
    if not isinstance(value, dict):
        raise InvalidInput("A state is a JSON object: it begins with { and ends with }", field="state")
    return value


def _escaped(char: str) -> str:
    pairs = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pairs[at] << 8 | pairs[at + 1]:04x}" for at in range(0, len(pairs), 2))


def _refused(name: str) -> None:
    raise ValueError(f"{name} is no JSON: there are no NaN and no infinities")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is out of range")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"The key {key[:80]!r} stands twice in one object: one of them would be lost")
        found[key] = value
    return found
