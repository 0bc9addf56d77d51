"""Start a demo by its name; without a name, list them."""

from __future__ import annotations

import argparse
import sys

from nexus_widgets.demo.apps import DEMOS


def main() -> int:
    """Run the demo named on the command line.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m nexus_widgets.demo", description="Show a widget by itself.")
    parser.add_argument("name", nargs="?", choices=sorted(DEMOS), help="which one; left out, they are listed")
    name = parser.parse_args().name
    if name is None:
        sys.stdout.writelines(f"{each:<10} {DEMOS[each].__doc__}\n" for each in sorted(DEMOS))
        return 0
    DEMOS[name]().run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
