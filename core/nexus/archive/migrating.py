"""Brings the archive's tables up to this version, by Alembic, in the transaction that it is given.

Alembic is loaded only where there is something to do: opening an archive that is up to date costs one query.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, inspect, text

from nexus.errors import StoreUnavailable

HEAD: Final = "0002"
"""The newest of ``migrations/versions``."""

VERSION_TABLE: Final = "archive_version"


def is_current(connection: Connection) -> bool:
    """Whether there is nothing to do."""
    return _version(connection) == HEAD


def migrate(connection: Connection, shown: str) -> None:
    """Make what is missing.

    Args:
        connection: In a transaction that excludes others who would migrate.
        shown: The database's URL without its password.

    Raises:
        StoreUnavailable: The tables are of a version that this program doesn't know.
    """
    found = _version(connection)
    if found == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "nexus.archive:migrations")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise StoreUnavailable(
            f"the archive {shown} has version {found[:40]}, and this version of Nexus knows up to {HEAD}:"
            " use the version that wrote it, or another database_url",
            archive=shown,
            reason="layout",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    return found
