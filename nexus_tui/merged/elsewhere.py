"""What was done over several contexts, as command lines and requests: one for each context, each saying which it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import TypeVar

from nexus.query.mistakes import QueryError
from nexus_tui.acting.targets import Targets
from nexus_tui.equivalents import Equivalent, Equivalents, Place, place_of
from nexus_tui.merged.filters import filter_for
from nexus_tui.merged.names import parted
from nexus_tui.steering import Change

A = TypeVar("A")


def equivalents_of(target: object) -> Equivalents:
    """Writes command lines and requests for where a console looks.

    Args:
        target: One place, or several contexts.
    """
    targets = getattr(target, "targets", None)
    return Equivalents(place_of(target)) if targets is None else MergedEquivalents(targets)


class MergedEquivalents(Equivalents):
    """For several contexts."""

    def __init__(self, targets: Mapping[str, object]) -> None:
        """Write for these.

        Args:
            targets: Where each context is.
        """
        super().__init__(Place())
        self._each = {name: Equivalents(_place(name, target)) for name, target in targets.items()}

    def command(self, *arguments: str) -> str:
        """One command line, for the context that an argument says it is in."""
        for place, argument in enumerate(arguments):
            where, own = parted(argument)
            if where in self._each:
                rest = [each.removeprefix(f"{where}:") for each in arguments[place + 1 :]]
                return self._each[where].command(*arguments[:place], own, *rest)
        return super().command(*arguments)

    def of(self, change: Change, session_ids: Sequence[str]) -> Equivalent:
        """A change of sessions, for each context its own."""
        return self._together(_by_context(session_ids), lambda here, own: here.of(change, own))

    def listing(self, q: str, sort: str) -> Equivalent:
        """The list that the console shows: that of each context."""
        return self._together(self._filters(q), lambda here, own: here.listing(own, sort))

    def showing(self, session_id: str) -> Equivalent:
        """One session, opened."""
        where, own = parted(session_id)
        return self._each[where].showing(own) if where in self._each else super().showing(session_id)

    def grouping(self) -> Equivalent:
        """All groups: those of each context."""
        return self._together(dict.fromkeys(self._each, ""), lambda here, _: here.grouping())

    def waiting(self, group_id: str) -> Equivalent:
        """One group, waited for where it is."""
        where, own = parted(group_id)
        return self._each[where].waiting(own) if where in self._each else super().waiting(group_id)

    def split(self, targets: Targets) -> list[tuple[Equivalents, Targets]]:
        """Whom an action is about, for each context its own."""
        if targets.group is not None:
            where, own = parted(targets.group)
            return [(self._each[where], Targets(q=targets.q, group=own))] if where in self._each else []
        if targets.q is None:
            return [(self._each[name], Targets(own)) for name, own in _by_context(targets.ids).items()]
        return [(self._each[name], Targets(q=own)) for name, own in self._filters(targets.q).items()]

    def _filters(self, q: str) -> dict[str, str]:
        try:
            found = {name: filter_for(q, name, self._each) for name in self._each}
        except QueryError:
            return dict.fromkeys(self._each, q)
        return {name: text for name, text in found.items() if text is not None}

    def _together(self, parts: Mapping[str, A], write: Callable[[Equivalents, A], Equivalent]) -> Equivalent:
        found = [write(self._each[name], part) for name, part in parts.items() if name in self._each]
        return Equivalent(
            tuple(chain.from_iterable(each.commands for each in found)),
            tuple(chain.from_iterable(each.requests for each in found)),
        )


def _by_context(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        where, own = parted(name)
        found[where] = (*found.get(where, ()), own)
    return found


def _place(name: str, target: object) -> Place:
    place = place_of(target)
    return Place(("--context", name), place.url, place.has_token)
