"""Values that were seen in sessions, to complete filters with: users, owners, and what stands in metadata."""

from __future__ import annotations

from collections.abc import Iterable

from nexus.model import Session

_MOST = 500
"""Values kept of one field; the oldest go."""
_MOST_FIELDS = 40
_LONGEST = 120
_REMEMBERED = 5000
"""Sessions that are not looked at again."""


class Seen:
    """Values by field as the filter language writes it: ``user``, ``owner``, ``meta.organization``."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, None]] = {"user": {}, "owner": {}}
        self._looked: set[str] = set()

    def look(self, sessions: Iterable[Session]) -> None:
        """Take note of what stands in sessions.

        Args:
            sessions: Those that are shown.
        """
        for session in sessions:
            # Neither ever changes, and a table shows the same sessions again and again.
            if session.id in self._looked:
                continue
            if len(self._looked) >= _REMEMBERED:
                self._looked.clear()
            self._looked.add(session.id)
            self._add("user", session.user_id)
            self._add("owner", session.owner)
            for key, value in session.metadata.items():
                if key.replace("_", "").replace("-", "").isalnum():
                    self._add(f"meta.{key}", value)

    def values(self) -> dict[str, list[str]]:
        """All that was seen, the newest first."""
        return {field: list(reversed(found)) for field, found in self._values.items()}

    def _add(self, field: str, value: object) -> None:
        if not isinstance(value, str | int | float | bool) or len(text := _written(value)) > _LONGEST:
            return
        if field not in self._values and len(self._values) >= _MOST_FIELDS:
            return
        found = self._values.setdefault(field, {})
        found.pop(text, None)
        found[text] = None
        if len(found) > _MOST:
            del found[next(iter(found))]


def _written(value: str | float | bool) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
