"""Where the examples are: beside this package in a checkout, inside of it when installed from a wheel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nexus_tui
from nexus.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Examples:
    """The examples as a package.

    Args:
        folder: Where its files are.
        package: Its name.
        root: What must be on the path to import it.
    """

    folder: Path
    package: str
    root: Path

    @property
    def app(self) -> str:
        """For ``--app``."""
        return f"{self.folder / 'nexus_app.py'}:app"


def find_examples() -> Examples:
    """The examples of this installation.

    Raises:
        InvalidInput: They were not installed.
    """
    home = Path(nexus_tui.__file__).parent
    for folder, package, root in (
        (home / "examples", "nexus_tui.examples", home.parent),
        (home.parent / "examples", "examples", home.parent),
    ):
        if (folder / "nexus_app.py").is_file():
            return Examples(folder, package, root)
    raise InvalidInput("the examples are not part of this installation: name an app with --app", field="app")
