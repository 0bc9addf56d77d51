"""SlowLink: leaves frames out while the terminal doesn't take what was written, so that the console never waits for it.

Textual writes in a thread, and puts frames into a queue of thirty; when that is full, whoever paints waits until the
terminal has taken one, and no key is read meanwhile. So nothing is painted while more than one frame waits: what
changes is remembered, and the next frame shows all of it as it is then. How many wait is not public in Textual;
where it can't be seen, frames are never left out.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from textual.app import App

_LOOK = 0.01
"""Seconds between two looks at a link that is behind."""
_PARTS = 3
"""Writes that one frame is, at most: the marks of its beginning and its end are writes of their own."""


class SlowLink:
    """Holds the painting of an app back while its terminal is behind."""

    def __init__(self, app: App[Any], waiting: Callable[[], int] | None = None) -> None:
        """Prepare; nothing is held yet.

        Args:
            app: Whose frames may be left out.
            waiting: How many writes wait; by default what Textual's driver knows, or 0.
        """
        self._app = app
        self._waiting = waiting or (lambda: waiting_writes(app))
        self._held: ExitStack | None = None

    @property
    def is_behind(self) -> bool:
        """Whether frames are left out now."""
        return self._held is not None

    def look(self) -> None:
        """Look whether the terminal keeps up; to be called after each frame."""
        if self._held is None and self._waiting() > _PARTS:
            self._held = ExitStack()
            self._held.enter_context(self._app.batch_update())
            self._app.set_timer(_LOOK, self._look_again)

    def _look_again(self) -> None:
        if self._held is None:
            return
        if self._waiting() > 0:
            self._app.set_timer(_LOOK, self._look_again)
            return
        held, self._held = self._held, None
        held.close()


def waiting_writes(app: App[Any]) -> int:
    """How many writes wait for the terminal; 0 where that can't be seen.

    Args:
        app: Whose.
    """
    try:
        return int(app._driver._writer_thread._queue.qsize())  # type: ignore[union-attr]  # noqa: SLF001
    except (AttributeError, NotImplementedError):
        return 0
