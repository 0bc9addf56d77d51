"""An unfolded part of a JSON value: it counts its lines without making them.

A container of any size costs its list of keys and one record for each child that is unfolded; which child is on
which line is worked out when that line is drawn.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nexus_widgets.json_path import Path, Step

MISSING = object()
"""Stands for a value that isn't there; None is a JSON value."""


@dataclass(frozen=True, slots=True)
class Node:
    """One line of a tree: a value, where it is, and what was there before."""

    path: Path
    value: object
    previous: object
    is_open: bool

    @property
    def depth(self) -> int:
        """Steps from the root."""
        return len(self.path)


class Branch:
    """The children of an unfolded container."""

    def __init__(self, value: object, previous: object = MISSING) -> None:
        """Unfold a container; none of its children is unfolded.

        Args:
            value: A mapping or a sequence.
            previous: What was there before, to compare with.
        """
        self.value = value
        self.previous = previous
        self._keys: list[Step] | None = [*value] if isinstance(value, dict) else None
        self._size = len(value) if isinstance(value, (dict, list, tuple)) else 0
        self.unfolded: dict[int, Branch] = {}
        self._order: list[int] = []
        self._starts: list[int] = []
        self.lines = self._size

    def at(self, line: int, path: Path = ()) -> Node:
        """Find what is on a line.

        Args:
            line: Lines from the branch's first child.
            path: Where the branch is.
        """
        branch = self
        while True:
            index, inside = branch.place(line)
            path = (*path, branch.step(index))
            child = branch.unfolded.get(index)
            if child is None or inside < 0:
                return Node(path, branch.child(index), branch.child_before(index), child is not None)
            branch, line = child, inside

    def line_of(self, path: Path) -> int | None:
        """Find a path's line, or None when a part of it isn't there or isn't unfolded.

        Args:
            path: Steps from this branch down, at least one.
        """
        line, branch = 0, self
        for number, step in enumerate(path):
            index = branch.index_of(step)
            if index is None:
                return None
            line += branch.line_of_child(index)
            if number < len(path) - 1:
                child = branch.unfolded.get(index)
                if child is None:
                    return None
                branch, line = child, line + 1
        return line

    def set_open(self, path: Path, *, is_open: bool) -> bool:
        """Unfold or fold what is at a path; to unfold it, everything above it is unfolded too.

        Args:
            path: Steps from this branch down, at least one.
            is_open: Whether its children are shown.

        Returns:
            Whether anything changed.
        """
        if not is_open:
            return self._fold(path)
        chain, is_changed = self._reach(path)
        for branch in reversed(chain):
            branch.recount()
        return is_changed

    def unfold(self, paths: Iterable[Path]) -> None:
        """Unfold many paths at once; those that aren't there are passed over.

        Args:
            paths: Steps from this branch down.
        """
        for path in paths:
            self._reach(path)
        order: list[Branch] = [self]
        for branch in order:
            order.extend(branch.unfolded.values())
        for branch in reversed(order):
            branch.recount()

    def open_paths(self) -> Iterator[Path]:
        """List the paths that are unfolded, each after those above it."""
        waiting: list[tuple[Path, Branch]] = [((), self)]
        while waiting:
            path, branch = waiting.pop()
            for index, child in branch.unfolded.items():
                below = (*path, branch.step(index))
                yield below
                waiting.append((below, child))

    def step(self, index: int) -> Step:
        """Return the key (or index) of a child.

        Args:
            index: Which child.
        """
        return index if self._keys is None else self._keys[index]

    def index_of(self, step: Step) -> int | None:
        """Return which child has a key (or index), or None.

        Args:
            step: The key or index.
        """
        if isinstance(self.value, dict):
            return None if self._keys is None or step not in self.value else self._keys.index(step)
        return step if isinstance(step, int) and 0 <= step < self._size else None

    def child(self, index: int) -> object:
        """Return a child's value.

        Args:
            index: Which child.
        """
        return child_at(self.value, self.step(index))

    def child_before(self, index: int) -> object:
        """Return what was there before, or MISSING.

        Args:
            index: Which child.
        """
        return child_at(self.previous, self.step(index))

    def recount(self) -> None:
        """Count the lines again after a child was unfolded, folded or recounted."""
        self._order = sorted(self.unfolded)
        self._starts = []
        extra = 0
        for index in self._order:
            self._starts.append(index + extra)
            extra += self.unfolded[index].lines
        self.lines = self._size + extra

    def place(self, line: int) -> tuple[int, int]:
        """Return the child whose line or unfolded part holds a line, and the line inside that part (or -1).

        Args:
            line: Lines from the first child.
        """
        which = bisect_right(self._starts, line) - 1
        if which < 0:
            return line, -1
        index, start = self._order[which], self._starts[which]
        inside = line - start - 1
        below = self.unfolded[index].lines
        return (index, inside) if inside < below else (index + line - start - below, -1)

    def line_of_child(self, index: int) -> int:
        """Return the line of a child.

        Args:
            index: Which child.
        """
        which = bisect_right(self._order, index - 1) - 1
        if which < 0:
            return index
        before = self._order[which]
        return self._starts[which] + self.unfolded[before].lines + index - before

    def _reach(self, path: Path) -> tuple[list[Branch], bool]:
        """Unfold a path without counting; return the branches on the way, and whether any of them is new."""
        chain: list[Branch] = [self]
        is_changed = False
        for step in path:
            branch = chain[-1]
            index = branch.index_of(step)
            if index is None or not is_container(branch.child(index)):
                break
            if index not in branch.unfolded:
                is_changed = True
                branch.unfolded[index] = Branch(branch.child(index), branch.child_before(index))
            chain.append(branch.unfolded[index])
        return chain, is_changed

    def _fold(self, path: Path) -> bool:
        chain: list[Branch] = [self]
        for step in path:
            index = chain[-1].index_of(step)
            child = None if index is None else chain[-1].unfolded.get(index)
            if child is None:
                return False
            chain.append(child)
        parent = chain[-2]
        index = parent.index_of(path[-1])
        if index is not None:
            del parent.unfolded[index]
        for branch in reversed(chain[:-1]):
            branch.recount()
        return True


def is_container(value: object) -> bool:
    """Say whether a value has children.

    Args:
        value: A JSON value.
    """
    return isinstance(value, (dict, list, tuple)) and len(value) > 0


def child_at(value: object, step: Step) -> object:
    """Return the child of a value, or MISSING when it has no such child.

    Args:
        value: A JSON value.
        step: A key or an index.
    """
    if isinstance(value, dict):
        return value.get(step, MISSING)
    if isinstance(value, (list, tuple)) and isinstance(step, int) and 0 <= step < len(value):
        return value[step]
    return MISSING
