"""The journal of a run as its body sees it: recorded results by place, and those that may be forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from nexus.model import JournalEntry, jsonvalue
from nexus.workflows.position import within


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
    """In memory, over what the store holds of one run."""

    def __init__(self, entries: Iterable[JournalEntry] = ()) -> None:
        self._values = {entry.key: entry.value for entry in entries}
        self._behind: list[str] = []

    def get(self, key: str) -> bytes | None:
        """What is recorded there."""
        return self._values.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Note what has been committed."""
        self._values[key] = value

    def leave(self, path: str) -> None:
        """An iteration is complete: what is recorded in it is not asked for again."""
        gone = [key for key in self._values if within(key, path)]
        for key in gone:
            del self._values[key]
        self._behind.extend(gone)

    @property
    def behind(self) -> tuple[str, ...]:
        """Keys to forget with the commit of the steps that have passed them."""
        return tuple(self._behind)

    def forgot(self, keys: tuple[str, ...]) -> None:
        """A commit has forgotten these."""
        del self._behind[: len(keys)]
