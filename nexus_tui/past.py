"""Past: the states that a session had, read once each, and what to compare them with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nexus.model import Checkpoint
from nexus_tui.feed import Feed

START, NOW = "start", "current"
"""The empty state before everything, and the state now; the service's names for them."""
_KEPT = 64


class Past:
    """States of one session by name: ``start``, ``current``, or a checkpoint's id."""

    def __init__(self, feed: Feed, session_id: str) -> None:
        self._feed = feed
        self._session_id = session_id
        self._states: dict[str, Any] = {}

    async def state(self, name: str) -> Any:
        """The state at a checkpoint, at the start, or now. What a checkpoint holds never changes, so it is kept.

        Args:
            name: Which.

        Raises:
            CheckpointNotFound: The session has no such checkpoint, or no longer keeps it.
        """
        if name == START:
            return {}
        if name == NOW:
            return (await self._feed.session(self._session_id)).state
        if name not in self._states:
            checkpoint = await self._feed.checkpoint(self._session_id, name)
            if len(self._states) >= _KEPT:
                del self._states[next(iter(self._states))]
            self._states[name] = checkpoint.state
        return self._states[name]


def before(name: str, checkpoints: Sequence[Checkpoint]) -> str:
    """What a state is compared with when nobody says: the checkpoint before it, or the start.

    Args:
        name: The state.
        checkpoints: All that are kept, ascending.
    """
    line = [each for each in checkpoints if not each.superseded or each.id == name]
    if name == NOW:
        return line[-1].id if line else START
    at = next((index for index, each in enumerate(line) if each.id == name), 0)
    return line[at - 1].id if at > 0 else START


def pair_to_compare(at: str, marked: Sequence[str], checkpoints: Sequence[Checkpoint]) -> tuple[str, str]:
    """The two states to compare: two marked ones, the marked one and the one shown, or the one shown and before it.

    Args:
        at: The state that is shown.
        marked: Ids of marked checkpoints.
        checkpoints: All that are kept, ascending.
    """
    order = {each.id: index for index, each in enumerate(checkpoints)}
    first, *rest = sorted((each for each in marked if each in order), key=order.__getitem__) or [""]
    if rest:
        return first, rest[-1]
    if first and first != at:
        older = at != NOW and order.get(at, -1) < order[first]
        return (at, first) if older else (first, at)
    return before(at, checkpoints), at
