"""Changes that are wanted only of the version that somebody saw."""

from __future__ import annotations

from nexus.errors import VersionConflict
from nexus.lifecycle import Moment
from nexus.model import Session
from nexus.model.change import Change, Snapshot
from nexus.sessions.engine import Decide


def check_version(session: Session, if_version: int | None) -> None:
    """Refuse a session that has changed.

    Raises:
        VersionConflict: Its version is another than ``if_version``.
    """
    if if_version is not None and session.version != if_version:
        raise VersionConflict(
            f"session {session.id} is at version {session.version}, not {if_version}: read it again and decide anew",
            session_id=session.id, expected=if_version, current=session.version, now=session.status.value,
        )  # fmt: skip


def at_version(decide: Decide, if_version: int | None) -> Decide:
    """``decide``, made only of that version; of any for ``None``."""
    if if_version is None:
        return decide

    def guarded(before: Snapshot, moment: Moment) -> Change | None:
        check_version(before.session, if_version)
        return decide(before, moment)

    return guarded
