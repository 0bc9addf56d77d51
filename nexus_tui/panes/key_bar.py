"""KeyBar: the last line, with the commands that work here and now. A click on one runs it."""

from __future__ import annotations

from collections.abc import Iterable

from textual import events
from textual.message import Message

from nexus_tui.commands import Command
from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_widgets import Toned, cell_width


class KeyBar(ToneLines):
    """Shows as many commands as fit, first things first."""

    class Pressed(Message):
        """A command was clicked."""

        def __init__(self, name: str) -> None:
            self.name = name
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  the name that every Textual widget uses
        super().__init__(id=id)
        self._commands: tuple[Command, ...] = ()
        self._spans: list[tuple[int, int, str]] = []

    def show(self, commands: Iterable[Command]) -> None:
        """Offer these commands.

        Args:
            commands: The most wanted first; those that don't fit are left out, the last one never.
        """
        offered = tuple(commands)
        # Each second and each move of a cursor asks: mostly it is what stands there.
        if offered != self._commands:
            self._commands = offered
            self._draw()

    def on_resize(self) -> None:
        """Offer as many as fit now."""
        self._draw()

    def on_click(self, event: events.Click) -> None:
        """Run what was clicked."""
        name = next((name for start, end, name in self._spans if start <= event.x < end), None)
        if name is not None:
            self.post_message(self.Pressed(name))

    def _draw(self) -> None:
        if not self._commands or not self.size.width:
            return
        # Help and leaving stay in view: whoever is lost needs them.
        *offered, last_two = self._commands[:-2], self._commands[-2:]
        room = self.size.width - sum(map(_width, last_two)) - 1
        shown: list[Command] = []
        for command in offered[0]:
            room -= _width(command)
            if room < 0:
                break
            shown.append(command)
        parts: list[Toned] = [Toned(" ")]
        self._spans = []
        x = 1
        for command in (*shown, *last_two):
            parts += [Toned(_key(command), "info"), Toned(f" {command.label}  ", "muted")]
            self._spans.append((x, x + _width(command) - 2, command.name))
            x += _width(command)
        self.lines = (Line(tuple(parts)),)


def _key(command: Command) -> str:
    return command.key.split(" ")[0] or f":{command.name}"


def _width(command: Command) -> int:
    return cell_width(_key(command)) + len(command.label) + 3
