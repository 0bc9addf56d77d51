"""Whether a session's record shows that it came back after its end or deletion."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from nexus.model import FINAL, Event, Session

_ENDS = frozenset({"session.ended", "session.expired"})
_OPENS = frozenset({"session.resumed", "session.reopened", "session.restored"})
"""What brings a session back on purpose."""


def revivals(session_id: str, record: Sequence[Event], now: Session | None) -> list[str]:
    """The places where it was revived.

    Args:
        session_id: Which.
        record: Its events in order.
        now: The session as it is; ``None`` if it is gone.
    """
    broken, over, deleted = [], False, False
    for version, together in groupby(record, key=lambda event: event.version):
        kinds = [event.type for event in together]
        opens = bool(_OPENS.intersection(kinds)) or "session.created" in kinds
        if (over or deleted) and not opens and kinds != ["session.deleted"] and not _ENDS.intersection(kinds):
            what = "deleted" if deleted else "over"
            broken.append(f"{session_id}: was {what}, and version {version} followed: {', '.join(kinds)}")
        if opens:
            over = deleted = False
        over = over or bool(_ENDS.intersection(kinds))
        deleted = deleted or "session.deleted" in kinds
    if deleted and now is not None:
        broken.append(f"{session_id}: was deleted, and is there as {now.status.value}")
    elif over and now is not None and now.status not in FINAL:
        broken.append(f"{session_id}: had ended, and is {now.status.value}")
    return broken
