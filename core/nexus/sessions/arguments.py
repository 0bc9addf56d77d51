"""Checks of what callers hand in, once, before anything is loaded or changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from nexus.errors import InvalidInput, PayloadTooLarge
from nexus.model import CHANNELS, check_id, jsonvalue
from nexus.service import MAX_LIMIT
from nexus.settings import Settings
from nexus.stores.base import Order, SortField

_LONGEST = 100 * 365 * 86400.0
_MAX_TEXT = 256
_MAX_REASON = 2000


def seconds(value: object, field: str, *, zero: bool = False) -> float:
    """A positive, finite number of seconds, at most a hundred years.

    Raises:
        InvalidInput: It is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(f"{field} {value!r} is not a number of seconds", field=field, value=str(value)[:60])
    if not math.isfinite(value) or value > _LONGEST or value < 0 or (value == 0 and not zero):
        lower = "0" if zero else "above 0"
        raise InvalidInput(
            f"{field} {value} is out of range: give seconds from {lower} to {_LONGEST:.0f}", field=field, value=value
        )
    return float(value)


def channel(value: object, field: str = "channel") -> str:
    """One of the known channels.

    Raises:
        InvalidInput: It is not.
    """
    if not isinstance(value, str) or value not in CHANNELS:
        raise InvalidInput(
            f"{field} {value!r} is unknown: use {', '.join(CHANNELS)}", field=field, value=str(value)[:60]
        )
    return value


def limit(value: object) -> int:
    """A page size from 1 to ``MAX_LIMIT``.

    Raises:
        InvalidInput: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_LIMIT:
        raise InvalidInput(
            f"limit {value!r} is out of range: use 1 to {MAX_LIMIT}", field="limit", value=str(value)[:60]
        )
    return value


def metadata(value: object, settings: Settings) -> dict[str, Any] | None:
    """Metadata within its limit; ``None`` stays ``None``. See ``document``."""
    own = settings.max_metadata_bytes
    setting = "max_metadata_bytes" if own is not None else "max_state_bytes"
    return document(value, "metadata", own or settings.max_state_bytes, setting)


def new_name(value: object, field: str, longest: int) -> str:
    """An id for something new: well-formed, and no longer than ``max_id_length``.

    Raises:
        InvalidInput: It is something else.
    """
    name = check_id(value, field)
    if len(name) > longest:
        raise InvalidInput(
            f"{field} has {len(name)} characters, over the limit of {longest} (max_id_length): choose a shorter one",
            field=field, value=name, size=len(name), limit=longest, setting="max_id_length",
        )  # fmt: skip
    return name


def offset(value: object) -> int:
    """A rank from 0 up.

    Raises:
        InvalidInput: It is not.
    """
    return _whole(value, "offset", 0)


def stride(value: object) -> int:
    """A distance between ranks from 1 up.

    Raises:
        InvalidInput: It is not.
    """
    return _whole(value, "stride", 1)


def _whole(value: object, field: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 1 << 62:
        raise InvalidInput(f"{field} {value!r} is out of range: use {least} and up", field=field, value=str(value)[:60])
    return value


def order(value: str) -> Order:
    """A sort order from ``field`` or ``-field`` (descending).

    Raises:
        InvalidInput: There is no such field to sort by.
    """
    descending, name = value.startswith("-"), value.lstrip("+-")
    try:
        return Order(SortField(name), descending)
    except ValueError:
        known = [field.value for field in SortField]
        close = get_close_matches(name, known, 1)
        hint = f"did you mean {close[0]}?" if close else f"use one of {', '.join(known)}"
        raise InvalidInput(f"sort {value!r}: there is no field {name!r}; {hint}", field="sort", value=value) from None


def text(value: object, field: str, *, longest: int = _MAX_TEXT) -> str:
    """Text that is not empty and not too long.

    Raises:
        InvalidInput: It is something else.
    """
    if not isinstance(value, str) or not value or len(value) > longest:
        raise InvalidInput(f"{field} must be text of 1 to {longest} characters", field=field, value=str(value)[:60])
    jsonvalue.check(value, field)
    return value


def reason(value: object) -> str | None:
    """A reason to be written down, or none."""
    return None if value is None or value == "" else text(value, "reason", longest=_MAX_REASON)


def document(value: object, field: str, longest: int, setting: str) -> dict[str, Any] | None:
    """A JSON object within its limit, which ``setting`` says; ``None`` stays ``None``.

    Raises:
        InvalidInput: It is no JSON object.
        PayloadTooLarge: It is longer than ``longest`` bytes.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{field} must be a JSON object, not {type(value).__name__}", field=field)
    encoded = jsonvalue.encode(dict(value), field)
    if len(encoded) > longest:
        raise PayloadTooLarge(
            f"{field} is {len(encoded):,} bytes, over the limit of {longest:,} ({setting}): keep large data outside",
            field=field, size=len(encoded), limit=longest, setting=setting,
        )  # fmt: skip
    copy: dict[str, Any] = jsonvalue.trusted(encoded)
    return copy
