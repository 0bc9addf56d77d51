"""Sessions as JSON lines: written with their history, and put back.

A line is one session: ``{"format": "nexus-session/1", "session", "checkpoints", "events"}`` with the contract's
own shapes, checkpoints with their states. Putting back makes sessions under their ids with state, metadata, group,
user, time-out and lineage, and ends those that had ended. What no caller of a service may write stays in the
file: checkpoints, events, versions, times and actors are not put back, and a session that was running, had
failed or had expired comes back as ``active``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nexus.auth.redaction import MARKER
from nexus.errors import InvalidInput, SessionExists, SessionNotFound
from nexus.model import CHANNELS, jsonvalue
from nexus.service import MAX_LIMIT, Service
from nexus_tui.cli.selection import every

FORMAT = "nexus-session/1"


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of one session of a file."""

    id: str
    status: str | None
    note: str

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"id": self.id, "status": self.status, "note": self.note}


async def exported(service: Service, session_id: str) -> dict[str, Any]:
    """One session with all of its history that is kept, as one line's object."""
    session = await service.get_session(session_id)
    found = every(lambda cursor: service.list_checkpoints(session_id, cursor=cursor, limit=MAX_LIMIT))
    checkpoints = [(await service.get_checkpoint(session_id, one.id)).to_dict() async for one in found]
    events = every(lambda cursor: service.list_events(session_id, cursor=cursor, limit=MAX_LIMIT))
    return {
        "format": FORMAT,
        "session": session.to_dict(),
        "checkpoints": checkpoints,
        "events": [event.to_dict() async for event in events],
    }


def read_lines(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    """The sessions of a file, parents before their children.

    Raises:
        InvalidInput: A line is no exported session; names the line.
    """
    records = [_record(line, number) for number, line in enumerate(lines, 1) if line.strip()]
    return _parents_first({record["id"]: record for record in records})


def _record(line: bytes, number: int) -> dict[str, Any]:
    field = f"line {number}"
    value = jsonvalue.decode(line, field)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise InvalidInput(f"{field} is no exported session: its format must be {FORMAT!r}", field=field)
    session = value.get("session")
    if not isinstance(session, dict) or not isinstance(session.get("id"), str):
        raise InvalidInput(f"{field} has no session with an id", field=field)
    for key in ("state", "metadata"):
        if not isinstance(session.get(key), dict):
            raise InvalidInput(f"{field}: {key} of session {session['id']!r} must be an object", field=field)
    return session


def _parents_first(records: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    ordered: dict[str, dict[str, Any]] = {}

    def place(session_id: str, above: tuple[str, ...]) -> None:
        record = records[session_id]
        parent = record.get("parent_id")
        if isinstance(parent, str) and parent in records and parent not in above:
            place(parent, (*above, session_id))
        ordered.setdefault(session_id, record)

    for session_id in records:
        place(session_id, ())
    return list(ordered.values())


async def check_free(service: Service, records: list[dict[str, Any]]) -> list[str]:
    """The ids of the file that are taken, asked before anything is made."""
    return [record["id"] for record in records if await _is_there(service, record["id"])]


async def _is_there(service: Service, session_id: str) -> bool:
    try:
        await service.get_session(session_id)
    except SessionNotFound:
        return False
    return True


async def restore(service: Service, record: dict[str, Any]) -> Restored:
    """Make one session again; ``ended`` ones are ended by ``finish``, after their children exist.

    Raises:
        SessionExists: Its id is taken.
        NexusError: The service refuses it.
    """
    group, parent = record.get("group_id"), record.get("parent_id")
    notes: list[str] = []
    if isinstance(group, str):
        await service.create_group(group)
    if isinstance(parent, str) and not await service.exists(parent):
        notes.append(f"without its parent {parent}, which is not there")
        parent = None
    session = await service.create_session(
        session_id=record["id"],
        channel=record["channel"] if record.get("channel") in CHANNELS else None,
        metadata=record["metadata"],
        state=record["state"],
        parent_session=parent,
        group=group,
        user_id=record.get("user_id"),
        timeout=record["timeout"] if record.get("timeout") is not None else 0,
    )
    if session.state != record["state"]:
        # A child starts with its parent's state: what it had dropped of that since is dropped again.
        session = await service.patch_session(record["id"], _removals(session.state, record["state"]))
        if session.state != record["state"]:
            notes.append("its parent's state shows through")
    if _has_hidden(record["state"]) or _has_hidden(record["metadata"]):
        notes.append(f"values that were hidden when it was exported are {MARKER} now")
    if session.metadata != record["metadata"]:
        notes.append("its parent's metadata shows through")
    return Restored(record["id"], session.status.value, "; ".join(notes))


def _has_hidden(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_hidden, value.values() if isinstance(value, dict) else value))
    return bool(value == MARKER)


def _removals(have: dict[str, Any], want: dict[str, Any]) -> dict[str, Any]:
    """The merge patch that takes out what should not be there."""
    patch: dict[str, Any] = {}
    for key, value in have.items():
        if key not in want:
            patch[key] = None
        elif isinstance(value, dict) and isinstance(want[key], dict):
            below = _removals(value, want[key])
            if below:
                patch[key] = below
    return patch


async def finish(service: Service, record: dict[str, Any], restored: Restored) -> Restored:
    """End a session that had ended; children come before their parents."""
    status = record.get("status")
    if status in {"completed", "cancelled"}:
        ended = await service.end_session(record["id"], status=status, reason="imported")
        return Restored(restored.id, ended.status.value, restored.note)
    if status in {"in_progress", "suspended", "failed", "expired"}:
        note = "; ".join(part for part in (restored.note, f"was {status.replace('_', ' ')}") if part)
        return Restored(restored.id, restored.status, note)
    return restored


def taken(ids: list[str]) -> SessionExists:
    """The error for ids of the file that exist already."""
    shown = ", ".join(ids[:3]) + (f" and {len(ids) - 3:,} more" if len(ids) > 3 else "")
    return SessionExists(
        f"{shown} exist already, nothing was imported: --skip-existing leaves them as they are", ids=ids
    )
