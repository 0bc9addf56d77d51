"""Starting without looking for garbage: what a start makes stays, and looking through all of it takes a sixth of it.

``without_collecting`` stands around the imports and the console; ``settle`` ends it once the first rows are there, and
spares what the start made from being looked through ever after. Nothing of Textual is imported with this module.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SETTLED = 1.5
"""Seconds after the first frame at which a start is over."""


@contextmanager
def without_collecting() -> Iterator[None]:
    """Collect no garbage in the block until somebody says ``settle``; as usual behind it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def settle() -> None:
    """Say that the start is over; nothing happens where garbage is collected already."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
