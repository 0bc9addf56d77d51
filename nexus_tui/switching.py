"""Places that a console can go to: contexts by name, one or several in one list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from nexus.errors import InvalidInput

if TYPE_CHECKING:
    from nexus_tui.connection import Opens

BEFORE: Final = "-"
"""Stands for where the console looked before."""
EVERY: Final = "*"
"""Stands for all contexts in one list."""


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """One context, as it is shown where it can be chosen."""

    name: str
    where: str
    read_only: bool = False


class Places(Protocol):
    """The contexts that there are: ``nexus_tui.cli.choosing.ContextPlaces`` is one."""

    def known(self) -> list[NamedPlace]:
        """All of them by name.

        Raises:
            InvalidInput: What names them can't be read.
        """
        ...

    def target(self, names: Sequence[str]) -> Opens:
        """Where one of them is, or several in one list.

        Raises:
            InvalidInput: One of the names is no context, or its place can't be used.
        """
        ...


class _NoPlaces:
    """A console that was told of none."""

    def known(self) -> list[NamedPlace]:
        """None."""
        return []

    def target(self, names: Sequence[str]) -> Opens:
        """Refuse all."""
        raise InvalidInput(f"this console was told of no contexts: {', '.join(names)[:80]} can't be gone to",
                           field="context")  # fmt: skip


NO_PLACES: Final[Places] = _NoPlaces()


def named(text: str, places: Places) -> list[str]:
    """The contexts that ``NAME[,NAME…]`` names, each once.

    Args:
        text: What was written; ``*`` names all.
        places: Those that there are.

    Raises:
        InvalidInput: It names none.
    """
    if text.strip() == EVERY:
        names = [each.name for each in places.known()]
        if not names:
            raise InvalidInput("there is no context yet: nexus contexts add NAME --server URL makes one",
                               field="context")  # fmt: skip
        return names
    names = list(dict.fromkeys(each.strip() for each in text.split(",") if each.strip()))
    if not names:
        raise InvalidInput("write which context: NAME, or NAME,NAME", field="context")
    return names
