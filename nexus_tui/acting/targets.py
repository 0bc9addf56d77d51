"""Targets: what a change acts on: sessions by name, or all that a filter matches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nexus_tui.viewmodels.words import plural
from nexus_widgets import clean


@dataclass(frozen=True, slots=True)
class Targets:
    """What a change acts on.

    Either ``ids``, or, where ``q`` is given, all that this filter matches when the plan is made, but ``without``.
    """

    ids: tuple[str, ...] = ()
    checkpoint_id: str | None = None
    """A checkpoint of the only one."""
    q: str | None = None
    without: frozenset[str] = frozenset()
    about: int = 0
    """How many a filter matched when it was last asked."""
    versions: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Versions that were seen before the plan, by id: other versions have changed since."""
    group: str | None = None
    """The group whose sessions they are, where it is itself what is acted on."""

    def __bool__(self) -> bool:
        """Whether there is anything to act on."""
        return self.q is not None or bool(self.ids)

    @property
    def only(self) -> str | None:
        """The session, where it is about one by name: then nothing need be planned."""
        return self.ids[0] if self.q is None and len(self.ids) == 1 else None

    @property
    def words(self) -> str:
        """Who, for people: ``a, b and 3 more``, ``all 1,204 that match status:failed``."""
        if self.group is not None:
            return f"Group {clean(self.group, limit=60)}: all sessions in it"
        if self.q is None:
            return names_of(self.ids)
        matching = f"that match {clean(self.q, limit=120)}" if self.q else "there are"
        but = f", but {plural(len(self.without), 'session')}" if self.without else ""
        return f"All {plural(self.about, 'session')} {matching}{but}"


def names_of(session_ids: Sequence[str], most: int = 3) -> str:
    """Sessions by name, and how many more: ``a, b, c and 18 more``.

    Args:
        session_ids: Which.
        most: How many are named.
    """
    named = ", ".join(clean(each, limit=60) for each in session_ids[:most])
    rest = len(session_ids) - most
    return f"{named} and {rest:,} more" if rest > 0 else named
