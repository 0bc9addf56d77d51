"""From what was written in an editor to the merge patch that says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from nexus.errors import InvalidInput
from nexus_tui.editing.merging import merging
from nexus_tui.editing.text import read

_TOUCHES: Final = "last_activity"


def patch_between(state: Mapping[str, Any], text: str) -> dict[str, Any] | None:
    """The patch between a state and what was written; ``None`` where nothing differs.

    Raises:
        InvalidInput: It is not a state, or no patch can say it.
    """
    if not text.strip():
        return None
    found = merging(state, read(text))
    if found.nulls:
        many = ", ".join(found.nulls[:5]) + (" and more" if len(found.nulls) > 5 else "")
        raise InvalidInput(
            f"null can't be set by a merge patch, where it takes a key away: at {many}. Remove the key, or write"
            " another value", field="state"
        )  # fmt: skip
    if _TOUCHES in found.patch:
        raise InvalidInput(f"{_TOUCHES} in a patch only touches the session: leave that key as it was", field="state")
    return dict(found.patch) or None
