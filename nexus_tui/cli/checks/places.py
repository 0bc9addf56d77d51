"""Config, app, and the store or server that commands act on."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from nexus.errors import NexusError
from nexus.settings import explain_settings
from nexus_tui.cli.checks.archived import FACTS, archived
from nexus_tui.cli.checks.finding import Finding
from nexus_tui.cli.checks.lasting import lasting
from nexus_tui.cli.checks.provider import FACTS as KEYS
from nexus_tui.cli.checks.provider import provider_of_server
from nexus_tui.cli.target import Target, without_password

if TYPE_CHECKING:
    from nexus.service import Service

_TOLD_APART = frozenset({"level", "durability", "clock_skew", "sentinels", "cluster"}) | FACTS | KEYS
_ROOM = 256 * 1024 * 1024
"""Free bytes under which a disk is called nearly full."""


def config() -> Finding:
    """Whether environment and config file fit."""
    try:
        _, origins = explain_settings()
    except NexusError as error:
        return Finding("config", "fail", error.message, "mend or remove that setting")
    given = sorted(name for name, origin in origins.items() if origin != "default")
    return Finding("config", "ok", f"{len(given)} set: {', '.join(given)}" if given else "all defaults")


def app(target: Target) -> Finding:
    """Whether the app can be imported, and has workflows."""
    if target.remote:
        return Finding("app", "ok", "the server has its own")
    if target.app is None:
        return Finding("app", "warn", "none named: nexus run has no workflows",
                       "give --app MODULE:ATTR, set NEXUS_APP, or put nexus_app.py here")  # fmt: skip
    try:
        names = target.local_app().registry.names()
    except NexusError as error:
        return Finding("app", "fail", error.message, "mend it, or give --app none to do without")
    if not names:
        return Finding("app", "warn", f"{target.app}: no workflows", "register one with @app.workflow")
    return Finding("app", "ok", f"{target.app}: {', '.join(names)}")


async def place(target: Target, required: str | None = None) -> AsyncIterator[Finding]:
    """Whether the store or the server answers, and what holds for it.

    Args:
        target: Where commands act.
        required: The durability that it must have; ``None`` for any.
    """
    kind = "server" if target.remote else "store"
    begun = time.perf_counter()
    try:
        async with target.open_service() as service:
            health = await service.health()
            took = (time.perf_counter() - begun) * 1000
            facts = "".join(f"; {key} {value}" for key, value in health.facts.items() if key not in _TOLD_APART)
            found = f"{without_password(health.url or target.label)} ({health.backend}) in {took:.0f} ms{facts}"
            if not health.ok:
                yield Finding(kind, "fail", f"{found}: {health.detail}", _FIXES[kind])
                return
            yield Finding(kind, "ok", found)
            for finding in lasting(health, required):
                yield finding
            for finding in (*archived(health.facts), *provider_of_server(health.facts)):
                yield finding
            yield await _workers(service)
            url = health.url
    except NexusError as error:
        yield Finding(kind, "fail", error.message, _FIXES[kind])
        return
    if not target.remote and url.startswith("sqlite:///"):
        for finding in sqlite_file(url):
            yield finding


_FIXES = {
    "store": "check the URL, and that the folder exists and may be written",
    "server": "start it with nexus serve, or check the URL and the token",
}


async def _workers(service: Service) -> Finding:
    try:
        alive = [worker for worker in await service.workers() if worker.alive]
    except NexusError as error:
        return Finding("workers", "warn", error.message)
    if not alive:
        return Finding("workers", "warn", "none: background runs wait", "start nexus serve or nexus worker")
    return Finding("workers", "ok", ", ".join(f"{worker.id} on {worker.host} (pid {worker.pid})" for worker in alive))


def sqlite_file(url: str) -> Iterator[Finding]:
    """Permissions, free space, journal mode and integrity of an SQLite store's file."""
    path = Path(unquote(url.removeprefix("sqlite:///"))).expanduser()
    if not path.exists():
        return
    yield _permissions(path)
    yield _space(path)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            yield _journal(connection)
            yield _integrity(connection)
    except sqlite3.Error as error:
        yield Finding("integrity", "fail", f"{path}: {error}", "restore the file from a backup")


def _permissions(path: Path) -> Finding:
    mode = stat.S_IMODE(path.stat().st_mode)
    found = f"{path} is {stat.filemode(path.stat().st_mode)}"
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        return Finding("permissions", "fail", f"{found}, and can't be written", f"chmod u+w {path}")
    if os.name == "posix" and mode & 0o077:
        return Finding("permissions", "warn", f"{found}: others may read sessions", f"chmod 600 {path}")
    return Finding("permissions", "ok", found)


def _space(path: Path) -> Finding:
    free = shutil.disk_usage(path.parent).free
    size = path.stat().st_size
    found = f"{free / 2**30:,.1f} GiB free; the store takes {size / 2**20:,.1f} MiB"
    if free < _ROOM:
        return Finding("space", "warn", found, "make room, or shorten session_retention")
    return Finding("space", "ok", found)


def _journal(connection: sqlite3.Connection) -> Finding:
    mode = str(connection.execute("PRAGMA journal_mode").fetchone()[0])
    if mode != "wal":
        return Finding("journal", "warn", mode, "keep the file on a local disk: network file systems have no WAL")
    return Finding("journal", "ok", "WAL")


def _integrity(connection: sqlite3.Connection) -> Finding:
    lines = [str(row[0]) for row in connection.execute("PRAGMA quick_check(5)")]
    if lines == ["ok"]:
        return Finding("integrity", "ok", "quick_check finds nothing wrong")
    return Finding("integrity", "fail", "; ".join(lines), "stop all processes and restore the file from a backup")
