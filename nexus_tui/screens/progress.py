"""ProgressScreen: a plan while it is carried out, with what came of it so far; it can be stopped between two parts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button

from nexus_tui.acting.doing import Doing, carry_out
from nexus_tui.acting.plan import Item
from nexus_tui.beginning import begin
from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.viewmodels.words import plural
from nexus_widgets import ProgressCell, Tone, Toned, clean

if TYPE_CHECKING:
    from nexus_tui.acting.plan import Came
    from nexus_tui.feed import Feed

_TOLD: tuple[tuple[Came, str, Tone], ...] = (
    ("done", "done", "good"), ("unchanged", "nothing to do", "muted"), ("drifted", "changed meanwhile", "warn"),
    ("refused", "refused", "bad"), ("unknown", "not known", "bad"), ("untried", "not tried", "warn"),
)  # fmt: skip


class ProgressScreen(ModalScreen[tuple[Item, ...]]):
    """Does it, and is dismissed with what came of each."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "stop", "Stop", show=False)]

    def __init__(self, feed: Feed, doing: Doing) -> None:
        """Prepare.

        Args:
            feed: Through which it is done.
            doing: What.
        """
        super().__init__(classes="dialog")
        self._feed = feed
        self._doing = doing

    def compose(self) -> ComposeResult:
        """A frame with a bar."""
        with Vertical(classes="dialog--frame progress--frame") as frame:
            plan = self._doing.plan
            doing = clean(plan.change.doing, limit=80)
            frame.border_title = Text(f"{doing[:1].upper()}{doing[1:]}: {plural(len(plan.planned), 'session')}")
            yield ProgressCell(id="progress-bar")
            yield ToneLines(id="progress-told")
            with Horizontal(classes="dialog--buttons"):
                yield Button(Text("esc Stop"), id="stop", compact=True)

    def on_mount(self) -> None:
        """Begin."""
        self._draw()
        begin(self, self._do, "progress")

    async def _do(self) -> None:
        self.dismiss(await carry_out(self._feed, self._doing, self._draw))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Stop."""
        event.stop()
        self.action_stop()

    def action_stop(self) -> None:
        """Stop before the next part; what is done stays done, and is told."""
        self._doing.stop()
        self._draw()

    def _draw(self) -> None:
        done, total = len(self._doing.items), len(self._doing.plan.planned)
        self.query_one("#progress-bar", ProgressCell).fraction = done / total if total else 1.0
        first = f"{done:,} of {total:,}" + (
            "  stopping: what is under way is finished" if self._doing.is_stopped else ""
        )
        self.query_one("#progress-told", ToneLines).lines = (
            Line((Toned(first),)),
            Line(counted(self._doing.items)),
        )


def counted(items: list[Item] | tuple[Item, ...]) -> tuple[Toned, ...]:
    """How many came to what, in words.

    Args:
        items: What came of each.
    """
    found = Counter(item.outcome for item in items)
    return tuple(Toned(f"{found[came]:,} {word}   ", tone) for came, word, tone in _TOLD if found[came])
