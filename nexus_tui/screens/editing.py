"""Editing the state of one session: editor, differences, confirmation; on a conflict again, with what changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nexus.errors import InvalidInput, NexusError, VersionConflict
from nexus.model import Session
from nexus.model.jsonvalue import merge_patch
from nexus_tui.acting.one import change_one
from nexus_tui.editing.editor import EditorFailed
from nexus_tui.editing.merging import same
from nexus_tui.editing.patching import patch_between
from nexus_tui.editing.text import written
from nexus_tui.screens.changes import ChangesDialog, Pair, Way
from nexus_tui.steering import Outcome, Patch
from nexus_widgets import clean

if TYPE_CHECKING:
    from nexus_tui.screens.acting import ActingScreen

_BACK: Final = Way("back", "b", "Back to the editor")
_APPLY: Final = Way("apply", "a", "Apply")
_REDO: Final = Way("redo", "r", "Redo on what it is now")
_ROUNDS: Final = 5
"""How often a session that changes, but not in its state, is tried again without asking."""

Tell = Callable[[Patch, str, Outcome], object]


@dataclass(frozen=True, slots=True)
class _Seen:
    """The state that is changed, and the version that it has."""

    state: Mapping[str, Any]
    version: int

    @classmethod
    def of(cls, session: Session) -> _Seen:
        return cls(session.state, session.version)


class Edit:
    """One edit of one state; nothing that was written is lost before it is applied or left."""

    def __init__(self, screen: ActingScreen, session_id: str, tell: Tell) -> None:
        """Prepare.

        Args:
            screen: Over which it is asked.
            session_id: Whose state.
            tell: Is told what came of it.
        """
        self._screen = screen
        self._id = session_id
        self._tell = tell

    async def run(self) -> None:
        """Edit, ask and apply."""
        feed = self._screen.feed
        try:
            seen = _Seen.of(await feed.session(self._id))
            patch = await self._edited(seen, written(seen.state))
            while patch is not None:
                chosen = await self._confirmed(seen, patch)
                if chosen == "back":
                    patch = await self._edited(seen, written(merge_patch(seen.state, patch)))
                elif chosen == "apply":
                    came = await self._applied(seen, patch)
                    if came is None:
                        return
                    if isinstance(came, _Seen):
                        seen, patch = came, await self._after_conflict(seen, came, patch)
                    else:
                        patch = await self._after_mistake(seen, came.message, written(merge_patch(seen.state, patch)))
                else:
                    return
        except NexusError as error:
            self._screen.complain(error)

    async def _edited(self, seen: _Seen, text: str) -> dict[str, Any] | None:
        """The patch that was written, after as many tries as it takes; ``None`` for none."""
        try:
            text = self._screen.console.edit(text)
            patch = patch_between(seen.state, text)
        except EditorFailed as error:
            return await self._after_mistake(seen, error.message, error.text)
        except InvalidInput as error:
            if error.details.get("field") != "state":
                raise
            return await self._after_mistake(seen, error.message, text)
        if patch is None:
            self._screen.tell(f"The state of {self._id} is as it was: nothing was changed")
        return patch

    async def _after_mistake(self, seen: _Seen, mistake: str, text: str) -> dict[str, Any] | None:
        told = (mistake, "What was written is kept while you go back; esc leaves it, and the state as it is.")
        dialog = ChangesDialog(f"Edit {self._id}", told, (_BACK,), is_trouble=True)
        goes_back = await self._screen.app.push_screen_wait(dialog)
        return await self._edited(seen, text) if goes_back else None

    async def _confirmed(self, seen: _Seen, patch: dict[str, Any]) -> str | None:
        after = merge_patch(seen.state, patch)
        told = [f"Merge patch: {clean(json.dumps(patch, ensure_ascii=False), limit=400)}"]
        pair = Pair(f"version {seen.version:,}", seen.state, "edited", after)
        dialog = ChangesDialog(f"Patch the state of {self._id}", told, (_APPLY, _BACK), pair)
        return await self._screen.app.push_screen_wait(dialog)

    async def _applied(self, seen: _Seen, patch: dict[str, Any]) -> _Seen | NexusError | None:
        """Apply it to the version that was seen; what it is now, where it has changed meanwhile, or why not."""
        feed = self._screen.feed
        for _ in range(_ROUNDS):
            change = Patch(patch, seen.version)
            outcome = await change_one(feed, change, self._id)
            if outcome.error is None:
                self._tell(change, self._id, outcome)
                return None
            if not isinstance(outcome.error, VersionConflict):
                return outcome.error
            now = _Seen.of(await feed.session(self._id))
            if not same(now.state, seen.state):
                return now
            # Time or a step went by, and the state is what was seen: there is nothing to ask.
            seen = now
        return seen

    async def _after_conflict(self, seen: _Seen, now: _Seen, patch: dict[str, Any]) -> dict[str, Any] | None:
        versions = f"version {now.version:,}, not {seen.version:,}"
        told = [f"{self._id} has changed since it was read: {versions}. Nothing was applied. What changed meanwhile:"]
        pair = Pair(f"version {seen.version:,}", seen.state, f"version {now.version:,}", now.state)
        dialog = ChangesDialog("It has changed", told, (_REDO, _BACK), pair, is_trouble=True)
        chosen = await self._screen.app.push_screen_wait(dialog)
        # Both ways lead to another confirmation, against what it is now.
        if chosen == "back":
            return await self._edited(now, written(merge_patch(now.state, patch)))
        return patch if chosen else None
