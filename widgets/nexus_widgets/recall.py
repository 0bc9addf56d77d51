"""Recall: going through texts that were written before, and back to the one that was being written."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Recall:
    """A place among earlier texts.

    A text that was begun narrows what is shown to those that begin like it. Behind the newest stands what was begun.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        """Begin behind the newest.

        Args:
            texts: Oldest first.
        """
        self.texts = tuple(texts)
        self._found: tuple[str, ...] = ()
        self._at: int | None = None
        self._begun = ""
        self._shown: str | None = None

    @property
    def is_shown(self) -> bool:
        """Whether an earlier text was shown last."""
        return self._at is not None

    def move(self, step: int, text: str) -> str | None:
        """Go to another text.

        Args:
            step: -1 to an earlier one, 1 to a later one.
            text: What is written now.

        Returns:
            What to write; None where there is no other.
        """
        if self._at is None or text != self._shown:
            self._begun, self._at = text, None
            self._found = tuple(each for each in self.texts if each.startswith(text) and each != text)
        at = len(self._found) if self._at is None else self._at
        to = min(max(at + step, 0), len(self._found))
        if to == at:
            return None
        self._at = None if to == len(self._found) else to
        self._shown = self._begun if self._at is None else self._found[to]
        return self._shown
