"""The dialogs for acting on many, undoing and editing look as they did when a person last looked at them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from nexus.model.bulk import BulkReport, BulkRequest
from nexus_tui.app import NexusConsole
from nexus_tui.screens.changes import ChangesDialog
from nexus_tui.screens.plan import PlanScreen
from nexus_tui.screens.progress import ProgressScreen
from nexus_tui.screens.report import ReportDialog
from tests.console.test_feed import Line
from tests.console.test_goldens import SIZES, THEMED, Compare, Stage, connected, rest
from tests.console.world import World, a_world, populate
from tests.snapshot_extension import SNAPSHOTS

PLAN_OF_ALL = ("asterisk", "x", "enter")
PLAN_OF_TWO = ("space", "j", "space", "e", "enter")
ACTING: dict[str, tuple[str, ...]] = {
    "marked_all": ("asterisk", "j", "space"),
    "end_all": ("asterisk", "x"),
    "plan_end": PLAN_OF_ALL,
    "plan_end_wrong": (*PLAN_OF_ALL, "7", "enter"),
    "plan_extend": PLAN_OF_TWO,
    "plan_of_nothing": ("slash", *"status", "colon", *"expired", "enter", "asterisk", "e", "enter"),
    "plan_undo": (*PLAN_OF_TWO, "enter", "ctrl+z"),
    "end_group": ("g", "j", "x"),
    "plan_group": ("g", "j", "x", "enter"),
    "patch_many": ("space", "j", "space", "m"),
    "signal_many": ("space", "j", "space", "i"),
    "progress": (*PLAN_OF_ALL, *"20", "enter"),
    "progress_stopping": (*PLAN_OF_ALL, *"20", "enter", "escape"),
    "report": (*PLAN_OF_ALL, *"20", "enter"),
    "edited": ("m",),
    "edited_wrong": ("m",),
    "edited_conflict": ("m", "enter"),
}
SEEN_IN_THEMES = ("plan_end", "report", "edited_conflict")
EDITORS = {
    "edited_wrong": "path.write_text('{oops')",
    "": "path.write_text(path.read_text().replace('19004', '5').replace('\"organization\"', '\"tenant\"'))",
}

pytestmark = pytest.mark.usefixtures("steady_cursor")


class Meddling(Line):
    """A line on which others change sessions meanwhile, or on which the answer takes its time."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self._name = name

    async def bulk(self, request: BulkRequest) -> BulkReport:
        """Ask; what is done comes late, or others come before it."""
        if not request.dry_run and self._name.startswith("progress"):
            await asyncio.Event().wait()
        if not request.dry_run and self._name == "report":
            await self.world.service.patch_session((request.ids or ())[3], {"meanwhile": True})
            await self.world.service.patch_session((request.ids or ())[5], {"meanwhile": True})
        return await self.world.service.bulk(request)

    async def patch_session(self, session_id: str, patch: Any, *, if_version: int | None = None) -> Any:
        """Patch it, after another has."""
        await self.world.service.patch_session(session_id, {"bytes": 20_480, "skipped": None})
        return await self.world.service.patch_session(session_id, patch, if_version=if_version)


class MeddlingStage(Stage):
    """A stage with such a line."""

    name = ""

    @asynccontextmanager
    async def open_service(self):  # type: ignore[no-untyped-def]
        async with a_world(self.clock) as world:
            await populate(world)
            yield Meddling(world, self.name)


def settled(console: NexusConsole, name: str) -> bool:
    """Whether what a key began has come to what it leads to."""
    screen = console.screen
    if isinstance(screen, PlanScreen):
        return screen._plan is not None
    return not isinstance(screen, ProgressScreen) or name.startswith("progress")


@pytest.fixture
def compared(
    snap_compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str, str | None], bool]:
    """Whether a screen, reached by its keys, is as it was."""
    editor = tmp_path / "editor.py"
    monkeypatch.setenv("VISUAL", f"{sys.executable} {editor}")

    @contextmanager
    def suspend(_: NexusConsole) -> Iterator[None]:
        yield

    monkeypatch.setattr(NexusConsole, "suspend", suspend)

    def compare(name: str, size: str, theme: str | None) -> bool:
        body = EDITORS.get(name, EDITORS[""])
        editor.write_text(f"import pathlib, sys\npath = pathlib.Path(sys.argv[1])\n{body}\n", encoding="utf-8")
        stage = MeddlingStage()
        stage.name = name
        console = NexusConsole(stage, clock=stage.clock, beat=0, theme=theme)

        async def reach(pilot: Pilot[int]) -> None:
            await connected(pilot)
            for key in ACTING[name]:
                await pilot.press(key)
                await pilot.pause(0.02)
                while not settled(console, name):
                    await pilot.pause(0.02)
            wanted = {"report": ReportDialog, "edited": ChangesDialog, "progress": ProgressScreen}.get(
                name.partition("_")[0]
            )
            while wanted is not None and not isinstance(console.screen, wanted):
                await pilot.pause(0.02)
            if name == "edited_conflict":
                while "It has changed" not in str(console.screen.query_one(".dialog--frame").border_title):
                    await pilot.pause(0.02)
            await rest(pilot)

        return snap_compare(console, terminal_size=SIZES[size], run_before=reach)

    return compare


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ACTING)
def test_acting(compared: Callable[[str, str, str | None], bool], name: str, size: str) -> None:
    assert compared(name, size, None)


@pytest.mark.parametrize("theme", THEMED)
@pytest.mark.parametrize("name", SEEN_IN_THEMES)
def test_theme(
    compared: Callable[[str, str, str | None], bool], monkeypatch: pytest.MonkeyPatch, name: str, theme: str
) -> None:
    if theme == "no-color":
        monkeypatch.setenv("NO_COLOR", "1")
    assert compared(name, "140x40", None if theme == "no-color" else theme)


def test_every_golden_belongs_to_a_test() -> None:
    expected = {f"test_acting[{name}-{size}].svg" for name in ACTING for size in SIZES}
    expected |= {f"test_theme[{name}-{theme}].svg" for name in SEEN_IN_THEMES for theme in THEMED}
    assert {path.name for path in (SNAPSHOTS / "console" / "test_goldens_of_acting").iterdir()} == expected
