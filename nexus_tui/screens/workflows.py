"""WorkflowsScreen: what can be run, and how it goes."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType

from nexus.errors import NexusError
from nexus.model import WorkflowInfo
from nexus.query.format import quote
from nexus_tui.beginning import begin
from nexus_tui.commands import Command, bindings_of
from nexus_tui.feed import Changed, Link
from nexus_tui.panes.about import AboutPane
from nexus_tui.panes.key_bar import KeyBar
from nexus_tui.panes.past_bar import PastBar
from nexus_tui.panes.top_bar import TopBar
from nexus_tui.screens.moving import SteppingScreen
from nexus_tui.viewmodels.held_rows import HeldRows
from nexus_tui.viewmodels.workflow_rows import WORKFLOW_COLUMNS, workflow_names, workflow_row, workflow_words
from nexus_tui.workload import Workload, workloads
from nexus_widgets import VirtualTable, clean


class WorkflowsScreen(SteppingScreen):
    """A table of workflows over what the one under the cursor is and takes."""

    place = "workflows"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("workflows")]

    def __init__(self) -> None:
        super().__init__()
        self._infos: dict[str, WorkflowInfo] = {}
        self._loads: dict[str, Workload] = {}
        self._rows = HeldRows()
        self.table = VirtualTable(WORKFLOW_COLUMNS, self._rows, empty="no workflow is registered, and none has run",
                                  id="workflows-table")  # fmt: skip

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield TopBar(id="top-bar")
        yield PastBar(self.console.journey, self.feed, id="past")
        yield self.table
        yield AboutPane(id="workflow-about")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Ask what there is, and follow the figures."""
        self.table.border_title = Text("workflows")
        self.table.focus()
        self.feed.beaten.subscribe(self, self._take_beat)
        self.feed.changed.subscribe(self, self._take_changes)
        begin(self, self._load, "load", exclusive=True)
        self._draw()

    def _take_changes(self, changed: Changed) -> None:
        if changed.moved:
            self._loads.clear()
            begin(self, self._load, "load", exclusive=True)

    def _take_beat(self, _: Link) -> None:
        self._draw()

    async def _load(self) -> None:
        try:
            self._infos = {info.name: info for info in await self.feed.workflows()}
            self._draw()
            async for name, load in workloads(self.feed, self._counts):
                self._loads[name] = load
                self._draw()
        except NexusError as error:
            self.complain(error)

    def _names(self) -> list[str]:
        statistics = self.feed.statistics
        return workflow_names(list(self._infos.values()), statistics.by_workflow if statistics else {})

    def _counts(self) -> dict[str, int]:
        statistics = self.feed.statistics
        counts = statistics.by_workflow if statistics else {}
        return {name: counts.get(name, 0) for name in self._names()}

    def _draw(self) -> None:
        self.draw_top()
        counts = self.feed.statistics.by_workflow if self.feed.statistics else {}
        rows = tuple(
            workflow_row(name, registered=name in self._infos, sessions=counts.get(name, 0), load=self._loads.get(name))
            for name in self._names()
        )
        if rows != self._rows.rows:
            self._rows.rows = rows
            self.table.invalidate()
        self.table.border_title = Text("workflows" if self.feed.past is None else "workflows, registered as of now")
        self._draw_about()
        self.show_keys()

    def _draw_about(self) -> None:
        name = self.table.cursor_key
        pane = self.query_one("#workflow-about", AboutPane)
        pane.border_title = Text(clean(name, limit=80) if name is not None else "")
        pane.show(workflow_words(self._infos.get(name)) if name is not None else [])

    def on_virtual_table_row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        """Show what it is."""
        event.stop()
        self._draw_about()
        self.show_keys()

    def on_virtual_table_row_selected(self, event: VirtualTable.RowSelected) -> None:
        """Show its sessions."""
        event.stop()
        self.action_command("open")

    def refusal(self, command: Command) -> str:
        """Nothing to open in an empty table."""
        if command.name == "open" and self.table.cursor_key is None:
            return "there is no workflow under the cursor"
        return super().refusal(command)

    def do_open(self, _: str) -> None:
        """Show the sessions of the workflow under the cursor."""
        name = self.table.cursor_key
        if name is not None:
            self.console.show_only(f"workflow={quote(name)}")
