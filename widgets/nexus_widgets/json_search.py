"""Walks over whole JSON values: to find a text, and to choose what is unfolded at first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nexus_widgets.json_branch import is_container
from nexus_widgets.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nexus_widgets.json_path import Path, Step

MAX_MATCHES = 10_000


def find_paths(value: object, needle: str) -> list[Path]:
    """Find the paths whose key or scalar holds a text, in the order of the value.

    Args:
        value: A JSON value.
        needle: What to find, without regard to case; empty finds nothing.

    Returns:
        At most `MAX_MATCHES` paths.
    """
    found: list[Path] = []
    low = needle.lower()
    # A stack of iterators: a path is made only for a container or a match, not for each of 100,000 scalars.
    waiting: list[tuple[Path, Iterator[tuple[Step, object]]]] = [((), children(value))] if needle else []
    while waiting and len(found) < MAX_MATCHES:
        path, rest = waiting[-1]
        for step, child in rest:
            if _holds(step, child, low):
                found.append((*path, step))
            if is_container(child):
                waiting.append(((*path, step), children(child)))
                break
        else:
            waiting.pop()
    return found[:MAX_MATCHES]


def small_containers(value: object, depth: int, limit: int = 200) -> list[Path]:
    """Choose containers to unfold, level by level, until a number of lines is reached.

    Args:
        value: A JSON value.
        depth: How many levels below the first.
        limit: The most lines.
    """
    chosen: list[Path] = []
    lines = len(value) if isinstance(value, (dict, list, tuple)) else 0
    level: list[tuple[Path, object]] = [((), value)]
    for _ in range(depth):
        below = [
            ((*path, step), child) for path, each in level for step, child in children(each) if is_container(child)
        ]
        level = []
        for path, child in below:
            size = len(child) if isinstance(child, (dict, list, tuple)) else 0
            if lines + size <= limit:
                lines += size
                chosen.append(path)
                level.append((path, child))
        if not level:
            break
    return chosen


def scalar_text(value: object) -> str:
    """Write a scalar as JSON does, made inert.

    Args:
        value: A value that isn't a container.
    """
    if isinstance(value, str):
        return f'"{clean(value)}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return clean(value)


def children(value: object) -> Iterator[tuple[Step, object]]:
    """List a container's children with their keys or indices.

    Args:
        value: A JSON value; a scalar has none.
    """
    if isinstance(value, dict):
        return iter(value.items())
    return iter(enumerate(value)) if isinstance(value, (list, tuple)) else iter(())


def _holds(step: Step, value: object, needle: str) -> bool:
    if isinstance(step, str) and needle in step.lower():
        return True
    if isinstance(value, str):
        return needle in value.lower()
    return not isinstance(value, (dict, list, tuple)) and needle in scalar_text(value)
