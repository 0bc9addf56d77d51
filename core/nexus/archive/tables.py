"""The archive's tables, as SQLAlchemy Core sees them; ``migrations`` makes them.

Documents, states and runs are the bytes of ``nexus.stores.codec``: the truth. The other columns are what
lists filter and sort by, and are derived from them. Times are seconds since the epoch (UTC). A session that Redis
has let go keeps its row, and ``gone_at`` says since when; while that is ``NULL``, Redis should hold it.

Text is compared by its code points in every database, so keys of pages mean the same everywhere. The one character
that PostgreSQL's text can't hold, NUL, stands there as U+FFFD; documents keep it.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, LargeBinary, MetaData, Table, Text, text
from sqlalchemy.types import TypeEngine

metadata: Final = MetaData()

_NAME: Final[TypeEngine[str]] = Text().with_variant(Text(collation="C"), "postgresql")
_BYTES: Final = LargeBinary
_TIME: Final = Double


def _key(name: str) -> Column[str]:
    return Column(name, _NAME, primary_key=True)


def _text(name: str, *, optional: bool = False) -> Column[Any]:
    return Column(name, _NAME, nullable=optional)


HISTORY_INDEXES: Final = {
    "name": ("id",),
    "creation": ("created_at", "id"),
    "activity": ("last_activity", "id", "status"),
    "status": ("status", "created_at", "id"),
    "group": ("group_id", "created_at", "id", "status"),
    "parent": ("parent_id", "created_at", "id"),
    "user": ("user_id", "created_at", "id"),
    "leave": (),
}
_PLAIN: Final = (
    "created_at", "id", "status", "step", "version", "duration", "last_activity", "expires_at", "ended_at", "workflow",
    "user_id", "group_id", "parent_id", "owner", "channel", "channels", "gone_at",
)  # fmt: skip

sessions: Final = Table(
    "archived_sessions",
    metadata,
    _key("id"),
    Column("version", BigInteger, nullable=False),
    _text("status"),
    _text("channel"),
    _text("channels"),
    _text("workflow", optional=True),
    _text("user_id", optional=True),
    _text("group_id", optional=True),
    _text("parent_id", optional=True),
    _text("owner"),
    Column("created_at", _TIME, nullable=False),
    Column("last_activity", _TIME, nullable=False),
    Column("expires_at", _TIME),
    Column("ended_at", _TIME),
    Column("step", BigInteger, nullable=False),
    Column("duration", _TIME),
    Column("gone_at", _TIME),
    Column("document", _BYTES, nullable=False),
    Column("state", _BYTES, nullable=False),
    Column("run", _BYTES),
    *(
        Index(
            f"archived_sessions_by_{name}",
            *columns,
            "gone_at",
            sqlite_where=text("gone_at IS NOT NULL"),
            postgresql_where=text("gone_at IS NOT NULL"),
        )
        for name, columns in HISTORY_INDEXES.items()
    ),
    Index(
        "archived_sessions_live",
        "id",
        sqlite_where=text("gone_at IS NULL"),
        postgresql_where=text("gone_at IS NULL"),
    ),
    Index("archived_sessions_plain", *_PLAIN, sqlite_where=text("gone_at IS NOT NULL")).ddl_if(dialect="sqlite"),
)
"""The bytes come last: who looks at the other columns of a row on SQLite need not walk over a large state.

One index finds what a live store should hold. The others hold what was let go only, so changing what is live moves
none of them, and all that pages and ranks of history need, so that these are found without reading rows; for that,
SQLite wants ``gone_at`` itself in them too. SQLite keeps documents among the columns, so it has an index of all
columns but those for what must look at every session.
"""

checkpoints: Final = Table(
    "archived_checkpoints",
    metadata,
    _key("session_id"),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("pinned", Boolean, nullable=False),
    Column("document", _BYTES, nullable=False),
    Column("state", _BYTES),
)

journal: Final = Table(
    "archived_journal",
    metadata,
    _key("session_id"),
    _key("run_id"),
    _key("key"),
    Column("position", BigInteger, nullable=False),
    Column("document", _BYTES, nullable=False),
)
"""``position`` rises in the order in which the entries of a session were committed."""

inbox: Final = Table(
    "archived_inbox",
    metadata,
    _key("session_id"),
    _key("id"),
    Column("document", _BYTES, nullable=False),
)

claims: Final = Table(
    "archived_claims",
    metadata,
    _key("key"),
    _text("value"),
    _text("session_id", optional=True),
    Index("archived_claims_by_session", "session_id"),
)

groups: Final = Table(
    "archived_groups",
    metadata,
    _key("id"),
    Column("version", BigInteger, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("document", _BYTES, nullable=False),
    Index("archived_groups_by_creation", "created_at", "id"),
)

events: Final = Table(
    "archived_events",
    metadata,
    _key("subject"),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    _text("session_id", optional=True),
    _text("group_id", optional=True),
    Column("ts", _TIME, nullable=False),
    _text("type"),
    Column("document", _BYTES, nullable=False),
    Index("archived_events_by_session", "session_id", "seq"),
    Index("archived_events_by_group", "group_id", "seq"),
    Index("archived_events_by_number", "seq"),
    Index("archived_events_by_time", "ts"),
)
"""``subject``, ``version`` and ``place`` say which event of which change it is: what makes a repeat harmless.

``seq`` is the number that the live store gave it; it rises within one shard of a store.
"""

counters: Final = Table(
    "archived_counters",
    metadata,
    _key("name"),
    Column("value", Double, nullable=False),
)

"""Names begin with the shard and a colon."""

documents: Final = Table(
    "archived_documents",
    metadata,
    _key("kind"),
    _key("name"),
    Column("body", _BYTES, nullable=False),
)
"""Documents of the system, such as tokens."""

audit: Final = Table(
    "archived_audit",
    metadata,
    _key("chain"),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _text("hash"),
    Column("document", _BYTES, nullable=False),
)
"""The audit's chains, as the live store has them."""

meta: Final = Table(
    "archive_meta",
    metadata,
    _key("key"),
    _text("value"),
)
