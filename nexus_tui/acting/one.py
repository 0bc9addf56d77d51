"""A change of one session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from nexus.errors import NexusError, error_from_code
from nexus_tui.steering import Change, End, Outcome

if TYPE_CHECKING:
    from nexus_tui.feed import Feed


async def change_one(feed: Feed, change: Change, session_id: str) -> Outcome:
    """Do it, and tell it once it is committed.

    Args:
        feed: The gateway.
        change: What is to be done.
        session_id: To whom.

    Returns:
        The session after it, or why not; neither, where there was nothing to do.
    """
    try:
        if isinstance(change, End):
            return await _ended(feed, change, session_id)
        return (await feed.steer(change, [session_id]))[0]
    except NexusError as error:
        return Outcome(session_id, error=error)


async def _ended(feed: Feed, change: End, session_id: str) -> Outcome:
    """An end says whether it was this one: what had ended before is not this action's to take back."""
    item = (await feed.bulk(replace(change.bulk(), ids=(session_id,)))).items[0]
    if item.error is not None:
        told = item.error
        return Outcome(session_id, error=error_from_code(told["code"], told["detail"], told["details"]))
    return Outcome(session_id, await feed.session(session_id) if item.outcome == "done" else None)
