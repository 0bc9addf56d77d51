"""MovingScreen: a screen that moves through the time of a recording; where all is live, it says that it can't."""

from __future__ import annotations

from abc import abstractmethod

from nexus.errors import InvalidInput
from nexus_tui.panes.replay_bar import speed_of
from nexus_tui.replay.player import Player
from nexus_tui.screens.prompt import PromptLine
from nexus_tui.screens.steering import SteeringScreen
from nexus_tui.screens.steering_dialogs import read_extension
from nexus_widgets import Scrubber


class MovingScreen(SteeringScreen):
    """Back and on, by steps and by jumps, faster and slower."""

    @abstractmethod
    def moved(self, *, jumped: bool = False) -> None:
        """Show the time that was gone to.

        Args:
            jumped: Whether it went elsewhere than on: what was shown before is forgotten then.
        """
        ...

    def _player(self) -> Player:
        if self.console.player is None:
            raise InvalidInput("This is live: only a replay (nexus console --replay FILE) moves in time", field="time")
        return self.console.player

    def _jump(self, by: str, direction: int) -> None:
        player = self._player()
        length = read_extension(by) if by else max((player.tape.end - player.tape.start) / 100, 0.001)
        player.seek(player.now + direction * length)
        self.moved(jumped=True)

    def do_rewind(self, by: str) -> None:
        """Go back in time."""
        self._jump(by, -1)

    def do_forward(self, by: str) -> None:
        """Go on in time."""
        self._jump(by, 1)

    def _step(self, direction: int) -> None:
        player = self._player()
        if player.step(direction):
            self.moved(jumped=True)
        else:
            self.tell("There is no later event" if direction > 0 else "There is no earlier event")

    def do_step_back(self, _: str) -> None:
        """Stand at the event before."""
        self._step(-1)

    def do_step_on(self, _: str) -> None:
        """Stand at the next event."""
        self._step(1)

    def _change_speed(self, factor: float) -> None:
        player = self._player()
        player.change_speed(factor)
        self.moved()
        self.tell(f"Speed \u00d7{speed_of(player)}")

    def do_slower(self, _: str) -> None:
        """Half the speed."""
        self._change_speed(0.5)

    def do_faster(self, _: str) -> None:
        """Twice the speed."""
        self._change_speed(2.0)

    def do_seek(self, text: str) -> None:
        """Go to a time, or ask for one."""
        player = self._player()
        if not text:
            prompt = PromptLine("time ", placeholder="03:04:05 (UTC), or 61%")
            self.app.push_screen(prompt, lambda asked: self._seek(asked) if asked else None)
            return
        player.seek(player.time_of(text))
        self.moved(jumped=True)

    def _seek(self, text: str) -> None:
        try:
            self.do_seek(text)
        except InvalidInput as error:
            self.complain(error)

    def on_scrubber_sought(self, event: Scrubber.Sought) -> None:
        """Go to where the line was clicked."""
        event.stop()
        self.do_seek(f"{event.share * 100}%")
