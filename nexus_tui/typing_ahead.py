"""Keys that come in one burst (a slow link, a pasted line, quick fingers) reach what those before them have opened.

Textual hands a key to what has the focus at that moment, and what the key does comes later: ``:sort id`` in one burst
would go to the table, and to whatever its letters mean there, before the command line is open. So a key waits until
the one before it is done: a marker follows each on its way, from the widget that gets it up to the app, and a screen
that was opened has drawn itself.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from textual import events
from textual.app import App
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen

_LAPS: Final = 3
"""Ways of the marker behind a key when others wait: what a key does is often to send a message, which sends another."""
_PATIENCE: Final = 0.5
"""Seconds after which a key that is still at work holds the others up no longer."""


class KeyDone(Message, bubble=True):
    """Follows a key on its way."""

    def __init__(self, lap: int) -> None:
        """Follow.

        Args:
            lap: How many went this way for the same key, with this one.
        """
        super().__init__()
        self.lap = lap


class TypeAhead:
    """See the module's docstring; one for an app.

    Args:
        app: Gets the keys.
        send: Hands a key on as Textual does.
    """

    def __init__(self, app: App[int], send: Callable[[events.Event], Awaitable[None]]) -> None:
        self._app = app
        self._send = send
        self._waiting: deque[events.Event] = deque()
        self._marker: KeyDone | None = None
        self._sent_at = 0.0
        self._screen: Screen[object] | None = None

    async def take(self, event: events.Event) -> None:
        """Hand a key on, now or when those before it are done."""
        self._waiting.append(event)
        if self._marker is None or time.monotonic() - self._sent_at > _PATIENCE:
            await self._next()
        elif len(self._waiting) == 1:
            self._app.set_timer(_PATIENCE, self._give_up)

    async def done(self, marker: KeyDone) -> None:
        """A marker has come to the end of its way."""
        if marker is not self._marker or not self._app.screen_stack:
            return  # Another goes in its place, or the app ends.
        if marker.lap < _LAPS and self._waiting:
            self._follow(marker.lap + 1)
        elif self._app.screen is not self._screen:
            self._screen = self._app.screen
            self._screen.call_after_refresh(self._drawn, marker)
        else:
            await self._next()

    def _drawn(self, marker: KeyDone) -> None:
        if marker is self._marker and self._app.screen_stack:
            self._follow(_LAPS)

    async def _next(self) -> None:
        self._marker = None
        if self._waiting and self._app.screen_stack:
            event = self._waiting.popleft()
            self._screen, target = self._app.screen, self._target
            self._sent_at = time.monotonic()
            await self._send(event)
            self._follow(1, target)

    def _follow(self, lap: int, target: MessagePump | None = None) -> None:
        if not self._app.screen_stack:
            return
        self._marker = KeyDone(lap)
        if not (target or self._target).post_message(self._marker):
            # The widget is gone already, and so is the key.
            self._app.call_next(self._next)

    @property
    def _target(self) -> MessagePump:
        return self._app.focused or self._app.screen

    async def _give_up(self) -> None:
        """The key at work is never heard of, as its widget is gone, or takes too long."""
        if self._waiting and time.monotonic() - self._sent_at >= _PATIENCE:
            await self._next()
        if self._waiting:
            self._app.set_timer(_PATIENCE, self._give_up)
