"""Decides whether a recorded history is linearizable: Wing and Gong's search, with Lowe's memory of where it has been.

A history is linearizable if every operation can be given one moment between its call and its return, so that, done one
after the other in the order of these moments, each gives what it gave. The search lays operations down one by one: any
whose call comes before the first return that is left may be next. A pair of (operations laid down, state) that was
tried before is not tried again, which is what keeps it quick.

An operation that nobody knows the outcome of (its answer was lost) has no return: it may take effect at any time after
its call, or never.

References: J. M. Wing, C. Gong, Testing and verifying concurrent objects (1993); G. Lowe, Testing for linearizability
(2017).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

import msgspec

MOST_TRIED = 1_000_000
"""Pairs after which the search is given up: with very many unknown outcomes it takes longer than anybody waits."""

S = TypeVar("S", bound=Hashable)


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation of one client. Times are of one clock that all clients share."""

    client: int
    kind: str
    argument: Any = None
    called: float
    returned: float | None = None
    """``None``: the outcome is unknown."""
    result: Any = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the search."""

    linearizable: bool | None
    """``None``: nobody knows, the search was given up."""
    order: tuple[Operation, ...]
    """A witness; or the longest order that was found before nothing fitted any more."""
    stuck: tuple[Operation, ...] = ()
    """What could have come next there, and what none of it explains."""
    tried: int = 0
    """Pairs of operations laid down and state that were looked at."""

    def __str__(self) -> str:
        if self.linearizable is None:
            return f"not decided ({self.tried} tried)"
        if self.linearizable:
            return f"linearizable ({len(self.order)} operations, {self.tried} tried)"
        lines = ["not linearizable; the longest order found ends with", *map(_line, self.order[-8:])]
        return "\n".join([*lines, "and none of these can come next:", *map(_line, self.stuck)])


class _Entry:
    """A call or a return, in a list by time from which operations can be taken out and put back."""

    __slots__ = ("after", "before", "index", "partner", "returns")

    def __init__(self, index: int, *, returns: bool = False) -> None:
        self.index = index
        self.returns = returns
        self.partner: _Entry | None = None
        """The return of a call; ``None`` for a return, and for a call whose outcome is unknown."""
        self.before: _Entry = self
        self.after: _Entry = self

    def put_behind(self, other: _Entry) -> None:
        self.before, self.after = other, other.after
        other.after.before = self
        other.after = self

    def take_out(self) -> None:
        self.before.after, self.after.before = self.after, self.before

    def put_back(self) -> None:
        self.before.after = self.after.before = self


def check(
    history: Sequence[Operation],
    start: S,
    step: Callable[[S, Operation], S | None],
    possible: Callable[[S, Operation], bool] = lambda _state, _operation: True,
) -> Verdict:
    """Search for an order.

    Args:
        history: The operations on one object, in any order.
        start: The object's state before all of them.
        step: The state after an operation; ``None`` if the operation can't give its result in that state. One whose
            outcome is unknown gives whatever it would have given.
        possible: Whether an operation can still give its result in that state or any that may follow. It only saves
            time: of many operations whose outcome is unknown, most orders are given up at once.
    """
    head = _list(history)
    unfinished = sum(operation.returned is not None for operation in history)
    state, laid_down = start, 0
    path: list[tuple[_Entry, S]] = []
    best: list[int] = []
    stuck: tuple[int, ...] = ()
    seen: set[tuple[int, S]] = {(0, start)}
    entry = head.after
    while unfinished:
        if len(seen) > MOST_TRIED:
            return Verdict(linearizable=None, order=(), tried=len(seen))
        if entry is not head and not entry.returns:
            following = step(state, history[entry.index])
            with_it = laid_down | 1 << entry.index
            if following is None or (with_it, following) in seen:
                entry = entry.after
                continue
            seen.add((with_it, following))
            _lift(entry)
            if not all(possible(following, history[index]) for index in _candidates(head)):
                _unlift(entry)
                entry = entry.after
                continue
            path.append((entry, state))
            state, laid_down = following, with_it
            unfinished -= entry.partner is not None
            entry = head.after
            continue
        # Here is the first return that is left: its operation should have been laid down, and nothing fitted.
        if len(path) >= len(best):
            best = [step_taken.index for step_taken, _ in path]
            stuck = _candidates(head)
        if not path:
            order = tuple(history[index] for index in best)
            waiting = tuple(history[index] for index in stuck)
            return Verdict(linearizable=False, order=order, stuck=waiting, tried=len(seen))
        entry, state = path.pop()
        laid_down &= ~(1 << entry.index)
        _unlift(entry)
        unfinished += entry.partner is not None
        entry = entry.after
    return Verdict(linearizable=True, order=tuple(history[each.index] for each, _ in path), tried=len(seen))


def _list(history: Sequence[Operation]) -> _Entry:
    """The head of the list of calls and returns."""
    moments: list[tuple[float, _Entry]] = []
    for index, operation in enumerate(history):
        call = _Entry(index)
        moments.append((operation.called, call))
        if operation.returned is not None:
            call.partner = _Entry(index, returns=True)
            moments.append((operation.returned, call.partner))
    head = last = _Entry(-1)
    # Where moments are equal calls come first, because such operations may have overlapped.
    for _, entry in sorted(moments, key=lambda moment: (moment[0], moment[1].returns)):
        entry.put_behind(last)
        last = entry
    return head


def _lift(call: _Entry) -> None:
    call.take_out()
    if call.partner is not None:
        call.partner.take_out()


def _unlift(call: _Entry) -> None:
    if call.partner is not None:
        call.partner.put_back()
    call.put_back()


def _candidates(head: _Entry) -> tuple[int, ...]:
    found = []
    entry = head.after
    while entry is not head and not entry.returns:
        found.append(entry.index)
        entry = entry.after
    return tuple(found)


def _line(operation: Operation) -> str:
    until = "…" if operation.returned is None else f"{operation.returned:.6f}"
    said = "" if operation.argument is None else repr(operation.argument)
    gave = "?" if operation.returned is None else repr(operation.result)
    return f"  client {operation.client}: {operation.kind}({said}) = {gave}   [{operation.called:.6f} to {until}]"
