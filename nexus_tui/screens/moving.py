"""TimeScreen: a screen that moves through time: through a recording, or through the past of what is live."""

from __future__ import annotations

from nexus.errors import InvalidInput, PermissionDenied
from nexus.query.durations import read_duration
from nexus_tui.commands import Command
from nexus_tui.panes.past_bar import PastBar
from nexus_tui.panes.replay_bar import speed_of
from nexus_tui.replay.player import Player
from nexus_tui.rewind.journey import Journey
from nexus_tui.rewind.spans import time_of
from nexus_tui.screens.base import CommandScreen
from nexus_tui.screens.prompt import PromptLine
from nexus_widgets import Scrubber, clean

_SPEEDS = ("slower", "faster")


class TimeScreen(CommandScreen):
    """Back and on, to a time, and back to now."""

    @property
    def journey(self) -> Journey:
        """The way into the past."""
        return self.console.journey

    # What works now

    @property
    def why_past(self) -> str:
        """Why nothing is changed and nothing explained while the past is shown; empty in the present."""
        if not self.journey.is_away:
            return ""
        return f"this is the past: {self.console.config.keymap.hint('live', self.place)} returns to live"

    def offers(self, command: Command) -> bool:
        """Moving in time is in the footer once somebody does, and where a recording is played."""
        if command.section == "Time":
            return (self.journey.is_away or self.console.player is not None) and not self.refusal(command)
        return super().offers(command)

    def refusal(self, command: Command) -> str:
        """Why a command would do nothing here and now."""
        if command.section == "Time":
            return self._no_move(command.name)
        if command.changes or command.name in ("why", "audit", "wait"):
            return self.why_past
        return super().refusal(command)

    def _no_move(self, name: str) -> str:
        if self.console.player is not None:
            return "a recording has no present" if name == "live" else ""
        if self.feed.contexts is not None:
            return "several contexts are shown: leave all but one to look at its past"
        if name in _SPEEDS:
            return "only a replay has a speed"
        return "this is now" if name in ("live", "forward", "step-on") and not self.journey.is_away else ""

    def check_changes(self) -> None:
        """Refuse every change in the past, in a recording, and in a read-only console.

        Raises:
            PermissionDenied: With why.
        """
        if self.console.player is not None:
            raise PermissionDenied("A recording is read-only: nothing in it can be changed.")
        self._check_present()
        super().check_changes()

    def _check_present(self) -> None:
        if why := self.why_past:
            raise PermissionDenied(f"{why[0].upper()}{why[1:]}. Nothing was changed.")

    def check_explained(self) -> None:
        """Refuse to explain the past: who held what then is not recorded.

        Raises:
            InvalidInput: With why.
        """
        self.check_now("Who held a run then is not recorded.")

    def check_now(self, because: str) -> None:
        """Refuse what is shown of now alone.

        Args:
            because: Why there is no such thing of the past.

        Raises:
            InvalidInput: The past is shown.
        """
        if why := self.why_past:
            raise InvalidInput(f"{why[0].upper()}{why[1:]}. {because}", field="time")

    # Moving

    def _player(self) -> Player:
        if self.console.player is None:
            raise InvalidInput("Only a replay (nexus console --replay FILE) has a speed", field="time")
        return self.console.player

    def _go(self, ts: float) -> None:
        self.journey.go(ts)
        self._draw_time()

    def _draw_time(self) -> None:
        self.query_one(PastBar).draw()
        self.show_keys()

    def _jump(self, by: str, direction: int) -> None:
        player = self.console.player
        if player is None:
            self._jump_live(by, direction)
            return
        length = _length(by) if by else max((player.tape.end - player.tape.start) / 100, 0.001)
        player.seek(player.now + direction * length)
        self.console.main.moved(jumped=True)

    def _jump_live(self, by: str, direction: int) -> None:
        if not by:
            self._move(direction)
        elif direction < 0 and read_duration(by) is None:
            self._go(time_of(by, self.feed.now()))
        else:
            self._go(self.journey.at + direction * _length(by))

    def _move(self, direction: int, *, big: bool = False) -> None:
        if direction > 0 and not self.journey.is_away:
            self.tell("This is now")
            return
        self.journey.step(direction, big=big)
        self._draw_time()

    def do_rewind(self, by: str) -> None:
        """Go back in time."""
        self._jump(by, -1)

    def do_forward(self, by: str) -> None:
        """Go on in time."""
        self._jump(by, 1)

    def do_live(self, _: str) -> None:
        """Back to now."""
        if self.console.player is not None:
            raise InvalidInput("A recording has no present", field="time")
        if not self.journey.is_away:
            self.tell("This is now")
            return
        self.journey.return_to_now()
        self._draw_time()

    def do_seek(self, text: str) -> None:
        """Go to a time, or ask for one."""
        player = self.console.player
        if not text:
            known = "03:04:05 (UTC), or 61%" if player is not None else "10m (ago), 05:00 or 2027-01-15T08:00 (UTC)"
            prompt = PromptLine("time ", placeholder=known)
            self.app.push_screen(prompt, lambda asked: self._seek(asked) if asked else None)
        elif player is not None:
            player.seek(player.time_of(text))
            self.console.main.moved(jumped=True)
        else:
            self._go(time_of(text, self.feed.now()))

    def _seek(self, text: str) -> None:
        try:
            self.do_seek(text)
        except InvalidInput as error:
            self.complain(error)

    def on_scrubber_sought(self, event: Scrubber.Sought) -> None:
        """Go to where the line was clicked."""
        event.stop()
        if self.console.player is not None:
            self.do_seek(f"{event.share * 100}%")
        else:
            self._go(self.query_one(PastBar).time_at(event.share))


class SteppingScreen(TimeScreen):
    """By bigger steps too; in a recording from event to event."""

    def _step(self, direction: int) -> None:
        player = self.console.player
        if player is None:
            self._move(direction, big=True)
        elif player.step(direction):
            self.console.main.moved(jumped=True)
        else:
            self.tell("There is no later event" if direction > 0 else "There is no earlier event")

    def do_step_back(self, _: str) -> None:
        """A bigger step back; in a recording to the event before."""
        self._step(-1)

    def do_step_on(self, _: str) -> None:
        """A bigger step on; in a recording to the next event."""
        self._step(1)


class MovingScreen(SteppingScreen):
    """Faster and slower too, where a recording is played."""

    def _change_speed(self, factor: float) -> None:
        player = self._player()
        player.change_speed(factor)
        self.console.main.moved()
        self.tell(f"Speed \u00d7{speed_of(player)}")

    def do_slower(self, _: str) -> None:
        """Half the speed."""
        self._change_speed(0.5)

    def do_faster(self, _: str) -> None:
        """Twice the speed."""
        self._change_speed(2.0)


def _length(text: str) -> float:
    seconds = read_duration(text)
    if not seconds:
        raise InvalidInput(f"{clean(text, limit=40)!r} is no length of time: write 10m, 2h or 1d12h", field="by")
    return seconds
