"""Names of things: their types, the rule for ids, and how new ones are made.

Ids are 1-128 characters of ``A-Z a-z 0-9 . _ : -`` (contract, chapter 3). New ones sort by time
of creation: 48 bits of milliseconds and 80 random bits in Crockford's base 32, as in ULID.
"""

from __future__ import annotations

import re
import secrets
from typing import NewType

from nexus.errors import CheckpointNotFound, InvalidInput

SessionId = NewType("SessionId", str)
GroupId = NewType("GroupId", str)
RunId = NewType("RunId", str)
WorkerId = NewType("WorkerId", str)

_ALLOWED = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MADE = re.compile(rf"[a-z]+_([0-7][{_ALPHABET}]{{9}})[{_ALPHABET}]{{16}}", re.ASCII)
_CHECKPOINT = re.compile(r"checkpoint-([1-9][0-9]{0,17})", re.ASCII)


def check_id(value: object, field: str = "session_id") -> str:
    """Return ``value`` if it is a well-formed id.

    Raises:
        InvalidInput: It is not a string, or not 1-128 of the allowed characters; names ``field``.
    """
    if isinstance(value, str) and _ALLOWED.fullmatch(value):
        return value
    shown = value if isinstance(value, str) and len(value) <= 140 else f"{str(value)[:60]}…"
    raise InvalidInput(
        f"{field} {shown!r} is not an id: use 1 to 128 of A-Z a-z 0-9 . _ : -", field=field, value=str(shown)
    )


def new_id(prefix: str, now: float) -> str:
    """A new, time-ordered id such as ``sess_01J9ZK…``.

    Args:
        prefix: What it names: ``sess``, ``run``, ``work``.
        now: Seconds since the epoch.
    """
    number = (int(now * 1000) & (1 << 48) - 1) << 80 | secrets.randbits(80)
    digits = [_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(digits)}"


def born_at(name: str) -> float | None:
    """When ``new_id`` made a name, in seconds since the epoch; ``None`` for a name that somebody chose."""
    made = _MADE.fullmatch(name)
    if made is None:
        return None
    number = 0
    for digit in made[1]:
        number = number << 5 | _ALPHABET.index(digit)
    return number / 1000


def checkpoint_id(number: int) -> str:
    """``checkpoint-N`` for the N-th checkpoint of a session."""
    return f"checkpoint-{number}"


def checkpoint_number(value: object, field: str = "checkpoint_id") -> int:
    """The N of ``checkpoint-N``.

    Raises:
        CheckpointNotFound: The text has another form, so no checkpoint can have it.
        InvalidInput: It is no text.
    """
    match = _CHECKPOINT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        kind = CheckpointNotFound if isinstance(value, str) else InvalidInput
        raise kind(
            f"{field} {str(value)[:60]!r} is not a checkpoint id: they read checkpoint-1, checkpoint-2, …",
            field=field,
            value=str(value)[:60],
        )
    return int(match[1])
