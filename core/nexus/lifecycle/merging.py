"""Three-way merging of states: what a run changed, laid over what others changed meanwhile."""

from __future__ import annotations

from typing import Any

_ABSENT: Any = object()


def three_way(base: Any, mine: Any, theirs: Any) -> Any:
    """``theirs`` with the differences from ``base`` to ``mine`` applied.

    Objects merge key by key; where both sides changed the same value, ``mine`` stands. Lists and
    scalars count as one value. Key order follows ``theirs``, then what is new in ``mine``.
    """
    if same(base, mine):
        return theirs
    if not (isinstance(base, dict) and isinstance(mine, dict) and isinstance(theirs, dict)):
        return mine
    merged: dict[str, Any] = {}
    for key in (*theirs, *(key for key in mine if key not in theirs)):
        value = _pick(base.get(key, _ABSENT), mine.get(key, _ABSENT), theirs.get(key, _ABSENT))
        if value is not _ABSENT:
            merged[key] = value
    return merged


def _pick(base: Any, mine: Any, theirs: Any) -> Any:
    if mine is _ABSENT or base is _ABSENT or theirs is _ABSENT:
        return theirs if same(base, mine) else mine
    return three_way(base, mine, theirs)


def same(one: Any, two: Any) -> bool:
    """Whether two JSON values are the same to a reader: unlike ``==``, 1, 1.0 and true are three values."""
    if type(one) is not type(two):
        return False
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(value, two[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(two) and all(map(same, one, two))
    return bool(one == two)
