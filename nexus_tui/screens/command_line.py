"""CommandLine: a line at the top on which any command is run by name, with its argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from nexus_tui.commands import Command, Place, commands_of, find_command, near_commands
from nexus_tui.kept import History
from nexus_widgets import Completion, FilterBar, clean


class CommandLine(ModalScreen[tuple[Command, str] | None]):
    """Gives the command and what followed its name."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave", show=False)]

    def __init__(
        self, place: Place, history: History, arguments: Callable[[Command], Sequence[str]] = lambda _: ()
    ) -> None:
        """Make the line.

        Args:
            place: The screen whose commands can be run.
            history: Lines that were run before, and where this one is remembered.
            arguments: What may follow a command's name, as far as it is known.
        """
        super().__init__()
        self._place = place
        self._history = history
        self._arguments = arguments

    def compose(self) -> ComposeResult:
        """One line."""
        yield FilterBar(
            complete=self._complete, prompt=":", placeholder="command, Tab completes, ↑ brings earlier lines",
            debounce=0, recall=self._history.lines, id="command-line",
        )  # fmt: skip

    def on_mount(self) -> None:
        """Write at once."""
        self.query_one(FilterBar).focus()

    def on_filter_bar_submitted(self, event: FilterBar.Submitted) -> None:
        """Run what was written, or say what is wrong with it."""
        event.stop()
        name, _, argument = event.text.strip().partition(" ")
        if not name:
            self.dismiss(None)
            return
        command = find_command(name.lower(), self._place)
        if command is None:
            near = " or ".join(near_commands(name.lower(), self._place))
            hint = f"did you mean {near}?" if near else "? lists them all"
            event.bar.show_error(f"there is no command {clean(name, limit=30)!r} here: {hint}", 0)
        elif argument.strip() and not command.argument:
            event.bar.show_error(f"{command.name} takes no argument", len(name) + 1)
        else:
            self._history.add(event.text)
            self.dismiss((command, argument.strip()))

    def on_filter_bar_cancelled(self, event: FilterBar.Cancelled) -> None:
        """Close the line."""
        event.stop()
        self.dismiss(None)

    def action_leave(self) -> None:
        """Close the line."""
        self.dismiss(None)

    def _complete(self, text: str, cursor: int) -> Sequence[Completion]:
        typed = text[:cursor].lstrip()
        skipped = len(text[:cursor]) - len(typed)
        name, space, argument = typed.partition(" ")
        if space:
            command = find_command(name.lower(), self._place)
            offered = self._arguments(command) if command is not None and command.argument else ()
            start = skipped + len(name) + 1
            if command is not None and "," in command.argument:
                # One more of a list: what is in it already isn't offered again.
                before, _, argument = argument.rpartition(",")
                start += len(before) + bool(before)
                taken = before.split(",") if before else []
                # Signs such as - and * stand alone.
                offered = [each for each in offered if each not in taken and (not taken or each[:1].isalnum())]
            return [Completion(each, "", start) for each in offered if each.startswith(argument) and each != argument]
        return [
            Completion(f"{command.name} " if command.argument else command.name, command.help, skipped)
            for command in commands_of(self._place)
            if not command.native and command.name != "command" and command.name.startswith(typed.lower())
        ]
