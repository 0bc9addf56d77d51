"""ContextsDialog and ConnectingScreen: choosing where to look, and the wait until it is known whether it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from nexus.errors import NexusError, StoreUnavailable
from nexus.service import Service
from nexus_tui.beginning import begin
from nexus_tui.config.contexts import context_of
from nexus_tui.connection import Connection, Opens
from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.switching import NamedPlace
from nexus_tui.viewmodels.held_rows import HeldRows
from nexus_widgets import Column, Row, Toned, VirtualTable, clean

PATIENCE: Final = 10.0
"""Seconds that a place gets to answer."""
_COLUMNS = (
    Column("name", "CONTEXT", 16, min_width=8, flex=1, sortable=False, priority=3),
    Column("where", "WHERE", 30, min_width=8, flex=2, sortable=False, priority=2),
    Column("notes", "", 16, sortable=False, priority=1),
)


class ContextsDialog(ModalScreen[str | None]):
    """Gives the contexts that were chosen, with commas between them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave", show=False),
        Binding("c", "leave", "Leave", show=False, id="dialog.context"),
    ]

    def __init__(self, places: Sequence[NamedPlace], here: Collection[str]) -> None:
        """Make the dialog.

        Args:
            places: The contexts.
            here: Names of those that are looked at now.
        """
        super().__init__(classes="dialog")
        rows = HeldRows()
        rows.rows = tuple(Row(each.name, _cells(each, here)) for each in places)
        self._names = [each.name for each in places]
        self._table = VirtualTable(
            _COLUMNS, rows, empty="none yet: nexus contexts add NAME --server URL makes one", id="contexts-table"
        )

    def compose(self) -> ComposeResult:
        """A frame with the contexts."""
        with Vertical(classes="dialog--frame") as frame:
            frame.border_title = Text("Contexts")
            yield self._table
            yield Static(Text("⏎ goes there · space marks several for one list · esc leaves"), classes="dialog--label")

    def on_mount(self) -> None:
        """Start at the first."""
        self._table.focus()

    def on_virtual_table_row_selected(self, event: VirtualTable.RowSelected) -> None:
        """Go to the marked ones, or to the one under the cursor."""
        event.stop()
        marked = [name for name in self._names if self._table.is_marked(name)]
        self.dismiss(",".join(marked or [event.key]))

    def action_leave(self) -> None:
        """Stay."""
        self.dismiss(None)


def _cells(place: NamedPlace, here: Collection[str]) -> tuple[str | Toned, ...]:
    notes = [word for word, holds in (("here", place.name in here), ("read-only", place.read_only)) if holds]
    return clean(place.name, limit=64), Toned(clean(place.where, limit=300), "muted"), Toned(" ".join(notes), "info")


@dataclass(frozen=True, slots=True)
class Connected:
    """What came of it: the service of a place, or why there is none."""

    connection: Connection
    service: Service | None = None
    error: NexusError | None = None


class ConnectingScreen(ModalScreen[Connected]):
    """Connects, and is dismissed with what came of it. Nothing can be begun meanwhile, so nothing is cut off."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "stop", "Stop", show=False)]

    def __init__(self, target: Opens) -> None:
        """Prepare.

        Args:
            target: Where to.
        """
        super().__init__(classes="dialog")
        self._connection = Connection(target)

    def compose(self) -> ComposeResult:
        """A frame with one line."""
        with Vertical(classes="dialog--frame") as frame:
            frame.border_title = Text("Context")
            yield ToneLines(id="connecting-told")
            with Horizontal(classes="dialog--buttons"):
                yield Button(Text("esc Stay here"), id="stop", compact=True)

    def on_mount(self) -> None:
        """Begin."""
        label = clean(context_of(self._connection.target), limit=200)
        self.query_one("#connecting-told", ToneLines).lines = (Line((Toned(f"Connecting to {label} …"),)),)
        begin(self, self._connect, "connecting", exclusive=True)

    async def _connect(self) -> None:
        connection, service, error = self._connection, None, None
        try:
            async with asyncio.timeout(PATIENCE):
                service = await connection.first()
        except NexusError as refused:
            error = refused
        except TimeoutError:
            error = StoreUnavailable(f"it did not answer within {PATIENCE:.0f} s")
        self.dismiss(Connected(connection, service, error))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Stay."""
        event.stop()
        self.action_stop()

    def action_stop(self) -> None:
        """Stay where it is."""
        self.workers.cancel_group(self, "connecting")
        self.dismiss(Connected(self._connection))
