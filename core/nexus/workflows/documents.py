"""Putting a state back into the objects that a workflow already holds.

``run.state`` is a plain dictionary, and a workflow may keep parts of it in variables of its own. So what others
changed, or what a replay puts back, is written into those same dictionaries and lists.
"""

from __future__ import annotations

from typing import Any


def put_back(target: dict[str, Any], source: dict[str, Any]) -> None:
    """Make ``target`` equal to ``source``, keeping its inner dictionaries and lists where they stand for the same.

    Key order follows ``source``.
    """
    kept = dict(target)
    target.clear()
    for key, value in source.items():
        target[key] = _merged(kept.get(key), value)


def _put_back_list(target: list[Any], source: list[Any]) -> None:
    kept = list(target)
    target[:] = [_merged(kept[index] if index < len(kept) else None, value) for index, value in enumerate(source)]


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        put_back(old, new)
        return old
    if isinstance(old, list) and isinstance(new, list):
        _put_back_list(old, new)
        return old
    return new
