"""``nexus sessions``."""

from nexus_tui.cli.commands.sessions import bulk, changing, explaining, moving, reading
from nexus_tui.cli.commands.sessions.base import app

__all__ = ["app", "bulk", "changing", "explaining", "moving", "reading"]
