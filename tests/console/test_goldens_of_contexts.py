"""Several contexts in one list, the dialog that chooses among them, and a very large terminal, as a person saw them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from textual.pilot import Pilot

from nexus.service import Service
from nexus_tui.app import NexusConsole
from nexus_tui.connection import Opens
from nexus_tui.merged.target import MergedTarget
from nexus_tui.switching import NamedPlace
from nexus_widgets import VirtualTable
from tests.console.test_goldens import SIZES, Compare, Stage, connected, rest
from tests.console.world import StandingClock, a_world, populate
from tests.snapshot_extension import SNAPSHOTS

MERGED: dict[str, tuple[str, ...]] = {
    "list": (),
    "marked": ("space", "j", "j", "space"),
    "choosing": ("c", "j", "space"),
}
LARGE = (300, 80)

pytestmark = pytest.mark.usefixtures("steady_cursor")


@dataclass
class Part:
    """One of several contexts, with so many sessions."""

    sessions: int
    read_only: bool = False
    label: str = "part"
    clock: StandingClock = field(default_factory=StandingClock)

    @asynccontextmanager
    async def open_service(self) -> AsyncIterator[Service]:
        async with a_world(self.clock) as world:
            await populate(world, self.sessions)
            yield world.service


class TwoPlaces:
    """The contexts of the dialog."""

    def known(self) -> list[NamedPlace]:
        """Two."""
        return [
            NamedPlace("prod", "https://nexus.example.com", read_only=True),
            NamedPlace("staging", "sqlite:///srv/staging.sqlite3"),
        ]

    def target(self, names: Sequence[str]) -> Opens:
        """Not gone to here."""
        raise NotImplementedError


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", MERGED)
def test_merged(snap_compare: Compare, name: str, size: str) -> None:
    target = MergedTarget({"prod": Part(48, read_only=True), "staging": Part(9)})
    console = NexusConsole(target, clock=StandingClock(), beat=0, places=TwoPlaces())

    async def reach(pilot: Pilot[int]) -> None:
        while any(each.state != "live" for each in target.contexts.states()):
            await pilot.pause(0.02)
        await connected(pilot)
        for key in MERGED[name]:
            await pilot.press(key)
            await pilot.pause(0.02)
            # What a key opens is there, with its rows, before the next one.
            while name == "choosing" and not console.screen.query("#contexts-table"):
                await pilot.pause(0.02)
            while name == "choosing" and not console.screen.query_one("#contexts-table", VirtualTable).total:
                await pilot.pause(0.02)
        await rest(pilot)

    assert snap_compare(console, terminal_size=SIZES[size], run_before=reach)


def test_large(snap_compare: Compare) -> None:
    stage = Stage()

    async def reach(pilot: Pilot[int]) -> None:
        await connected(pilot)

    console = NexusConsole(stage, clock=stage.clock, beat=0)
    assert snap_compare(console, terminal_size=LARGE, run_before=reach)


def test_every_golden_belongs_to_a_test() -> None:
    expected = {f"test_merged[{name}-{size}].svg" for name in MERGED for size in SIZES} | {"test_large.svg"}
    assert {path.name for path in (SNAPSHOTS / "console" / "test_goldens_of_contexts").iterdir()} == expected
