"""Event handlers: code of the user's that runs after a commit, in the process that made it."""

from __future__ import annotations

import inspect
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from nexus.model import Event
from nexus.sessions.hiding import place_of
from nexus.sessions.threads import in_thread

Handler = Callable[[Event], Any]
ANY = "*"

_log = logging.getLogger("nexus.handlers")


class Handlers:
    """Handlers by event type. One that raises is logged and harms nothing.

    A commit's call returns after its handlers have; events of one commit are handed over in
    order. Synchronous handlers run in a thread, so that they may use ``Nexus`` themselves.
    """

    def __init__(self) -> None:
        self._by_type: defaultdict[str, list[Handler]] = defaultdict(list)

    def add(self, kind: str, handler: Handler) -> Handler:
        """Call ``handler`` for events of this type; ``ANY`` for all. Gives it back, for use as a decorator."""
        self._by_type[kind].append(handler)
        return handler

    async def dispatch(self, events: Sequence[Event], *, quiet: bool = False) -> None:
        """Hand over committed events, one after another.

        Args:
            events: In their order.
            quiet: Log of an exception only its type and place: its text may quote what rules hide.
        """
        if not self._by_type:
            return
        for event in events:
            for handler in (*self._by_type.get(event.type, ()), *self._by_type.get(ANY, ())):
                await _call(handler, event, quiet=quiet)


async def _call(handler: Handler, event: Event, *, quiet: bool) -> None:
    try:
        if inspect.iscoroutinefunction(handler):
            await handler(event)
        else:
            outcome = await in_thread(partial(handler, event), "nexus-handler")
            if inspect.isawaitable(outcome):
                await outcome
    except Exception as error:  # noqa: BLE001 - a user's code, and whatever it raises harms nothing
        name, of = getattr(handler, "__qualname__", repr(handler)), event.session_id or event.group_id
        if quiet:
            raised = type(error).__name__
            _log.error("handler %s raised on %s of %s: %s%s", name, event.type, of, raised, place_of(error))
        else:
            _log.exception("handler %s raised on %s of %s", name, event.type, of)
