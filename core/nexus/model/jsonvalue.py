"""JSON as sessions hold it: exact, checked, and bytes once it is stored.

Integers of any size, key order and empty lists come back as they went in. NaN and infinities,
keys that are not strings, lone surrogates and nesting deeper than ``MAX_DEPTH`` are refused
with the path of what was wrong. Once encoded, a document is opaque bytes to every store.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from nexus.errors import InvalidInput, PayloadTooLarge

MAX_DEPTH = 128
"""Levels of nesting accepted; well under what any JSON reader of our users recurses to."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()
_SCALARS = (str, bool, int, float, type(None))


def check(value: object, field: str, depth: int = 0) -> None:
    """Refuse what is not JSON.

    Args:
        value: Anything a caller handed in.
        field: Its name, and the start of the path in the message.
        depth: Levels above it.

    Raises:
        InvalidInput: Names the path, the value and the rule.
    """
    if depth > MAX_DEPTH:
        raise InvalidInput(f"{_short(field)} is nested deeper than {MAX_DEPTH} levels: flatten it", field=_short(field))
    if isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str:
                raise InvalidInput(f"{field} has the key {key!r}: JSON keys are strings", field=field)
            _check_text(key, field)
            check(item, f"{field}.{key}", depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            check(item, f"{field}[{index}]", depth + 1)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidInput(f"{_short(field)} is {value}: JSON has no NaN or infinity", field=_short(field))
    elif isinstance(value, str):
        _check_text(value, field)
    elif not isinstance(value, _SCALARS):
        name = type(value).__name__
        raise InvalidInput(
            f"{_short(field)} is a {name}, which is not JSON: use text, numbers, lists, objects", field=_short(field)
        )


def _short(field: str) -> str:
    return field if len(field) <= 120 else f"{field[:80]}…{field[-30:]}"


def _check_text(text: str, field: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidInput(
                f"{_short(field)} holds a lone surrogate, which is not text: decode it first", field=_short(field)
            ) from None


def encode(value: object, field: str = "value", limit: int | None = None) -> bytes:
    """Check and encode.

    Args:
        value: What to store.
        field: Its name for messages.
        limit: Most bytes allowed; ``None`` for no limit.

    Raises:
        InvalidInput: It is not JSON.
        PayloadTooLarge: It is longer than ``limit``.
    """
    check(value, field)
    data = _encoder.encode(value)
    if limit is not None and len(data) > limit:
        raise PayloadTooLarge(
            f"{field} is {len(data):,} bytes, over the limit of {limit:,}: keep large data outside and store a link",
            field=field,
            size=len(data),
            limit=limit,
        )
    return data


def decode(data: bytes | str, field: str = "body") -> Any:
    """Decode JSON text from outside.

    Raises:
        InvalidInput: It is not JSON, has NaN or infinities, or is nested too deep.
    """
    try:
        value = _decoder.decode(data)
    except RecursionError:
        raise InvalidInput(f"{field} is nested deeper than {MAX_DEPTH} levels: flatten it", field=field) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{field} is not JSON: {error}", field=field) from None
    check(value, field)
    return value


def trusted(data: bytes) -> Any:
    """Decode what ``encode`` made, without checking it again."""
    return _decoder.decode(data)


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396, section 2) and return the result; arguments are not changed."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result
