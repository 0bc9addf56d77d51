"""The palette's entries: the commands of the screen that is shown."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from nexus_tui.commands import Command
from nexus_tui.screens.base import CommandScreen


class ConsoleCommands(Provider):
    """Finds commands by name, label and help."""

    async def discover(self) -> Hits:
        """All commands, before anything is typed."""
        for screen, command in self._commands():
            run = partial(screen.run_command, command, "")
            yield DiscoveryHit(Content(_title(command)), run, command.name, command.help)

    async def search(self, query: str) -> Hits:
        """Commands that fit what is typed."""
        matcher = self.matcher(query)
        for screen, command in self._commands():
            title = _title(command)
            score = max(matcher.match(title), matcher.match(command.help) * 0.8)
            if score > 0:
                run = partial(screen.run_command, command, "")
                yield Hit(score, matcher.highlight(title), run, command.name, command.help)

    def _commands(self) -> Iterator[tuple[CommandScreen, Command]]:
        screen = self.screen
        if isinstance(screen, CommandScreen):
            for command in screen.commands:
                if not command.native and command.name != "palette":
                    yield screen, command


def _title(command: Command) -> str:
    return f"{command.label}  ({command.key or f':{command.name}'})"
