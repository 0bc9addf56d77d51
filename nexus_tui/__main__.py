"""``python -m nexus_tui``: the same as ``nexus``."""

from __future__ import annotations

import sys

from nexus_tui.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
