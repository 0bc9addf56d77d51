"""Which executor a process has: the one that its settings name, or the one that suits its store."""

from __future__ import annotations

from nexus.errors import InvalidInput
from nexus.sessions.engine import Engine
from nexus.settings import Settings
from nexus.workflows.executors.base import Executor
from nexus.workflows.executors.docket import DocketExecutor
from nexus.workflows.executors.docket.places import SCHEMES
from nexus.workflows.executors.local import LocalExecutor
from nexus.workflows.registry import Registry


def by_docket(settings: Settings, store_url: str) -> bool:
    """Whether runs are carried by docket.

    Raises:
        InvalidInput: docket is asked for, and the store is not on Redis; or runs are left to workers, and the store can
            have none.
    """
    scheme = store_url.partition("://")[0].lower()
    if scheme == "memory" and not settings.embedded_worker:
        raise InvalidInput(
            "embedded_worker is off, and no worker can reach a store in this process's memory: leave it on (without"
            " --no-worker), or choose a store such as sqlite:///PATH",
            field="embedded_worker", value="false",
        )  # fmt: skip
    if settings.executor == "docket" and scheme not in SCHEMES:
        raise InvalidInput(
            f"executor 'docket' needs a store on Redis, and this one is on {scheme[:20]}: set executor to auto or"
            " local, or choose a store such as redis://HOST:PORT/DB",
            field="executor", value=settings.executor,
        )  # fmt: skip
    return settings.executor != "local" and scheme in SCHEMES


def choose_executor(engine: Engine, registry: Registry, store_url: str) -> Executor:
    """The executor of this process, not started."""
    if not by_docket(engine.settings, store_url):
        return LocalExecutor(engine, registry)
    return DocketExecutor(engine, registry, store_url)
