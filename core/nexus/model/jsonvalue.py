"""JSON as sessions hold it: exact, checked, and bytes once it is stored.

Integers of any size, key order and empty lists come back as they went in. NaN and infinities,
keys that are not strings, lone surrogates and nesting deeper than ``MAX_DEPTH`` are refused
with the path of what was wrong. Once encoded, a document is opaque bytes to every store.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from nexus.errors import InvalidInput, PayloadTooLarge, StoreUnavailable

MAX_DEPTH = 128
"""Levels of nesting accepted; well under what any JSON reader of our users recurses to."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()
_SCALARS = (str, bool, int, float, type(None))


def check(value: object, field: str) -> None:
    """Refuse what is not JSON.

    Args:
        value: Anything a caller handed in.
        field: Its name, and the start of the path in the message.

    Raises:
        InvalidInput: Names the path, the value and the rule.
    """
    if not _fits(value, 0):
        _explain(value, field, 0)


def _fits(value: object, depth: int) -> bool:
    """Whether it is JSON. Nearly everything is, so that paths are worked out only by ``_explain``."""
    if isinstance(value, str):
        return value.isascii() or _is_text(value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return depth < MAX_DEPTH and all(
            type(key) is str and _fits(key, depth) and _fits(item, depth + 1) for key, item in value.items()
        )
    if isinstance(value, list | tuple):
        return depth < MAX_DEPTH and all(_fits(item, depth + 1) for item in value)
    return isinstance(value, _SCALARS)


def _explain(value: object, field: str, depth: int) -> None:
    """Raise what ``_fits`` found, with its path."""
    if isinstance(value, dict | list | tuple) and depth >= MAX_DEPTH:
        raise InvalidInput(f"{_short(field)} is nested deeper than {MAX_DEPTH} levels: flatten it", field=_short(field))
    if isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str:
                raise InvalidInput(f"{_short(field)} has the key {key!r}: JSON keys are strings", field=_short(field))
            _explain(key, field, depth)
            _explain(item, f"{field}.{key}", depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _explain(item, f"{field}[{index}]", depth + 1)
    else:
        _explain_scalar(value, _short(field))


def _explain_scalar(value: object, field: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput(f"{field} is {value}: JSON has no NaN or infinity", field=field)
    if isinstance(value, str) and not _is_text(value):
        raise InvalidInput(f"{field} holds a lone surrogate, which is not text: decode it first", field=field)
    if not isinstance(value, _SCALARS):
        name = type(value).__name__
        raise InvalidInput(f"{field} is a {name}, which is not JSON: use text, numbers, lists, objects", field=field)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(field: str) -> str:
    return field if len(field) <= 120 else f"{field[:80]}…{field[-30:]}"


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
    """Decode what ``encode`` made, without checking it again.

    Raises:
        StoreUnavailable: It is something else by now: whatever kept it is damaged.
    """
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StoreUnavailable(
            f"the store is damaged: a document in it is no JSON ({error})", reason="damaged"
        ) from None


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
