"""How often one actor may ask over HTTP and MCP, and how answers tell what is left."""

from __future__ import annotations

from contextvars import ContextVar

from starlette.types import Message

from nexus.limits import Allowance, Pace
from nexus.model import Caller
from nexus.settings import Settings

_LEFT: ContextVar[list[Allowance] | None] = ContextVar("nexus_allowance", default=None)


class Pacing:
    """The paces of one served application; nothing is counted where ``max_requests_per_second`` is 0."""

    def __init__(self, settings: Settings) -> None:
        rate = settings.max_requests_per_second
        burst = settings.request_burst or max(1, round(2 * rate))
        self._pace = Pace(rate, burst) if rate else None

    @property
    def on(self) -> bool:
        """Whether there is a limit."""
        return self._pace is not None

    def begin(self) -> None:
        """A request begins, whose answer will tell what its caller has left."""
        if self._pace is not None:
            _LEFT.set([])

    def admit(self, caller: Caller) -> None:
        """Count a request of a caller.

        Raises:
            RateLimited: It is one too many.
        """
        if self._pace is not None:
            allowance = self._pace.take(caller.account)
            left = _LEFT.get()
            if left is not None:
                left.append(allowance)

    def told(self, start: Message) -> Message:
        """The start of an answer, with what is left in its headers."""
        left = _LEFT.get() if self._pace is not None else None
        if not left:
            return start
        told = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in left[-1].headers()]
        return {**start, "headers": [*start.get("headers", ()), *told]}
