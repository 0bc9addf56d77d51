"""Whether changes may go through: versions, claims and inbox messages against what is there.

The same check serves every store that works in this process, so that they refuse the same commits.
It writes nothing: it is asked before anything is written, which is how a commit that is
refused leaves no trace, and how a store that commits many callers' changes in one transaction
refuses one of them without harming the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from nexus.stores.base import Change

K = TypeVar("K")
V = TypeVar("V")


class Ledger(Protocol):
    """What is stored now, as far as commits can depend on it."""

    def session_version(self, session_id: str) -> int | None:
        """The version of a session, ``None`` where there is none."""
        ...

    def group_version(self, group_id: str) -> int | None:
        """The version of a group, ``None`` where there is none."""
        ...

    def claimed(self, key: str) -> str | None:
        """The value of a claim."""
        ...

    def has_message(self, session_id: str, message_id: str) -> bool:
        """Whether the session's inbox holds the message."""
        ...


class Mismatch(Exception):
    """Something was not as a change expected.

    Args:
        subject: The session or the group that differs.
        is_group: Whether ``subject`` is a group.
        claim: The key that differed with its value, when it was a claim.
    """

    def __init__(self, subject: str, *, is_group: bool = False, claim: tuple[str, str | None] | None = None) -> None:
        super().__init__(subject)
        self.subject = subject
        self.is_group = is_group
        self.claim = claim


class Expectations:
    """Checks commits one after the other; what one has changed is what the next one meets.

    Args:
        ledger: What is stored; it must not change for the life of this object.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._sessions = _Memo(ledger.session_version)
        self._groups = _Memo(ledger.group_version)
        self._claims = _Memo(ledger.claimed)
        self._messages: _Memo[tuple[str, str], bool] = _Memo(lambda where: ledger.has_message(*where))

    def accept(self, changes: Sequence[Change]) -> None:
        """Check the changes of one commit in their order.

        Raises:
            Mismatch: One of them may not go through; none of them then counts.
        """
        accepted = False
        try:
            for change in changes:
                self._check(change)
            accepted = True
        finally:
            for memo in (self._sessions, self._groups, self._claims, self._messages):
                memo.settle(keep=accepted)

    def _check(self, change: Change) -> None:
        if change.session_id is not None:
            self._check_session(change, change.session_id)
        if change.group_id is not None:
            self._check_group(change, change.group_id)
        for claim in change.claims:
            value = self._claims.get(claim.key)
            if value != claim.expected:
                subject = change.session_id or change.group_id or claim.key
                raise Mismatch(subject, is_group=change.session_id is None, claim=(claim.key, value))
            self._claims.put(claim.key, claim.value)

    def _check_session(self, change: Change, session_id: str) -> None:
        if self._sessions.get(session_id) != change.expected:
            raise Mismatch(session_id)
        for message_id in change.take:
            if not self._messages.get((session_id, message_id)):
                raise Mismatch(session_id)
            self._messages.put((session_id, message_id), value=False)
        for message in change.put:
            self._messages.put((session_id, message.id), value=True)
        self._sessions.put(session_id, None if change.after is None else change.after.session.version)

    def _check_group(self, change: Change, group_id: str) -> None:
        if self._groups.get(group_id) != change.expected:
            raise Mismatch(group_id, is_group=True)
        self._groups.put(group_id, None if change.group_after is None else change.group_after.version)


class _Memo(Generic[K, V]):
    """Values as of the last accepted commit, and as the commit being checked would leave them."""

    def __init__(self, ask: Callable[[K], V]) -> None:
        self._ask = ask
        self._accepted: dict[K, V] = {}
        self._tentative: dict[K, V] = {}

    def get(self, key: K) -> V:
        for layer in (self._tentative, self._accepted):
            if key in layer:
                return layer[key]
        return self._ask(key)

    def put(self, key: K, value: V) -> None:
        self._tentative[key] = value

    def settle(self, *, keep: bool) -> None:
        if keep:
            self._accepted.update(self._tentative)
        self._tentative.clear()
