"""Each widget looks as it did when a person last looked at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nexus_widgets.demo.apps import DEMOS, FilterDemo, JsonDemo, LogDemo, TableDemo
from tests.snapshot_extension import SNAPSHOTS
from tests.widgets.support import settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App
    from textual.pilot import Pilot

    Compare = Callable[..., bool]

pytestmark = pytest.mark.usefixtures("steady_cursor")

SIZES = {"80x24": (80, 24), "140x40": (140, 40)}
STATES: dict[str, tuple[type[App[None]], tuple[str, ...]]] = {
    "table_marked_and_moved": (TableDemo, ("j", "space", "j", "j", "space", "j")),
    "table_at_the_end": (TableDemo, ("end",)),
    "json_search": (JsonDemo, ("j", "j", "j", "right", "right", "right")),
    "log_filtered": (LogDemo, ("f",)),
    "filter_completions": (FilterDemo, (*"status", "colon", *"fai", "comma", "down", "down")),
    "filter_mistake": (
        FilterDemo,
        (*"age", "greater_than_sign", "5", "m", "space", *"nonsense", "colon", "1", "enter"),
    ),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", sorted(DEMOS))
def test_demo(snap_compare: Compare, name: str, size: str) -> None:
    assert snap_compare(DEMOS[name](), terminal_size=SIZES[size], run_before=settle)


@pytest.mark.parametrize("name", sorted(STATES))
def test_state(snap_compare: Compare, name: str) -> None:
    app, keys = STATES[name]

    async def reach(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await pilot.press(*keys)
        await settle(pilot)

    assert snap_compare(app(), terminal_size=SIZES["80x24"], run_before=reach)


@pytest.mark.parametrize("theme", ["textual-light", "gruvbox", "ansi-dark"])
def test_theme(snap_compare: Compare, theme: str) -> None:
    app = DEMOS["overview"]()
    app.theme = theme
    assert snap_compare(app, terminal_size=SIZES["80x24"], run_before=settle)


def test_every_golden_belongs_to_a_test() -> None:
    expected = {f"test_demo[{name}-{size}].svg" for name in DEMOS for size in SIZES}
    expected |= {f"test_state[{name}].svg" for name in STATES}
    expected |= {f"test_theme[{theme}].svg" for theme in ("textual-light", "gruvbox", "ansi-dark")}
    assert {path.name for path in (SNAPSHOTS / "widgets" / "test_goldens").iterdir()} == expected
