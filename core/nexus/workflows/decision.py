"""A decision that knows whether it was the one that the engine committed."""

from __future__ import annotations

from collections.abc import Callable

from nexus.lifecycle import Moment
from nexus.model.change import Change, Snapshot

Transition = Callable[[Snapshot, Moment], Change | None]


class Decision:
    """Wraps a pure transition for ``Engine.apply``.

    Args:
        transition: What to decide.
        version: Decide on this version of the session only, because something outside of the record, such as the
            inbox, was read along with it; on any other nothing is decided. ``None`` for whichever is current.
    """

    def __init__(self, transition: Transition, *, version: int | None = None) -> None:
        self._transition = transition
        self._version = version
        self._after: Snapshot | None = None

    def __call__(self, before: Snapshot, moment: Moment) -> Change | None:
        if self._version is not None and before.session.version != self._version:
            return None
        change = self._transition(before, moment)
        self._after = None if change is None else change.after
        return change

    def made(self, after: Snapshot) -> bool:
        """Whether ``after``, which the engine gave back, came of it."""
        return after is self._after
