"""What came in, checked: bodies within their limit, JSON that is JSON, names that exist, values that fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive

from nexus.channels.http.problems import UnsupportedMediaType
from nexus.channels.wire.asked import Asked
from nexus.errors import InvalidInput, PayloadTooLarge
from nexus.model import jsonvalue

A = TypeVar("A", bound=Asked)

_JSON_TYPE = re.compile(r"application/(json|[a-z0-9.!#$&^_+-]+\+json)", re.ASCII)
_UTF8 = re.compile(r'charset\s*=\s*"?utf-?8"?', re.ASCII)
_WHERE = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<where>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<name>[^`]+)`")
_MOST_PARAMETERS = 64
_PLAIN_WORDS = {"str": "text", "object": "a JSON object", "array": "a list", "bool": "true or false", " | ": " or "}


class Disconnected(Exception):
    """The client went away before its request was complete."""


async def read_body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """The whole body; one that is too long is refused as soon as that is known, without reading on.

    Raises:
        PayloadTooLarge: ``Content-Length`` or what has come so far is over ``limit`` bytes.
        Disconnected: The client left.
    """
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise _too_large(int(declared[:20]), limit)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(size, limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _too_large(size: int, limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"the body is {size:,} bytes or more, over the limit of {limit:,} (max_body_bytes): send less, or keep"
        " large data outside and store a link",
        field="body", size=size, limit=limit, setting="max_body_bytes",
    )  # fmt: skip


def check_media_type(headers: Mapping[str, str]) -> None:
    """Refuse a body that isn't declared as JSON in UTF-8.

    A missing type is refused too: a browser sends such a request to another site without asking.

    Raises:
        UnsupportedMediaType: It is something else.
    """
    given = headers.get("content-type", "")
    kind, _, parameters = given.lower().partition(";")
    if not _JSON_TYPE.fullmatch(kind.strip()) or ("charset" in parameters and not _UTF8.search(parameters)):
        shown = given[:100] or "none"
        raise UnsupportedMediaType(
            f"Content-Type is {shown!r}: send JSON in UTF-8 with Content-Type: application/json", content_type=shown
        )


def json_object(data: bytes) -> dict[str, Any]:
    """A body that is a JSON object.

    Raises:
        InvalidInput: It isn't JSON, or something else than an object.
    """
    value = jsonvalue.decode(data, "body")
    if not isinstance(value, dict):
        raise InvalidInput(f"body is {_kind(value)}: send a JSON object", field="body")
    return value


def fit(values: dict[str, Any], kind: type[A], place: str, *, text: bool = False) -> A:
    """Values under their names as the record that declares them.

    Args:
        values: What was sent.
        kind: The declaration.
        place: What it was, for messages: ``body`` or ``query``.
        text: The values are all text, as in a query string. There an empty ``cursor`` counts as none: that is how
            clients write the one that they don't have before the first page.

    Raises:
        InvalidInput: An unknown name, a missing one, or a value that doesn't fit; names it.
    """
    values = _without_aliases(values, kind, place)
    known = kind.__struct_encode_fields__
    for name in values:
        if name not in known:
            close = get_close_matches(name, (*known, *kind.ALIASES), 1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known) or 'none'}"
            noun = "parameter" if text else "field"
            raise InvalidInput(f"{place} has an unknown {noun} {name[:80]!r}: {hint}", field=name[:80])
    if text and values.get("cursor") == "":
        values = {name: value for name, value in values.items() if name != "cursor"}
    try:
        return msgspec.convert(values, kind, strict=not text)
    except msgspec.ValidationError as error:
        whole = _with_whole_numbers(str(error), values)
        if whole is not None:
            return fit(whole, kind, place)
        raise _misfit(str(error), values, place) from None


def _with_whole_numbers(message: str, values: dict[str, Any]) -> dict[str, Any] | None:
    """The values with 3.0 as 3 where that is what doesn't fit: JSON has one kind of number."""
    found = _WHERE.match(message)
    name = found["where"] if found else None
    value = values.get(name) if name is not None else None
    return {**values, name: int(value)} if name and isinstance(value, float) and value.is_integer() else None


def _without_aliases(values: dict[str, Any], kind: type[Asked], place: str) -> dict[str, Any]:
    if not kind.ALIASES or not kind.ALIASES.keys() & values.keys():
        return values
    renamed = dict(values)
    for alias, name in kind.ALIASES.items():
        if alias not in renamed:
            continue
        value = renamed.pop(alias)
        if renamed.setdefault(name, value) != value:
            raise InvalidInput(f"{place} gives both {name} and {alias}, which differ: give one", field=alias)
    return renamed


def _misfit(message: str, values: Mapping[str, Any], place: str) -> InvalidInput:
    found = _WHERE.match(message)
    what, where = (found["what"], found["where"]) if found else (message, None)
    missing = _MISSING.match(what)
    if missing:
        name = f"{where}.{missing['name']}" if where else missing["name"]
        return InvalidInput(f"{place}: {name} is missing: it is required", field=name)
    field = where or place
    value = values.get(field)
    shown = f" = {_short(value)}" if field in values else ""
    plain = what.replace("`", "")
    for name, word in _PLAIN_WORDS.items():
        plain = plain.replace(name, word)
    return InvalidInput(f"{place}: {field}{shown} does not fit: {plain[:1].lower()}{plain[1:]}", field=field,
                        value=_short(value))  # fmt: skip


def _short(value: Any) -> str:
    shown = value if isinstance(value, str) else jsonvalue.encode(value).decode()
    return shown if len(shown) <= 60 else f"{shown[:60]}…"


def _kind(value: Any) -> str:
    names = {list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")


def query_values(query_string: bytes) -> dict[str, str]:
    """The query parameters by name.

    Raises:
        InvalidInput: One is given twice, they are too many, or not text in UTF-8.
    """
    if not query_string:
        return {}
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except UnicodeDecodeError:
        raise InvalidInput("the query string is not percent-encoded UTF-8", field="query") from None
    except ValueError:
        raise InvalidInput(f"the query string has more than {_MOST_PARAMETERS} parameters", field="query") from None
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            raise InvalidInput(f"query parameter {name[:80]!r} is given twice: give it once", field=name[:80])
        values[name] = value
    return values
