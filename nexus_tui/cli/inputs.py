"""Inputs of a workflow from the command line: each ``--key value`` typed by the workflow's schema.

Integers, numbers and booleans are read as such, objects as JSON, arrays by repeating the key, text verbatim. A key
may be written with ``-`` for ``_``. Whether the values fit the schema's limits is checked where the workflow is,
the same as for every other channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from nexus.errors import InvalidInput
from nexus_tui.cli.documents import loose_value
from nexus_tui.cli.schemas import Wanted, convert, wanted

_LITERALS = frozenset({"true", "false"})


def parse_inputs(
    arguments: Sequence[str], schema: Mapping[str, Any], base: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Read a workflow's inputs.

    Args:
        arguments: ``--key value``, ``--key=value``, ``--flag`` and ``--no-flag``, in any order.
        schema: The workflow's input schema.
        base: Inputs that were given as a document; keys on the line win.

    Returns:
        Inputs under the schema's names, typed.

    Raises:
        InvalidInput: An unknown key, a value of another type, a key without a value, or a required one missing.
    """
    typed: dict[str, Any] = {}
    for name, text, kind in _pairs(list(arguments), schema):
        if kind.array:
            typed.setdefault(name, []).extend(_elements(name, text, kind))
        elif name in typed:
            raise InvalidInput(f"input --{name} is given twice, and takes one value", field=name)
        else:
            typed[name] = convert(name, text, kind.types, kind.told)
    given = {**(base or {}), **typed}
    _require(given, schema)
    return given


def _pairs(arguments: list[str], schema: Mapping[str, Any]) -> Iterator[tuple[str, str, Wanted]]:
    while arguments:
        written = arguments.pop(0)
        if not written.startswith("--") or len(written) == 2:
            raise InvalidInput(f"unexpected argument {written!r}: inputs are --key value", field="inputs")
        key, equals, text = written[2:].partition("=")
        name, negated = _name(key, schema)
        kind = wanted(_properties(schema).get(name, {}), schema)
        if negated:
            if equals:
                raise InvalidInput(f"--{key} takes no value", field=name, value=text)
            text = "false"
        elif not equals:
            text = _value(name, kind, arguments)
        yield name, text, kind


def _value(name: str, kind: Wanted, arguments: list[str]) -> str:
    """The value behind a key; a boolean's bare key means true, unless ``true`` or ``false`` follows."""
    if kind.flag and not (arguments and arguments[0] in _LITERALS):
        return "true"
    if not arguments or (arguments[0].startswith("--") and len(arguments[0]) > 2):
        raise InvalidInput(
            f"input --{name} needs a value: {kind.told}; a value that starts with -- is written --{name}=--…",
            field=name,
        )
    return arguments.pop(0)


def _name(key: str, schema: Mapping[str, Any]) -> tuple[str, bool]:
    """The schema's name for a key, and whether it is the ``--no-`` form of a flag."""
    known = _properties(schema)
    for candidate in (key, key.replace("-", "_")):
        if candidate in known:
            return candidate, False
    if key.startswith("no-"):
        for candidate in (key[3:], key[3:].replace("-", "_")):
            if candidate in known and wanted(known[candidate], schema).flag:
                return candidate, True
    if schema.get("additionalProperties", False) is not False:
        return key, False
    close = get_close_matches(key.replace("-", "_"), known, 1)
    hint = f"did you mean --{close[0]}?" if close else f"it takes {_listed(known)}"
    raise InvalidInput(f"there is no input --{key}: {hint}", field=key)


def _elements(name: str, text: str, kind: Wanted) -> list[Any]:
    """One item of an array; or all of it, as JSON, where the items can't be text that looks the same."""
    if "string" not in kind.items and text.lstrip().startswith("["):
        whole = loose_value(text)
        if isinstance(whole, list):
            return whole
    return [convert(name, text, kind.items, f"a list of {Wanted(kind.items).told}")]


def _require(given: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    missing = [name for name in schema.get("required", ()) if name not in given]
    if missing:
        told = ", ".join(f"--{name} ({wanted(_properties(schema).get(name, {}), schema).told})" for name in missing)
        raise InvalidInput(f"missing {'input' if len(missing) == 1 else 'inputs'} {told}", field=missing[0])


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = schema.get("properties", {})
    return found if isinstance(found, Mapping) else {}


def _listed(known: Mapping[str, Any]) -> str:
    return ", ".join(f"--{name}" for name in known) or "no inputs"
