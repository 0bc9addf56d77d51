"""Standing: how each of several contexts stands, for what is drawn."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from nexus_tui.merged.members import Member
from nexus_tui.merged.names import parted


@dataclass(frozen=True, slots=True)
class State:
    """One context: whether it answers, and how old what is known of it is (seconds); which part, and if read-only."""

    name: str
    state: Literal["connecting", "live", "lost"]
    age: float | None = None
    reason: str = ""
    read_only: bool = False
    namespace: str | None = None


class Standing:
    """How the contexts stand now."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = tuple(names)
        self._members: Mapping[str, Member] = {}

    def follow(self, members: Mapping[str, Member]) -> None:
        """Tell of these from now on.

        Args:
            members: The contexts by name.
        """
        self._members = members

    def states(self) -> list[State]:
        """All contexts, in the order in which they were named."""
        if not self._members:
            return [State(name, "connecting") for name in self._names]
        now = time.time()
        return [
            State(
                member.name, member.state, None if member.heard is None else max(now - member.heard, 0.0),
                member.reason, member.is_read_only, member.namespace,
            )
            for member in self._members.values()
        ]  # fmt: skip

    @property
    def away(self) -> list[State]:
        """Those that don't answer now."""
        return [each for each in self.states() if each.state == "lost"]

    def knows(self, session_id: str) -> bool:
        """Whether what a session is can be known now.

        Args:
            session_id: With where it is.
        """
        member = self._members.get(parted(session_id)[0])
        return member is None or member.state == "live"
