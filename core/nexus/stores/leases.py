"""A clock for leases that no change of the wall clock can move.

A lease is a promise about elapsed time, so it is measured on the machine's boot-time clock, which
all processes of the machine share, which also counts while the machine sleeps, and which starts
anew when the machine does. A reading is only worth something together with the id of the boot it
was taken in.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Final

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def lease_now() -> float:
    """Seconds on the boot-time clock; on the monotonic clock where the system has no such thing."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


@cache
def boot_id() -> str:
    """The id of this boot of this machine; an empty text where the system can't tell."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def believed(until: float, boot: str, *, now: float, this_boot: str) -> bool:
    """Whether a lease still runs.

    Args:
        until: When it runs out, on the clock of ``boot``.
        boot: The boot in which it was taken.
        now: ``lease_now()``.
        this_boot: ``boot_id()``. A lease of another boot has ended with that boot.
    """
    return boot == this_boot and now < until
