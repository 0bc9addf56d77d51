"""CommandScreen: what the console's two screens share: running commands, and steering sessions by dialogs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual.screen import Screen
from textual.widget import Widget

from nexus.errors import InvalidInput, NexusError
from nexus_tui.commands import Command, Place, find_command, footer_of
from nexus_tui.panes.key_bar import KeyBar
from nexus_tui.screens.command_line import CommandLine
from nexus_tui.screens.form import FormDialog
from nexus_tui.screens.help import HelpScreen
from nexus_tui.screens.report import ReportDialog
from nexus_tui.screens.steering_dialogs import (
    EndDialog,
    ExtendDialog,
    ForkDialog,
    ResumeDialog,
    SignalDialog,
    names_of,
    read_extension,
)
from nexus_tui.steering import Change, Extend, Fork, Outcome
from nexus_tui.viewmodels.words import plural, until
from nexus_widgets import clean

if TYPE_CHECKING:
    from nexus_tui.app import NexusConsole
    from nexus_tui.feed import Feed


@dataclass(frozen=True, slots=True)
class Targets:
    """What a change acts on: sessions, and maybe a checkpoint of the only one."""

    ids: tuple[str, ...]
    checkpoint_id: str | None = None


class CommandScreen(Screen[None]):
    """A screen of the console. Each command ``name`` of its place is done by ``do_name(argument)``."""

    place: ClassVar[Place]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide"), (136, "-roomy")]  # noqa: RUF012  Textual's own declaration
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]  # noqa: RUF012

    @property
    def console(self) -> NexusConsole:
        """The app."""
        return cast("NexusConsole", self.app)

    @property
    def feed(self) -> Feed:
        """The gateway to sessions."""
        return self.console.feed

    # What a screen says of itself

    @abstractmethod
    def targets(self) -> Targets:
        """What a change would act on now."""
        ...

    @abstractmethod
    def done(self, outcomes: Sequence[Outcome], /) -> None:
        """Take note of a change whose commits are done or refused."""
        ...

    def offers(self, command: Command) -> bool:
        """Whether a command would do something now; the footer shows only those.

        Args:
            command: One of this screen's.
        """
        can_change = not self.feed.read_only and self.feed.link.state != "lost" and bool(self.targets().ids)
        return can_change or not command.changes

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Keep rows where they are while something is asked or confirmed."""
        yield

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
        do: Callable[[str], None] = getattr(self, f"do_{command.method}")
        try:
            if command.changes:
                self.feed.check_writable()
            do(argument)
        except NexusError as error:
            self.complain(error)

    def on_key_bar_pressed(self, event: KeyBar.Pressed) -> None:
        """Run what was clicked in the footer."""
        event.stop()
        self.action_command(event.name)

    def show_keys(self) -> None:
        """Offer in the footer what works here and now."""
        self.query_one(KeyBar).show(command for command in footer_of(self.place) if self.offers(command))

    def tell(self, message: str) -> None:
        """Say what has been done."""
        self.notify(clean(message, limit=500), markup=False, timeout=4)

    def complain(self, error: NexusError) -> None:
        """Say what was refused, and why."""
        self.notify(clean(error.message, limit=500), title=error.title, severity="error", markup=False, timeout=8)

    # Commands of both screens

    def do_command(self, _: str) -> None:
        """Open the command line."""

        def run(chosen: tuple[Command, str] | None) -> None:
            if chosen is not None:
                self.run_command(*chosen)

        self.app.push_screen(CommandLine(self.place), run)

    def do_palette(self, _: str) -> None:
        """Search all commands."""
        self.app.action_command_palette()

    def do_help(self, _: str) -> None:
        """Show all keys."""
        self.app.push_screen(HelpScreen(self.place, read_only=self.feed.read_only))

    def do_quit(self, _: str) -> None:
        """Leave the console."""
        self.app.exit(0)

    def do_theme(self, name: str) -> None:
        """Take another theme."""
        self.console.choose_theme(name)

    def do_zoom(self, _: str) -> None:
        """Let the focused pane fill the screen, and back."""
        if self.maximized is not None:
            self.minimize()
            return
        pane = self.zoomable()
        if pane is None or not self.maximize(pane, container=False):
            self.tell("Nothing here can be enlarged: go to a pane with Tab first")

    def zoomable(self) -> Widget | None:
        """The pane that ``zoom`` enlarges."""
        return self.focused

    # Steering

    def do_extend(self, by: str) -> None:
        """Ask by how much, unless it was said, and extend."""
        targets = self.some_targets()
        if by:
            self.run_worker(self._apply(Extend(read_extension(by)), targets), group="steer")
        else:
            self._ask(targets, ExtendDialog(targets.ids))

    def do_end(self, _: str) -> None:
        """Ask as what and why, and end."""
        targets = self.some_targets()
        self._ask(targets, EndDialog(targets.ids))

    def do_resume(self, _: str) -> None:
        """Ask with which inputs, and resume."""
        targets = self.some_targets()
        self._ask(targets, ResumeDialog(targets.ids, targets.checkpoint_id))

    def do_fork(self, new_id: str) -> None:
        """Ask for the new id, and fork."""
        targets = self.some_targets()
        self._ask(targets, ForkDialog(targets.ids, targets.checkpoint_id, new_id))

    def do_signal(self, name: str) -> None:
        """Ask for name and payload, and signal."""
        self.run_worker(self._signal(self.some_targets(), name), group="steer")

    async def _signal(self, targets: Targets, name: str) -> None:
        awaited = None
        if len(targets.ids) == 1:
            try:
                awaited = await self.feed.waits_for(targets.ids[0])
            except NexusError as error:
                self.complain(error)
                return
        await self._ask_and_apply(targets, SignalDialog(targets.ids, awaited, name))

    def some_targets(self) -> Targets:
        """What a change would act on.

        Raises:
            InvalidInput: There is nothing.
        """
        targets = self.targets()
        if not targets.ids:
            raise InvalidInput("There is no session under the cursor: nothing was done", field="session_id")
        return targets

    def _ask(self, targets: Targets, dialog: FormDialog[Change]) -> None:
        self.run_worker(self._ask_and_apply(targets, dialog), group="steer")

    async def _ask_and_apply(self, targets: Targets, dialog: FormDialog[Change]) -> None:
        with self.holding():
            change = await self.app.push_screen_wait(dialog)
            if change is not None:
                await self._apply(change, targets)

    async def _apply(self, change: Change, targets: Targets) -> None:
        try:
            outcomes = await self.feed.steer(change, targets.ids)
        except NexusError as error:
            self.complain(error)
            return
        self.done(outcomes)
        self._report(change, outcomes)

    def _report(self, change: Change, outcomes: Sequence[Outcome]) -> None:
        failed = [outcome for outcome in outcomes if outcome.error is not None]
        if not failed:
            self.tell(self._told(change, outcomes))
        elif len(outcomes) == 1 and failed[0].error is not None:
            self.complain(failed[0].error)
        else:
            went_well = plural(len(outcomes) - len(failed), "session")
            heading = f"{change.done}: {went_well}. These {len(failed):,} were left as they are:"
            self.app.push_screen(ReportDialog(heading, failed))

    def _told(self, change: Change, outcomes: Sequence[Outcome]) -> str:
        if len(outcomes) > 1:
            return f"{change.done}: {plural(len(outcomes), 'session')}"
        outcome = outcomes[0]
        said = f"{change.done}: {names_of([outcome.session_id])}"
        after = outcome.after
        if after is not None and isinstance(change, Fork):
            return f"{said} → {after.id}"
        if after is not None and isinstance(change, Extend):
            return f"{said}, expires in {until(after.expires_at, self.feed.clock())}"
        return said
