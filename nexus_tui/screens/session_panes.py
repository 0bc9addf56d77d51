"""SessionPanes: the panes of a session's screen in their two decks, and the commands that show and search them."""

from __future__ import annotations

from abc import abstractmethod

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from nexus.errors import InvalidInput
from nexus_tui.panes.about import AboutPane
from nexus_tui.panes.checkpoints import CheckpointsPane
from nexus_tui.panes.children import ChildrenPane
from nexus_tui.panes.tab_line import TabLine
from nexus_tui.screens.prompt import PromptLine
from nexus_tui.screens.steering import SteeringScreen
from nexus_tui.viewmodels.words import plural
from nexus_widgets import DiffView, EventLog, JsonTree, json_path

LEFT = ("state", "metadata", "diff", "raw")
RIGHT = ("checkpoints", "events", "children", "about")
"""The panes of the two decks, in the order of their keys, 1 to 8."""


class Deck(ContentSwitcher):
    """Panes of which one is seen."""

    ALLOW_MAXIMIZE = True


class SessionPanes(SteeringScreen):
    """Documents in the left deck, history and lineage in the right one; a narrow screen shows one deck."""

    front = "state"
    """The pane that was chosen last."""

    def decks(self) -> ComposeResult:
        """Both decks, side by side."""
        with Horizontal(id="decks"):
            with Deck(initial="pane-state", id="deck-left"):
                yield JsonTree(id="pane-state", open_depth=2, empty="nothing yet")
                yield JsonTree(id="pane-metadata", open_depth=2, empty="nothing yet")
                yield DiffView(id="pane-diff")
                yield JsonTree(id="pane-raw", open_depth=3, empty="nothing yet")
            with Deck(initial="pane-checkpoints", id="deck-right"):
                yield CheckpointsPane(id="pane-checkpoints")
                yield EventLog(id="pane-events", max_entries=2000)
                yield ChildrenPane(id="pane-children")
                yield AboutPane(id="pane-about")

    @abstractmethod
    def draw_frames(self) -> None:
        """Write the frames and the line of names: another pane is shown."""
        ...

    def pane_of(self, side: str) -> str:
        """The pane that a deck shows: ``left`` or ``right``."""
        return (self.query_one(f"#deck-{side}", Deck).current or "").removeprefix("pane-")

    def json_tree(self, name: str) -> JsonTree:
        """The tree of a pane."""
        return self.query_one(f"#pane-{name}", JsonTree)

    def show_front(self, name: str) -> None:
        """Bring a pane to the front of its deck."""
        side = "left" if name in LEFT else "right"
        self.front = name
        self.query_one(f"#deck-{side}", Deck).current = f"pane-{name}"
        self.set_class(side == "right", "-right-front")
        self.draw_frames()

    def bring(self, name: str) -> None:
        """Show a pane and focus what is in it."""
        self.show_front(name)
        pane = self.query_one(f"#pane-{name}")
        inner = pane if pane.can_focus else next((child for child in pane.query("*") if child.can_focus), pane)
        inner.focus()

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        """Show the pane that was clicked."""
        event.stop()
        self.bring(event.name)

    def zoomable(self) -> Widget | None:
        """The deck around what is focused."""
        focused = self.focused
        if focused is None:
            return None
        decks = (self.query_one("#deck-left"), self.query_one("#deck-right"))
        return next((deck for deck in decks if deck in focused.ancestors_with_self), None)

    def do_state(self, _: str) -> None:
        """The state."""
        self.bring("state")

    def do_metadata(self, _: str) -> None:
        """The metadata."""
        self.bring("metadata")

    def do_raw(self, _: str) -> None:
        """The whole record."""
        self.bring("raw")

    def do_checkpoints(self, _: str) -> None:
        """The checkpoints."""
        self.bring("checkpoints")

    def do_events(self, _: str) -> None:
        """The events."""
        self.bring("events")

    def do_children(self, _: str) -> None:
        """The children."""
        self.bring("children")

    def do_about(self, _: str) -> None:
        """The facts."""
        self.bring("about")

    def do_find(self, needle: str) -> None:
        """Find a text in the tree that is shown."""
        if needle:
            self._find(needle)
        else:
            self.app.push_screen(PromptLine("/", placeholder="find in the tree: keys and values"), self._find)

    def _find(self, needle: str | None) -> None:
        if needle is None:
            return
        name = self.pane_of("left")
        tree = self.json_tree(name if name != "diff" else "state")
        self.bring(name if name != "diff" else "state")
        found = tree.search(needle)
        if needle:
            self.tell(f"{plural(found, 'line')} with {needle!r}: n and N go through them" if found else "Not found")

    def do_copy_path(self, _: str) -> None:
        """Copy the JSON path under the cursor of the document that is shown."""
        name = self.pane_of("left")
        if name == "diff":
            change = self.query_one("#pane-diff", DiffView).change
            path = json_path(change.path) if change is not None else ""
        else:
            path = self.json_tree(name).path
        if not path:
            raise InvalidInput("There is no path under the cursor", field="path")
        self.app.copy_to_clipboard(path)
        self.tell(f"Copied {path}")
