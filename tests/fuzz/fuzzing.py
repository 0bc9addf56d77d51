"""How everything that reads from outside is tried: mutated samples, a bound on time, a count of what was tried.

``make fuzz`` sets ``NEXUS_FUZZ_EXAMPLES`` and a seed; otherwise each target gets few examples, always the same.
"""

from __future__ import annotations

import faulthandler
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nexus.errors import NexusError

F = TypeVar("F", bound=Callable[..., Any])

EXAMPLES = int(os.environ.get("NEXUS_FUZZ_EXAMPLES", "0"))
PATIENCE = 30.0
"""Seconds that an example may take before it counts as one that hangs."""
_BEYOND = 120.0
"""Seconds after which even what no signal interrupts ends the process, with all stacks."""

tried: Counter[str] = Counter()
"""Examples by target and by what became of them."""


class Hangs(AssertionError):
    """An example took longer than ``PATIENCE``."""


def fuzz(few: int, *strategies: st.SearchStrategy[Any]) -> Callable[[F], F]:
    """Run a test on ``few`` examples, the same each time; on ``NEXUS_FUZZ_EXAMPLES`` new ones where that is set.

    Costly targets get a share of those, in proportion to ``few`` where that is under 100.
    """
    wanted = max(few, EXAMPLES * min(few, 100) // 100) if EXAMPLES else few

    def wrap(test: F) -> F:
        configured = settings(
            max_examples=wanted,
            deadline=None,
            database=None,
            derandomize=not EXAMPLES,
            suppress_health_check=list(HealthCheck),
        )
        return cast(F, configured(given(*strategies)(test)))

    return wrap


def clear(error: NexusError) -> None:
    """Fail for an error that tells its reader nothing."""
    assert error.message
    assert error.code != "internal_error"


@contextmanager
def bounded(target: str) -> Iterator[None]:
    """Bound one example's time, and count it as read, or as refused by a ``NexusError``, which ends here.

    Raises:
        Hangs: It took too long.
    """

    def over(_: int, __: FrameType | None) -> None:
        raise Hangs(f"{target} took over {PATIENCE:g} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    faulthandler.dump_traceback_later(_BEYOND, exit=True)
    try:
        yield
        tried[f"{target}: read"] += 1
    except NexusError as error:
        clear(error)
        tried[f"{target}: refused"] += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        faulthandler.cancel_dump_traceback_later()


_PIECES = (
    b"\x00",
    b"\xff",
    b"\xed\xa0\x80",
    b"\n",
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"=",
    b"null",
    b"-1",
    b"1e999",
    b"NaN",
    b"99999999999999999999999999",
    b"\\ud800",
    b"0" * 5000,
    b"[" * 3000,
    b'{"a":' * 3000,
    b"a=[" + b"[" * 3000,
    b"true",
    b"../../etc",
    b"%s%n",
    b"\xe2\x80\xae",
    b"\x1b[2J",
)


@st.composite
def mutated(draw: st.DrawFn, samples: Sequence[bytes], *, most: int = 6) -> bytes:
    """A valid sample with some places changed: bits, cuts, repeats, swaps, and pieces that parsers stumble over."""
    data = bytearray(draw(st.sampled_from(list(samples))))
    for _ in range(draw(st.integers(0, most))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, min(64, len(data) - at)))
        match draw(st.sampled_from(("flip", "cut", "drop", "repeat", "insert", "bytes", "splice"))):
            case "flip" if at < len(data):
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del data[at:]
            case "drop":
                del data[at : at + length]
            case "repeat":
                data[at:at] = data[at : at + length] * draw(st.integers(1, 4))
            case "insert":
                data[at:at] = draw(st.sampled_from(_PIECES))
            case "bytes":
                data[at : at + length] = draw(st.binary(max_size=16))
            case "splice":
                other = draw(st.sampled_from(list(samples)))
                data[at:] = other[min(at, len(other)) :]
            case _:
                pass
    return bytes(data)


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["", "s1", "default", "\x00", "\ud800", "x" * 200, "9" * 30, "*", "-created_at"])
)
json_values = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def altered(draw: st.DrawFn, samples: Sequence[Any]) -> Any:
    """A JSON sample of which some values are others, missing, or joined by new ones: its structure stays JSON."""

    def alter(value: Any, depth: int) -> Any:
        if draw(st.integers(0, 5)) == 0:
            return draw(json_values)
        if isinstance(value, dict):
            kept = {key: alter(item, depth + 1) for key, item in value.items() if draw(st.integers(0, 9))}
            if draw(st.integers(0, 6)) == 0:
                kept[draw(st.text(max_size=10))] = draw(json_values)
            return kept
        if isinstance(value, list):
            return [alter(item, depth + 1) for item in value]
        return value

    return alter(draw(st.sampled_from(list(samples))), 0)
