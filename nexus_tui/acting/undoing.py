"""What was done last, and whether it can be taken back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nexus.model import Session
from nexus_tui.acting.plan import Item
from nexus_tui.steering import Change, Undo

KEPT = 20
"""Actions that are remembered."""


@dataclass(frozen=True, slots=True)
class Done:
    """An action: what was done to which sessions, and their versions after it."""

    what: str
    versions: Mapping[str, int]
    why_not: str = ""
    """Why it can't be taken back."""


class DoneActions:
    """The last actions that changed something."""

    def __init__(self) -> None:
        self._actions: deque[Done] = deque(maxlen=KEPT)

    @property
    def last(self) -> Done | None:
        """The newest, if there is one."""
        return self._actions[-1] if self._actions else None

    def forget_last(self) -> None:
        """It was taken back, or it can't be."""
        self._actions.pop()

    def add_one(self, change: Change, session_id: str, after: Session) -> None:
        """Remember a change of one session.

        Args:
            change: What was done.
            session_id: To whom.
            after: The session after it.
        """
        self._add(change, f"{change.done}: {session_id}", {session_id: after.version})

    def add_many(self, change: Change, items: Iterable[Item], what: str) -> None:
        """Remember a change of many.

        Args:
            change: What was done.
            items: What came of each.
            what: It in words.
        """
        versions = {
            item.session_id: item.version for item in items if item.outcome == "done" and item.version is not None
        }
        if versions:
            self._add(change, what, versions)

    def add_final(self, what: str, why_not: str) -> None:
        """Remember something that can't be taken back, so that what was done before it isn't taken for it.

        Args:
            what: It in words.
            why_not: Why it can't.
        """
        self._actions.append(Done(what, {}, why_not))

    def _add(self, change: Change, what: str, versions: Mapping[str, int]) -> None:
        # What was undone isn't on the way back to what was done before it.
        if not isinstance(change, Undo):
            self._actions.append(Done(what, versions, change.undoable))
