"""CommandScreen: what all screens of the console share: running commands, saying what came of them, and help."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from textual.binding import Binding, BindingType
from textual.screen import Screen

from nexus.errors import InvalidInput, NexusError, StoreUnavailable
from nexus_tui.commands import Command, Place, find_command, footer_of
from nexus_tui.config.contexts import as_configured
from nexus_tui.panes.key_bar import KeyBar
from nexus_tui.panes.room import ROOMY, WIDE
from nexus_tui.panes.top_bar import TopBar
from nexus_tui.screens.command_line import CommandLine
from nexus_tui.screens.contexts import ConnectingScreen, ContextsDialog
from nexus_tui.screens.help import HelpScreen
from nexus_tui.screens.log import LogScreen
from nexus_tui.switching import BEFORE, EVERY, named
from nexus_widgets import clean
from nexus_widgets.lean_painting import paint_lean

if TYPE_CHECKING:
    from nexus_tui.app import NexusConsole
    from nexus_tui.connection import Opens
    from nexus_tui.feed import Feed


class CommandScreen(Screen[None]):
    """A screen of the console. Each command ``name`` of its place is done by ``do_name(argument)``."""

    place: ClassVar[Place]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "Next pane", show=False, id="line.next-pane"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide"), (ROOMY, "-roomy")]  # noqa: RUF012  Textual's own declaration
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        paint_lean(self)

    @property
    def console(self) -> NexusConsole:
        """The app."""
        return cast("NexusConsole", self.app)

    @property
    def feed(self) -> Feed:
        """The gateway to sessions."""
        return self.console.feed

    @cached_property
    def commands(self) -> tuple[Command, ...]:
        """This screen's commands, with the keys that are in force."""
        return self.console.config.keymap.commands(self.place)

    def offers(self, command: Command) -> bool:
        """Whether a command would do something now; the footer shows only those.

        Args:
            command: One of this screen's.
        """
        return not self.refusal(command)

    def refusal(self, command: Command) -> str:
        """Why a command would do nothing here and now, in a few words; empty where it would.

        Args:
            command: One of this screen's.
        """
        if command.name == "context" and self.console.player is not None:
            return "a recording is played: there is nowhere else to go"
        return ""

    # Commands

    def action_command(self, name: str) -> None:
        """Run a command by its name."""
        command = find_command(name, self.place)
        if command is not None:
            self.run_command(command, "")

    def run_command(self, command: Command, argument: str) -> None:
        """Run a command; what it refuses is said in a notice.

        Args:
            command: One of this screen's.
            argument: What followed its name on the command line.
        """
        # What was said of the command before this one would lie over a dialog's buttons.
        self.app.clear_notifications()
        do: Callable[[str], None] = getattr(self, f"do_{command.method}")
        try:
            if command.changes:
                self.check_changes()
            do(argument)
        except NexusError as error:
            self.complain(error)

    def check_changes(self) -> None:
        """Refuse a change where nothing may be changed, or can be.

        Raises:
            PermissionDenied: With why.
            StoreUnavailable: There is no connection: what is asked for first would be asked in vain.
        """
        self.feed.check_writable()
        if self.feed.link.state == "lost":
            raise StoreUnavailable("There is no connection: nothing was changed.")

    def on_key_bar_pressed(self, event: KeyBar.Pressed) -> None:
        """Run what was clicked in the footer."""
        event.stop()
        self.action_command(event.name)

    def draw_top(self, waiting: int | None = None) -> None:
        """Draw the first line: where the console looks, whether it is live, how much there is.

        Args:
            waiting: Updates held back while the view is paused; ``None`` when it isn't.
        """
        bar, console = self.query_one("#top-bar", TopBar), self.console
        bar.show(self.feed, console.context, namespace=console.namespace, waiting=waiting)

    def show_keys(self) -> None:
        """Offer in the footer what works here and now."""
        # What is played is stopped and played on more than anything else.
        first = "" if self.console.player is None else "pause"
        self.query_one(KeyBar).show(filter(self.offers, footer_of(self.commands, first)))

    def tell(self, message: str) -> None:
        """Say what has been done."""
        self.notify(clean(message, limit=500), markup=False, timeout=4)

    def complain(self, error: NexusError) -> None:
        """Say what was refused, and why."""
        # Nothing was typed, mostly: a key was pressed where it can't do anything.
        title = "Not done" if isinstance(error, InvalidInput) else error.title
        self.notify(clean(error.message, limit=500), title=title, severity="error", markup=False, timeout=8)

    # Commands of all screens

    def do_back(self, _: str) -> None:
        """Leave the screen."""
        self.dismiss()

    def do_command(self, _: str) -> None:
        """Open the command line."""

        def run(chosen: tuple[Command, str] | None) -> None:
            if chosen is not None:
                self.run_command(*chosen)

        self.app.push_screen(CommandLine(self.place, self.console.kept.history, self.arguments_of), run)

    def arguments_of(self, command: Command) -> list[str]:
        """What may follow a command's name on the command line, as far as that is known.

        Args:
            command: One of this screen's.
        """
        if command.name == "context":
            return self._contexts()
        return sorted(self.app.available_themes) if command.name == "theme" else []

    def _contexts(self) -> list[str]:
        try:
            names = [each.name for each in self.console.places.known()]
        except InvalidInput:  # It is told when one is gone to.
            return []
        every = [EVERY] if len(names) > 1 else []
        return [*names, *every, *([BEFORE] if self.console.before is not None else [])]

    def do_palette(self, _: str) -> None:
        """Search all commands."""
        self.app.action_command_palette()

    def do_help(self, _: str) -> None:
        """Show all keys, and which of them do nothing now, and why."""
        self.app.push_screen(HelpScreen(self.commands, self.refusal))

    def do_log(self, _: str) -> None:
        """Show what was done."""
        self.app.push_screen(LogScreen(self.console.log_of_actions))

    def do_quit(self, _: str) -> None:
        """Leave the console."""
        self.app.exit(0)

    def do_context(self, names: str) -> None:
        """Go to another context, or several, or back; without a name, choose."""
        if self.console.player is not None:
            raise InvalidInput("A recording is played: nexus console --context NAME goes elsewhere", field="context")
        if names:
            self._go_to_context(names)
        else:
            here = self.console.context.split(" + ")
            self.app.push_screen(ContextsDialog(self.console.places.known(), here), self._go_to_context)

    def _go_to_context(self, names: str | None) -> None:
        if not names:
            return
        try:
            target = self._place(names)
        except InvalidInput as error:
            self.complain(error)
            return
        self.app.push_screen(ConnectingScreen(target), self.console.take_connected)

    def _place(self, names: str) -> Opens:
        places, before = self.console.places, self.console.before
        if names != BEFORE:
            return as_configured(places.target(named(names, places)), self.console.config)
        if before is None:
            raise InvalidInput("There is no context before this one: nothing was done", field="context")
        return before

    def do_theme(self, name: str) -> None:
        """Take another theme."""
        self.console.choose_theme(name)


def nothing_under_the_cursor(noun: Literal["session", "group"] = "session") -> InvalidInput:
    """The refusal of a command that needs a session, or a group.

    Args:
        noun: What it needs.
    """
    field = "session_id" if noun == "session" else noun
    return InvalidInput(f"There is no {noun} under the cursor: nothing was done", field=field)
