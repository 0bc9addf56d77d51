"""The differences between two JSON values, as paths.

Pure standard library. It compares as JSON does: `1`, `1.0` and `true` are three values. No depth of
nesting stops it: where Python's own comparison gives up, its own walk goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nexus_widgets.json_branch import MISSING, child_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nexus_widgets.json_path import Path, Step

ChangeKind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: where, and what was and is there (MISSING for nothing)."""

    path: Path
    kind: ChangeKind
    before: object = MISSING
    after: object = MISSING


def diff(before: object, after: object) -> Iterator[Change]:
    """Find the differences of two values, in the order of the newer one, removals first at each level.

    Lists are compared after taking away what is the same at both ends, so that something appended, or put in
    front, is one addition.

    Args:
        before: The older value.
        after: The newer value.

    Returns:
        An iterator; stop it early when enough is known.
    """
    waiting: list[tuple[Path, object, object]] = [((), before, after)]
    while waiting:
        path, old, new = waiting.pop()
        kind = _kind(old, new)
        if kind is not None:
            yield Change(path, kind, old, new)
        elif isinstance(old, (dict, list, tuple)) and isinstance(new, (dict, list, tuple)):
            waiting += reversed([((*path, step), a, b) for step, a, b in _pairs(old, new)])


def same(one: object, other: object) -> bool:
    """Say whether two JSON values are the same.

    Args:
        one: A value.
        other: Another.
    """
    if one is other:
        return True
    try:
        # Text is compared far faster than values are walked, and says as well that 1, 1.0 and true differ.
        if repr(one) == repr(other):
            return True
    except (RecursionError, ValueError):
        pass
    return next(diff(one, other), None) is None


def _kind(old: object, new: object) -> ChangeKind | None:
    """Name a difference; None where there is none, or only further down."""
    if old is MISSING:
        return "added"
    if new is MISSING:
        return "removed"
    if old is new or (_is_branch(old) and _shape(old) is _shape(new)):
        return None
    return "changed" if _shape(old) is not _shape(new) or old != new else None


def _is_branch(value: object) -> bool:
    return isinstance(value, (dict, list, tuple))


def _shape(value: object) -> type:
    return list if isinstance(value, tuple) else type(value)


def _pairs(old: object, new: object) -> Iterator[tuple[Step, object, object]]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from ((key, value, MISSING) for key, value in old.items() if key not in new)
        yield from ((key, child_at(old, key), value) for key, value in new.items())
    elif isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)) and old is not new:
        yield from _list_pairs(old, new)


def _list_pairs(
    old: list[object] | tuple[object, ...], new: list[object] | tuple[object, ...]
) -> Iterator[tuple[Step, object, object]]:
    shorter = min(len(old), len(new))
    if len(old) == len(new):
        yield from zip(range(shorter), old, new, strict=True)
        return
    head = 0
    while head < shorter and _alike(old[head], new[head]):
        head += 1
    tail = 0
    while tail < shorter - head and _alike(old[-1 - tail], new[-1 - tail]):
        tail += 1
    # Being alike only decides what stands across from what: every pair is compared by the walk itself.
    old_end, new_end = len(old) - tail, len(new) - tail
    both = min(old_end, new_end)
    yield from ((index, old[index], MISSING) for index in range(both, old_end))
    yield from zip(range(both), old, new, strict=False)
    yield from ((index, MISSING, new[index]) for index in range(both, new_end))
    yield from zip(range(new_end, len(new)), old[old_end:], new[new_end:], strict=True)


def _alike(one: object, other: object) -> bool:
    try:
        return one == other
    except RecursionError:
        return False
