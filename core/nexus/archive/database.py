"""The archive's SQL database: SQLite or PostgreSQL, reached by threads, its errors translated here once.

Accepted URLs are ``sqlite:///relative/path``, ``sqlite:////absolute/path``, ``sqlite:///~/path``, and
``postgresql://USER:PASSWORD@HOST/DATABASE`` (``postgres://`` is the same). No message shows a password.

Work is given as a function of a connection. It runs in a thread, in one transaction. Those that write exclude each
other, in all processes, so each sees all that others wrote before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from nexus.archive.migrating import is_current, migrate
from nexus.errors import InvalidInput, StoreUnavailable
from nexus.stores.partitions import file_of, remove_file

T = TypeVar("T")

ACCEPTED: Final = (
    "sqlite:///relative/path, sqlite:////absolute/path, sqlite:///~/path, postgresql://user:password@host/database"
)
_POSTGRES: Final = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_THREADS: Final = 3
_PATIENCE: Final = 10
"""Seconds until a server that does not answer counts as away, and until a locked file does."""
_WRITES: Final = "nexus_writes"
_LOCK: Final = 0x4E585553_41524348
"""``NXUSARCH``: the advisory lock of those who write."""


class Database:
    """See the module's docstring. Nothing is opened before the first work.

    Args:
        url: Of one of the accepted forms.
        place: Names a part of it that is a whole archive by itself: on PostgreSQL a schema, with SQLite a file beside.

    Raises:
        InvalidInput: It has another form.
    """

    def __init__(self, url: str, place: str | None = None) -> None:
        self._url = _parsed(url)
        self._schema: str | None = None
        if place is not None and self._url.get_backend_name() == "sqlite":
            self._url = self._url.set(database=str(file_of(Path(self._url.database or ""), place)))
        elif place is not None:
            self._schema = f"nexus_ns_{place}"
        self.shown = self._url.render_as_string(hide_password=True)
        self._engine: Engine | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._ready = False

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, for work that brings its own threads; the tables may not be there before ``prepare``."""
        if self._engine is None:
            self._engine = _engine_of(self._url, self._schema)
        return self._engine

    async def prepare(self) -> None:
        """Make the tables, or bring them up to this version; nothing happens the second time.

        Raises:
            StoreUnavailable: The database can't be reached, or is of a newer version.
        """
        if not self._ready:
            await self._in_thread(self._migrate)
            self._ready = True

    async def read(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` gives, in a transaction that sees one moment or, on PostgreSQL, each statement its own.

        Raises:
            StoreUnavailable: As ``prepare``.
        """
        await self.prepare()
        return await self._in_thread(lambda: self._transact(work, writes=False))

    async def write(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` gives, in a transaction that no other write overlaps; all of it holds, or nothing.

        A caller that is cancelled meanwhile may find all of it done, or nothing.

        Raises:
            StoreUnavailable: As ``prepare``.
        """
        await self.prepare()
        return await self._in_thread(lambda: self._transact(work, writes=True))

    async def close(self) -> None:
        """Drop all connections; work that is under way is not waited for."""
        threads, self._threads = self._threads, None
        engine, self._engine = self._engine, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)
        if engine is not None:
            engine.dispose()

    async def remove(self) -> None:
        """Remove the part of the database that a place names, with all that is in it.

        Raises:
            StoreUnavailable: It can't be reached.
        """
        if self._schema is None:
            await asyncio.to_thread(remove_file, Path(self._url.database or ""))
        else:
            await self._in_thread(lambda: self._transact(self._drop_schema, writes=True))

    def _make_schema(self, connection: Connection) -> None:
        connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{self._schema}"'))

    def _drop_schema(self, connection: Connection) -> None:
        connection.execute(text(f'DROP SCHEMA IF EXISTS "{self._schema}" CASCADE'))

    def _migrate(self) -> None:
        if self._url.get_backend_name() == "sqlite":
            self._make_folder()
        if self._schema is not None:
            self._transact(self._make_schema, writes=True)
        if not self._transact(is_current, writes=False):
            self._transact(lambda connection: migrate(connection, self.shown), writes=True)

    def _make_folder(self) -> None:
        folder = Path(self._url.database or "").parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise away(self.shown, error) from None

    def _transact(self, work: Callable[[Connection], T], *, writes: bool) -> T:
        with self.engine.execution_options(**{_WRITES: writes}).connect() as connection, connection.begin():
            if writes and connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            return work(connection)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="nexus-archive")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except SQLAlchemyError as error:
            raise away(self.shown, error) from error


def away(shown: str, error: Exception) -> StoreUnavailable:
    """What an error of the database is to callers."""
    said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return StoreUnavailable(
        f"the archive {shown} can't be used: {said[:300] or type(error).__name__}", archive=shown, reason="archive"
    )


def _parsed(url: str) -> URL:
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if scheme == "sqlite" and separator:
        return _sqlite(url, rest)
    if scheme in _POSTGRES and separator:
        try:
            parsed = make_url(f"postgresql+psycopg://{rest}")
        except (ArgumentError, ValueError):
            raise _refused(url, "is no URL") from None
        if not parsed.database:
            raise _refused(url, "names no database")
        return parsed
    raise _refused(url, f"has the unknown scheme {scheme[:20]!r}" if separator else "is no database URL")


def _sqlite(url: str, rest: str) -> URL:
    host, slash, path = rest.partition("/")
    if host or not slash or not path.strip("/"):
        raise _refused(url, "names no file: a relative path takes three slashes, an absolute one four")
    if "?" in path or "#" in path:
        raise _refused(url, "has a query or a fragment, and there are no options to set")
    try:
        return URL.create("sqlite", database=str(Path(unquote(path)).expanduser()))
    except RuntimeError:
        raise _refused(url, "names the home folder of a user that the system does not know") from None


def _refused(url: str, why: str) -> InvalidInput:
    scheme, separator, rest = url.partition("://")
    shown = f"{scheme}{separator}{rest.rpartition('@')[2]}"[:120]
    return InvalidInput(f"database_url {shown!r} {why}: accepted are {ACCEPTED}", field="database_url", value=shown)


def _engine_of(url: URL, schema: str | None) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": _PATIENCE})
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", _begin)
        return engine
    given = set(url.query)
    patience: dict[str, Any] = {
        "connect_timeout": _PATIENCE, "tcp_user_timeout": _PATIENCE * 1000, "keepalives_idle": _PATIENCE,
        "keepalives_interval": 3, "keepalives_count": 3, "application_name": "nexus",
    }  # fmt: skip
    chosen = {name: value for name, value in patience.items() if name not in given}
    if schema is not None:
        # Nothing but the schema is looked into: a table that isn't there is not found elsewhere.
        chosen["options"] = f"{url.query.get('options', '')} -csearch_path={schema}".strip()
        url = url.difference_update_query(["options"])
    return create_engine(url, connect_args=chosen, pool_pre_ping=True, pool_timeout=_PATIENCE)


def _set_up(connection: Any, _record: Any) -> None:
    # The driver would begin transactions by itself, late and never for writing.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", f"busy_timeout = {_PATIENCE * 1000}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
