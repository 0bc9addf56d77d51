"""The chain of audit records: how a hash is made of a record and the hash before it.

A store that can, takes SHA-256 of the hash before, the number, and the record. Redis' scripts have SHA-1 alone, so
there a link is SHA-1 over the link before, the number, and the record's SHA-256, which its client works out. The two
are told apart by their length.
"""

from __future__ import annotations

import hashlib
from typing import Final

_SHA1_HEX: Final = 40


def digest(document: bytes) -> str:
    """SHA-256 of a record's entry, in hex."""
    return hashlib.sha256(document).hexdigest()


def link(previous: str, seq: int, document: bytes) -> str:
    """The hash of record ``seq``, in hex; ``previous`` is ``""`` for the first."""
    return hashlib.sha256(f"{previous} {seq} ".encode() + document).hexdigest()


def script_link(previous: str, seq: int, document: bytes) -> str:
    """The same as Redis' scripts make it."""
    return hashlib.sha1(f"{previous} {seq} {digest(document)}".encode(), usedforsecurity=False).hexdigest()


def expected(previous: str, seq: int, document: bytes, found: str) -> str:
    """What a hash has to be, by the scheme that its length shows."""
    make = script_link if len(found) == _SHA1_HEX else link
    return make(previous, seq, document)
