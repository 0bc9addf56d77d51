"""What an app is made with: its declarations and its settings, and how whoever runs it gives it others.

A program that makes an app says how it is meant to be used; a command that runs it may know better, as
``nexus serve --store URL`` does. ``configure`` changes the app itself, so that the handlers, routes and workflows
that use it by its name act where it is run, and not beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from nexus.auth import Rules
from nexus.registration import Declarations
from nexus.sessions.clock import Clock, SystemClock
from nexus.sessions.handlers import Handlers
from nexus.settings import Settings, load_settings
from nexus.workflows.registry import Registry


class Configured(Declarations):
    """Base of ``AsyncNexus``.

    Args:
        clock: Tells the time; the machine's by default.
        given: Explicit settings; those that are ``None`` count as not given.
    """

    def __init__(self, clock: Clock | None, given: Mapping[str, Any]) -> None:
        super().__init__(Registry(), [], Handlers())
        self._clock = clock or SystemClock()
        self._taken = False
        """Whether it is in somebody's use: open once, or configured for a place."""
        self._settle(given)

    def _settle(self, given: Mapping[str, Any]) -> None:
        self.settings: Settings = load_settings(given)
        self._rules = Rules(self.settings.redact)
        self._given = {key: value for key, value in given.items() if value is not None}

    def _with(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {**self._given, **{key: value for key, value in settings.items() if value is not None}}

    def derive(self, **settings: Any) -> Self:
        """An app with the same workflows, routes and handlers and some other settings; open it by itself."""
        other = type(self)(clock=self._clock, **self._with(settings))
        other.registry, other.routes, other.handlers = self.registry, self.routes, self.handlers
        return other

    def configure(self, **settings: Any) -> Self:
        """This very app with some other settings; one that is in use already stays as it is, and is derived from.

        Args:
            settings: The fields of ``Settings``; those that are ``None`` stay.

        Raises:
            InvalidInput: A setting is unknown or doesn't fit; nothing has changed.
        """
        if self._taken:
            return self.derive(**settings)
        self._settle(self._with(settings))
        self._taken = True
        return self
