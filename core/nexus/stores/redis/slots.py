"""Slots of a Redis Cluster, and hash tags that land where they should.

A cluster gives each of its nodes a run of its 16,384 slots, as a rule equal runs in order. Shard ``n`` of ``count``
therefore gets a tag whose slot is near the middle of the n-th of ``count`` equal runs: with 16 shards, 2, 4, 8 and 16
nodes get as many shards each, 3 nodes get 5, 6 and 5, and 5 nodes get 3, 3, 4, 3 and 3.
"""

from __future__ import annotations

import binascii
import zlib
from functools import cache
from itertools import count as numbers_from
from typing import Final

SLOTS: Final = 16384
_MIDDLE: Final = 16
"""A slot may be off the middle of its run by this part of the run."""


def slot_of(tag: bytes) -> int:
    """The slot of all keys with a hash tag."""
    return binascii.crc_hqx(tag, 0) % SLOTS


def slot_of_key(key: bytes) -> int:
    """The slot of a key: that of what stands between its first braces, or of all of it."""
    start = key.find(b"{")
    end = key.find(b"}", start + 1)
    return slot_of(key[start + 1 : end] if 0 <= start < end - 1 else key)


@cache
def tag_of(prefix: str, number: int, count: int) -> str:
    """The tag of one shard; always the same for the same prefix, so it is written down nowhere.

    Args:
        prefix: The store's prefix, so that stores with different ones don't all share the same slots.
        number: Which shard, from 0.
        count: Of how many.
    """
    run = SLOTS / count
    middle = (number + 0.5) * run
    for suffix in numbers_from(zlib.crc32(prefix.encode()) & 0xFFFF):
        tag = f"s{number:02d}.{suffix:x}"
        if abs(slot_of(tag.encode()) - middle) <= run / _MIDDLE:
            return tag
    raise AssertionError("some number always fits")
