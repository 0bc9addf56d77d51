"""Transitions of a group: create, end."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from nexus.errors import InvalidTransition
from nexus.lifecycle.moment import Moment
from nexus.model import Event, Group
from nexus.model.change import Change


def _event(kind: str, group: Group, moment: Moment, **data: Any) -> Event:
    return Event(
        type=kind, ts=moment.now, group_id=group.id, channel=moment.channel or None, actor=moment.actor,
        version=group.version,
        data={key: value for key, value in data.items() if value is not None},
    )  # fmt: skip


def create(before: Group | None, moment: Moment, group_id: str, metadata: dict[str, Any] | None) -> Change | None:
    """A new group; ``None`` if an open one has that name; one that had ended is opened again."""
    if before is not None and before.ended_at is None:
        return None
    if before is None:
        group = Group(id=group_id, created_at=moment.now, owner=moment.actor, metadata=metadata or {})
    else:
        group = replace(
            before, ended_at=None, version=before.version + 1, counts={},
            metadata=before.metadata if metadata is None else metadata,
        )  # fmt: skip
    return Change(
        group_id=group_id, expected=None if before is None else before.version, group_after=group,
        events=(_event("group.created", group, moment, reopened=before is not None or None),),
    )  # fmt: skip


def end(before: Group, moment: Moment, reason: str | None) -> Change | None:
    """Close the group to new members; ``None`` if it has ended. Its members are ended one by one after."""
    if before.ended_at is not None:
        return None
    group = replace(before, ended_at=moment.now, version=before.version + 1, counts={})
    return Change(
        group_id=before.id, expected=before.version, group_after=group,
        events=(_event("group.ended", group, moment, reason=reason),),
    )  # fmt: skip


def check_open(group: Group) -> None:
    """Refuse a group that has ended.

    Raises:
        InvalidTransition: It has.
    """
    if group.ended_at is not None:
        raise InvalidTransition(
            f"group {group.id} has ended and takes no sessions: create it again, or use another name",
            field="group", group_id=group.id, **{"from": "ended", "to": "open"},
        )  # fmt: skip
