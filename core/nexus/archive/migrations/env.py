"""How Alembic runs the steps: on the connection, and in the transaction, that ``nexus.archive.migrating`` gives it."""

from __future__ import annotations

from alembic import context

from nexus.archive.migrating import VERSION_TABLE
from nexus.archive.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
