"""The audit's filter as it is written in the console: mistakes by column, and what may stand at the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nexus.audit.asking import FIELDS, parse_audit
from nexus.model.audit import AuditRecord
from nexus.query.mistakes import QueryError
from nexus_tui.filtering import mistake_in, value_completions, word_at
from nexus_widgets import Completion

REFUSED: Final = "outcome:refused"
"""What is shown when only what was refused is wanted."""
_ABOUT: Final = {
    "actor": "who did it",
    "action": "what was done",
    "target": "to what: an id or a name",
    "kind": "session, group, token or store",
    "outcome": "done or refused",
    "channel": "api, cli, mcp or sdk",
    "code": "the error's, where it was refused",
    "reason": "the reason that was given",
    "chain": "the shard's name",
}
_VALUES: Final = {
    "outcome": ("done", "refused"),
    "kind": ("session", "group", "token", "store"),
    "channel": ("api", "cli", "mcp", "sdk"),
    "action": (
        "create", "patch", "end", "extend", "undo", "resume", "fork", "signal", "sync", "run.*", "expire", "delete",
        "group.create", "group.end", "token.create", "token.revoke", "authenticate", "bulk",
    ),
}  # fmt: skip
_SEEN: Final = {"actor": "actor", "target": "target", "action": "action", "code": "code", "channel": "channel",
                "chain": "chain"}  # fmt: skip


def audit_mistake_in(text: str, now: float) -> QueryError | None:
    """What is wrong with a filter of the audit, if anything is; columns are those of the text.

    Args:
        text: The filter.
        now: Seconds since the epoch.
    """
    return mistake_in(text, lambda written: parse_audit(written, now))


def with_refused(q: str, *, refused: bool) -> str:
    """A filter, narrowed to what was refused if only that is wanted.

    Args:
        q: A filter that reads.
        refused: Whether only that is wanted.
    """
    return f"{q} {REFUSED}".strip() if refused else q


def audit_completions(text: str, cursor: int, seen: Sequence[AuditRecord]) -> list[Completion]:
    """What may stand at the cursor.

    Args:
        text: The filter that is written.
        cursor: Where the cursor is, in characters.
        seen: Records whose values are offered.
    """
    start, word = word_at(text, cursor)
    name, colon, value = word.partition(":")
    if not colon:
        fields = [Completion(f"{field}:", _ABOUT[field], start) for field in FIELDS if field.startswith(word)]
        return [*fields, *([Completion("age<", "as in age<1h or age>1d", start)] if "age".startswith(word) else [])]
    return value_completions(value, cursor, _values(name, seen))


def _values(name: str, seen: Sequence[AuditRecord]) -> list[str]:
    found = {getattr(record, _SEEN[name]) for record in seen} if name in _SEEN else set()
    return list(dict.fromkeys([*_VALUES.get(name, ()), *sorted(value for value in found if value)]))
