"""Sessions with what belongs to them, groups, events, counters and documents of the system."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NAME: sa.types.TypeEngine[str] = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


_PLAIN = [
    "created_at", "id", "status", "step", "version", "duration", "last_activity", "expires_at", "ended_at", "workflow",
    "user_id", "group_id", "parent_id", "owner", "channel", "channels", "gone_at",
]  # fmt: skip


def _key(name: str) -> sa.Column[Any]:
    return sa.Column(name, _NAME, primary_key=True)


def _text(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _NAME, nullable=optional)


def _bytes(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary, nullable=optional)


def _time(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Double, nullable=optional)


def _number(name: str, *, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, primary_key=key, autoincrement=False, nullable=False)


def _make_sessions() -> None:
    op.create_table(
        "archived_sessions",
        _key("id"),
        _number("version"),
        *(_text(name) for name in ("status", "channel", "channels")),
        *(_text(name, optional=True) for name in ("workflow", "user_id", "group_id", "parent_id")),
        _text("owner"),
        *(_time(name) for name in ("created_at", "last_activity")),
        *(_time(name, optional=True) for name in ("expires_at", "ended_at")),
        _number("step"),
        *(_time(name, optional=True) for name in ("duration", "gone_at")),
        *(_bytes(name) for name in ("document", "state")),
        _bytes("run", optional=True),
    )
    by: dict[str, list[str]] = {
        "name": ["id"], "creation": ["created_at", "id"], "activity": ["last_activity", "id"]
    }  # fmt: skip
    below = {"status": "status", "group": "group_id", "parent": "parent_id", "user": "user_id"}
    by |= {name: [column, "created_at", "id"] for name, column in below.items()} | {"leave": []}
    gone = sa.text("gone_at IS NOT NULL")
    for name, columns in by.items():
        found = [*columns, *(["status"] if name in ("group", "activity") else []), "gone_at"]
        op.create_index(
            f"archived_sessions_by_{name}", "archived_sessions", found, sqlite_where=gone, postgresql_where=gone
        )
    live = sa.text("gone_at IS NULL")
    op.create_index("archived_sessions_live", "archived_sessions", ["id"], sqlite_where=live, postgresql_where=live)
    if op.get_bind().dialect.name == "sqlite":
        op.create_index("archived_sessions_plain", "archived_sessions", _PLAIN, sqlite_where=gone)


def _make_belongings() -> None:
    op.create_table(
        "archived_checkpoints",
        _key("session_id"),
        _number("number", key=True),
        sa.Column("pinned", sa.Boolean, nullable=False),
        _bytes("document"),
        _bytes("state", optional=True),
    )
    op.create_table(
        "archived_journal", _key("session_id"), _key("run_id"), _key("key"), _number("position"), _bytes("document")
    )
    op.create_table("archived_inbox", _key("session_id"), _key("id"), _bytes("document"))
    op.create_table("archived_claims", _key("key"), _text("value"), _text("session_id", optional=True))
    op.create_index("archived_claims_by_session", "archived_claims", ["session_id"])


def upgrade() -> None:
    """Make all tables."""
    _make_sessions()
    _make_belongings()
    op.create_table("archived_groups", _key("id"), _number("version"), _time("created_at"), _bytes("document"))
    op.create_index("archived_groups_by_creation", "archived_groups", ["created_at", "id"])
    op.create_table(
        "archived_events",
        _key("subject"),
        _number("version", key=True),
        _number("place", key=True),
        _number("seq"),
        *(_text(name, optional=True) for name in ("session_id", "group_id")),
        _time("ts"),
        _text("type"),
        _bytes("document"),
    )
    by = {"session": ["session_id", "seq"], "group": ["group_id", "seq"], "number": ["seq"], "time": ["ts"]}
    for name, columns in by.items():
        op.create_index(f"archived_events_by_{name}", "archived_events", columns)
    op.create_table("archived_counters", _key("name"), sa.Column("value", sa.Double, nullable=False))
    op.create_table("archived_documents", _key("kind"), _key("name"), _bytes("body"))
    op.create_table("archive_meta", _key("key"), _text("value"))
