"""What an input's JSON Schema lets text become.

Only the types matter here: ``$ref``, ``anyOf``, ``oneOf``, ``allOf``, ``enum``, ``const`` and lists of types come
down to the set of JSON types that may stand there. Everything else of the schema is checked where the workflow is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nexus.errors import InvalidInput
from nexus_tui.cli.documents import loose_value

_ANY = frozenset({"string", "integer", "number", "boolean", "array", "object", "null"})
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_WHOLE = re.compile(r"[+-]?[0-9]+", re.ASCII)
_NAMES = {
    "integer": "a whole number", "number": "a number", "boolean": "true or false", "object": "a JSON object",
    "array": "a JSON array", "null": "null", "string": "text",
}  # fmt: skip
MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """The JSON types that an input takes, and for an array those of its items."""

    types: frozenset[str]
    items: frozenset[str] = _ANY

    @property
    def array(self) -> bool:
        """Whether it is filled by repeating its key."""
        return "array" in self.types and self.types != _ANY

    @property
    def flag(self) -> bool:
        """Whether its bare key means true."""
        return "boolean" in self.types and self.types != _ANY

    @property
    def told(self) -> str:
        """The types in words."""
        if self.types == _ANY:
            return "any value"
        return " or ".join(_NAMES[name] for name in _NAMES if name in self.types)


def wanted(schema: Any, root: Mapping[str, Any]) -> Wanted:
    """The types of one input.

    Args:
        schema: The input's own schema.
        root: The whole one, for ``$ref``.
    """
    types: set[str] = set()
    items: set[str] = set()
    for part in _parts(schema, root, 0):
        found = _types(part)
        types |= found
        if "array" in found:
            for item in _parts(part.get("items", {}), root, 0):
                items |= _types(item)
    return Wanted(frozenset(types) or _ANY, frozenset(items) or _ANY)


def _parts(schema: Any, root: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        yield {}
        return
    if "$ref" in schema:
        yield from _parts(_resolve(str(schema["$ref"]), root), root, depth + 1)
        return
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            for part in schema[key]:
                yield from _parts(part, root, depth + 1)
            return
    yield schema


def _resolve(reference: str, root: Mapping[str, Any]) -> Any:
    found: Any = root
    for step in reference.removeprefix("#/").split("/"):
        found = found.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, Mapping) else {}
    return found


def _types(schema: Mapping[str, Any]) -> set[str]:
    named = schema.get("type")
    if isinstance(named, str):
        return {named}
    if isinstance(named, list):
        return {str(name) for name in named}
    values = schema["enum"] if isinstance(schema.get("enum"), list) else [schema["const"]] if "const" in schema else []
    return {_type_of(value) for value in values} or set(_ANY)


def _type_of(value: Any) -> str:
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "null" if value is None else "object"


def convert(name: str, text: str, types: frozenset[str], told: str) -> Any:
    """Read one text as the first type that it is written as; text is verbatim, and comes last.

    Raises:
        InvalidInput: It is none of them.
    """
    if types == _ANY:
        return loose_value(text)
    for kind, read in _READERS.items():
        if kind in types:
            value = read(text, "string" in types)
            if value is not _NO:
                return value
    if "string" in types:
        return text
    raise InvalidInput(f"input --{name} is {text!r}: it takes {told}", field=name, value=text)


_NO = object()


def _integer(text: str, cautious: bool) -> Any:
    if not _WHOLE.fullmatch(text):
        return _NO
    try:
        value = int(text)
    except ValueError:
        return _NO  # Python's limit on the length of decimal numbers
    return value if not cautious or str(value) == text else _NO


def _number(text: str, cautious: bool) -> Any:
    whole = _integer(text, cautious)
    if whole is not _NO:
        return whole
    try:
        value = float(text)
    except ValueError:
        return _NO
    return value if math.isfinite(value) and "_" not in text else _NO


def _boolean(text: str, cautious: bool) -> Any:
    if cautious:
        return {"true": True, "false": False}.get(text, _NO)
    return _WORDS.get(text.lower(), _NO)


def _null(text: str, cautious: bool) -> Any:
    return None if text == "null" and not cautious else _NO


def _structure(kind: type) -> Any:
    def read(text: str, cautious: bool) -> Any:  # noqa: ARG001
        value = loose_value(text)
        return value if isinstance(value, kind) else _NO

    return read


_READERS: dict[str, Any] = {
    "integer": _integer, "number": _number, "boolean": _boolean, "null": _null,
    "array": _structure(list), "object": _structure(dict),
}  # fmt: skip
