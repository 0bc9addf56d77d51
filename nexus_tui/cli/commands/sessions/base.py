"""The group that the commands of ``nexus sessions`` join."""

from __future__ import annotations

from nexus_tui.cli.invocation import group

app = group("List, show, change, watch and move sessions.")
