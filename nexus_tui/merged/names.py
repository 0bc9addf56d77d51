"""Names of things in several contexts: ``prod:session-1`` is the session ``session-1`` of the context ``prod``.

A context's name has no colon, so the first one parts them, whatever an id holds.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from nexus.model import Event, Group, Session

_PLACES: Final = 1024
"""Events of different contexts get different numbers, as long as there are fewer contexts than these."""


def joined(where: str, name: str) -> str:
    """A name that says where it is.

    Args:
        where: The context.
        name: What it is called there.
    """
    return f"{where}:{name}"


def parted(name: str) -> tuple[str, str]:
    """Where something is, and what it is called there; the first is empty for a name that doesn't say.

    Args:
        name: As ``joined`` made it.
    """
    where, colon, rest = name.partition(":")
    return (where, rest) if colon else ("", name)


def _maybe(where: str, name: str | None) -> str | None:
    return None if name is None else joined(where, name)


def session_of(where: str, session: Session) -> Session:
    """A session under the names that say where it is."""
    origin = session.forked_from
    return replace(
        session,
        id=joined(where, session.id),
        parent_id=_maybe(where, session.parent_id),
        group_id=_maybe(where, session.group_id),
        forked_from=None if origin is None else (joined(where, origin[0]), origin[1]),
    )


def group_of(where: str, group: Group) -> Group:
    """A group under the name that says where it is."""
    return replace(group, id=joined(where, group.id))


def event_of(where: str, place: int, event: Event) -> Event:
    """An event under the names that say where it was, with a number that no other context's event has.

    Args:
        where: The context.
        place: Its place among the contexts.
        event: As its service tells it.
    """
    return replace(
        event,
        session_id=_maybe(where, event.session_id),
        group_id=_maybe(where, event.group_id),
        seq=event.seq * _PLACES + place,
        data={
            key: joined(where, value) if key in ("parent_id", "new_session_id") and isinstance(value, str) else value
            for key, value in event.data.items()
        },
    )
