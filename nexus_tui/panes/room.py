"""How much room a terminal gives: one width divides all screens into narrow and wide."""

from __future__ import annotations

from typing import Final

WIDE: Final = 110
"""Cells from which on a line has room for all its words, and panes stand side by side."""
ROOMY: Final = 136
"""Cells from which on panes beside a table grow too."""
