"""Where the goldens of terminal screens live: `snapshots/<path of the test module>/<test>.svg`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_textual_snapshot import SVGImageExtension

if TYPE_CHECKING:
    from syrupy.location import PyTestLocation

TESTS = Path(__file__).parent
SNAPSHOTS = TESTS.parent / "snapshots"


class ScreenExtension(SVGImageExtension):  # type: ignore[misc]  # the plugin has no types
    """Goldens as plain SVG files, outside the tests, in a folder for each test module."""

    file_extension = "svg"

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        """Return the folder of a test module's goldens."""
        module = Path(test_location.filepath).resolve().relative_to(TESTS).with_suffix("")
        return str(SNAPSHOTS / module)

    @classmethod
    def discovery_dirname(cls, *, test_location: PyTestLocation) -> str:
        """Return the folder that is searched for unused goldens."""
        return cls.dirname(test_location=test_location)
