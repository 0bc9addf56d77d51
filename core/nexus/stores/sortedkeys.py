"""A sorted list of keys that stays sorted: ranks and ranges by bisection."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=tuple[object, ...])


class SortedKeys(Generic[K]):
    """Keys in ascending order. They are unique, because each ends with an id.

    Adding and removing move the keys behind the place: some tenths of a millisecond in a million.
    """

    def __init__(self, keys: Iterable[K] = ()) -> None:
        self._keys: list[K] = sorted(keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[K]:
        return iter(self._keys)

    def add(self, key: K) -> None:
        """Put a key in its place."""
        insort(self._keys, key)

    def remove(self, key: K) -> None:
        """Take a key out; one that is not there is an error of the program."""
        place = bisect_left(self._keys, key)
        if self._keys[place] != key:
            raise KeyError(key)
        del self._keys[place]

    def under(self, key: K) -> list[K]:
        """The keys before ``key``, which need not be there itself."""
        return self._keys[: bisect_left(self._keys, key)]

    def walk(self, *, descending: bool, behind: K | None = None) -> Iterator[K]:
        """Keys in either direction, from an end or from behind ``behind``."""
        if descending:
            start = len(self._keys) if behind is None else bisect_left(self._keys, behind)
            places = range(start - 1, -1, -1)
        else:
            start = 0 if behind is None else bisect_right(self._keys, behind)
            places = range(start, len(self._keys))
        return (self._keys[place] for place in places)

    def window(self, ranks: range, *, descending: bool) -> list[K]:
        """Keys by rank, from either end; ranks rise and none is below 0."""
        there = range(len(self._keys))[ranks.start : ranks.stop : ranks.step]
        if not descending:
            return self._keys[there.start : there.stop : there.step]
        last = len(self._keys) - 1
        return [self._keys[last - rank] for rank in there]
