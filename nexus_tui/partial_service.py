"""Services that answer some calls themselves and refuse all others in words."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NoReturn, cast

from nexus.errors import NexusError
from nexus.model import Checkpoint, Session, Worker
from nexus.service import Difference, Service
from nexus.sessions.history import difference_shown


class PartialService:
    """What a subclass doesn't answer is refused. Use ``as_service`` where a ``Service`` is wanted."""

    @abstractmethod
    def _refusal(self) -> NexusError:
        """Why something can't be done here."""

    @property
    def as_service(self) -> Service:
        """Itself, as what it is used for: what it can't do is refused by ``__getattr__``."""
        return cast(Service, self)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or not hasattr(Service, name):
            raise AttributeError(name)

        async def refuse(*_: object, **__: object) -> NoReturn:
            raise self._refusal()

        return refuse


class LookingService(PartialService):
    """One of another time: it can be looked at and not changed."""

    @abstractmethod
    async def get_session(self, session_id: str) -> Session:
        """See ``Service``."""

    @abstractmethod
    async def get_checkpoint(self, session_id: str, checkpoint_id: str) -> Checkpoint:
        """See ``Service``."""

    async def diff(self, session_id: str, from_: str, to: str = "current") -> Difference:
        """See ``Service``."""
        return await difference_shown(self, session_id, from_, to)

    async def workers(self) -> list[Worker]:
        """None is known: which processes lived then is not recorded."""
        return []
