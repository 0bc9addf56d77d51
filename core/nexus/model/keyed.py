"""Records that read by key as by attribute."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any


class Keyed:
    """Read access by key to the public fields of a record: those that its ``to_dict`` shows.

    ``record["field"]`` is what ``record.field`` is; times stay seconds since the epoch.
    """

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """The public fields as JSON values."""
        raise NotImplementedError

    def _by_key(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.to_dict()}

    def keys(self) -> KeysView[str]:
        """The names that ``record[...]`` answers."""
        return self._by_key().keys()

    def values(self) -> ValuesView[Any]:
        """Their values, in the same order."""
        return self._by_key().values()

    def items(self) -> ItemsView[str, Any]:
        """Pairs of name and value."""
        return self._by_key().items()

    def get(self, key: str, default: Any = None) -> Any:
        """``record[key]``, or ``default`` where there is no such name."""
        return self._by_key().get(key, default)

    def __getitem__(self, key: str) -> Any:
        return self._by_key()[key]

    def __contains__(self, key: object) -> bool:
        return key in self._by_key()

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_key())

    def __len__(self) -> int:
        return len(self._by_key())


Mapping.register(Keyed)
