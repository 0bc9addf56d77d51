"""The journal of a run as its body sees it: recorded results by place, and those that may be forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from nexus.model import JournalEntry, jsonvalue
from nexus.workflows.position import Position, within


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a wait got, and the state that was committed then, which a replay puts back."""

    state: msgspec.Raw
    payload: msgspec.Raw = msgspec.Raw(b"null")
    timed_out: bool = False

    def encode(self) -> bytes:
        """As it is journaled."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, value: bytes) -> Answer:
        """From what was journaled."""
        return msgspec.json.decode(value, type=cls)

    def read_payload(self) -> Any:
        """What the signal carried."""
        return jsonvalue.trusted(bytes(self.payload))


class Journal:
    """In memory, over what the store holds of one run.

    What was recorded in an iteration that is complete is not asked for again, unless somebody goes back to a
    checkpoint that was made in the middle of it. Until there is no such checkpoint any more it is retained.

    Args:
        entries: The run's entries as stored.
        position: Where the run stands, and what it has behind it.
        made: How many checkpoints its session has made.
    """

    def __init__(self, entries: Iterable[JournalEntry], position: Position, made: int) -> None:
        self._values: dict[str, bytes] = {}
        self._made_at: dict[str, int] = {}
        self._retained: list[tuple[int, str]] = []
        self._behind: list[str] = []
        for entry in entries:
            if position.has_behind(entry.key.rpartition(":")[0]):
                self._retained.append((made, entry.key))
            else:
                self.put(entry.key, entry.value, entry.after_checkpoint)

    def get(self, key: str) -> bytes | None:
        """What is recorded there."""
        return self._values.get(key)

    def put(self, key: str, value: bytes, made: int) -> None:
        """Note what has been committed, after ``made`` checkpoints."""
        self._values[key] = value
        self._made_at[key] = made

    def leave(self, path: str, made: int) -> None:
        """An iteration is complete; its session has made ``made`` checkpoints."""
        for key in [key for key in self._values if within(key, path)]:
            del self._values[key]
            if self._made_at.pop(key) < made:
                self._retained.append((made, key))
            else:
                self._behind.append(key)

    def behind(self, oldest: int) -> tuple[str, ...]:
        """Keys to forget with the next commit; ``oldest`` is the first checkpoint that is kept."""
        self._behind.extend(key for made, key in self._retained if made < oldest)
        self._retained = [(made, key) for made, key in self._retained if made >= oldest]
        return tuple(self._behind)

    def forgot(self, keys: tuple[str, ...]) -> None:
        """A commit has forgotten these."""
        del self._behind[: len(keys)]
