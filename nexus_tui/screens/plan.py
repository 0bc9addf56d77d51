"""PlanScreen: exactly how many and which sessions a change is about, frozen as they were seen, before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from nexus.errors import NexusError
from nexus_tui.acting.doing import Doing
from nexus_tui.acting.plan import Plan
from nexus_tui.acting.planning import make_plan
from nexus_tui.acting.targets import Targets
from nexus_tui.beginning import begin
from nexus_tui.panes.choice import Choice
from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.steering import Change, End, Undo
from nexus_tui.viewmodels.item_rows import COLUMNS, ItemRows
from nexus_tui.viewmodels.words import STATUS_MARKS, plural
from nexus_widgets import ProgressCell, Toned, VirtualTable, clean

if TYPE_CHECKING:
    from nexus_tui.feed import Feed

_NOTHING = "Nothing would be done: esc leaves"
_DRIFT = ("leave it", "do it if its status stays")


class PlanScreen(ModalScreen[Doing | None]):
    """Looks, asks, and is dismissed with the plan to carry out, or nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False),
        Binding("enter", "do", "Do it", show=False),
    ]

    def __init__(self, feed: Feed, change: Change, targets: Targets) -> None:
        """Prepare to look.

        Args:
            feed: Where it is asked what would be done.
            change: What is to be done; an end of many only when their number is typed.
            targets: To whom.
        """
        super().__init__(classes="dialog")
        self._feed = feed
        self._change = change
        self._targets = targets
        self._is_final = isinstance(change, End)
        self._plan: Plan | None = None
        self._rows = ItemRows()
        self._table = VirtualTable(COLUMNS, self._rows, empty="there is no session to look at", id="plan-table")

    def compose(self) -> ComposeResult:
        """A frame with who it is about, what would come of each, and what is asked."""
        with Vertical(classes=f"dialog--frame plan--frame {'-final' if self._is_final else ''}".strip()) as frame:
            frame.border_title = Text(f"Plan: {clean(self._change.doing, limit=100)} …")
            yield ToneLines(id="plan-told")
            yield ProgressCell(id="plan-progress")
            yield self._table
            with Vertical(id="plan-asked"):
                with Horizontal(classes="plan--line", id="plan-drift-line"):
                    yield Static(Text("If one changes meanwhile  "), classes="dialog--label")
                    yield Choice(_DRIFT, id="plan-drift")
                with Horizontal(classes="plan--line", id="plan-count-line"):
                    yield Static(Text(""), classes="dialog--label", id="plan-count-label")
                    yield Input(compact=True, id="plan-count")
            yield Static(Text(""), classes="dialog--mistake")
            with Horizontal(classes="dialog--buttons"):
                yield Button(Text("⏎ Do it"), id="do", variant="error" if self._is_final else "primary", compact=True)
                yield Button(Text("esc Leave"), id="leave", compact=True)

    def on_mount(self) -> None:
        """Look."""
        self._table.display = False
        self.query_one("#plan-asked").display = False
        self.query_one("#do").display = False
        self._show_progress(0, self._targets.about or len(self._targets.ids))
        begin(self, self._look, "plan")

    async def _look(self) -> None:
        try:
            plan = await make_plan(self._feed, self._change, self._targets, self._show_progress)
        except NexusError as error:
            self._tell([Toned(clean(error.message, limit=400), "bad")])
            self.query_one("#plan-progress").display = False
            return
        self._plan = plan
        self._show_plan(plan)

    def _show_progress(self, done: int, total: int) -> None:
        self._tell([Toned(self._targets.words), Toned(f"  looking: {done:,} of {total:,}", "muted")])
        self.query_one("#plan-progress", ProgressCell).fraction = done / total if total else 0.0

    # Asking

    def _show_plan(self, plan: Plan) -> None:
        # Those to be acted on stand first; those left, with their reasons, at the end.
        self._rows.items = (*plan.planned, *plan.left)
        self.query_one("#plan-progress").display = False
        self._table.display = True
        self._table.invalidate()
        self._tell(*_told(plan))
        self.on_resize()
        if self.is_hopeless:
            self._say(_NOTHING)
            self._table.focus()
            return
        count, verb = len(plan.planned), self._change.doing.partition(" ")[0]
        do = self.query_one("#do", Button)
        do.label = Text("⏎ End the group" if plan.ends_group else f"⏎ {verb.capitalize()} {count:,}")
        do.display = self.query_one("#plan-asked").display = True
        # What is undone is this very change; and a group ends as it is then.
        self.query_one("#plan-drift-line").display = not (plan.ends_group or isinstance(self._change, Undo))
        typed = self._is_final and count > 1
        self.query_one("#plan-count-line").display = typed
        if typed:
            self.query_one("#plan-count-label", Static).update(Text(f"Type {count} to {verb} them  "))
            self.query_one("#plan-count").focus()
        else:
            self._table.focus()

    def on_resize(self) -> None:
        """Leave room for what is asked beneath the table."""
        others = 13 if self._plan is not None and self._plan.away else 12
        self._table.styles.max_height = rows_that_fit(self.app.size.height, others)

    @property
    def is_hopeless(self) -> bool:
        """Whether it was looked at, and there is nothing to do."""
        return self._plan is not None and not self._plan.planned and not self._plan.ends_group

    def _tell(self, *lines: Sequence[Toned]) -> None:
        self.query_one("#plan-told", ToneLines).lines = tuple(Line(tuple(parts)) for parts in lines)

    def _say(self, mistake: str) -> None:
        self.query_one(".dialog--mistake", Static).update(Text(clean(mistake, limit=300)))

    # Handlers

    def on_virtual_table_row_selected(self, event: VirtualTable.RowSelected) -> None:
        """Enter in the table does it too."""
        event.stop()
        self.action_do()

    def on_virtual_table_row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        """Tell the whole reason of one that stays as it is: the table may have no room for it."""
        event.stop()
        item = self._rows.items[event.index]
        said = [_NOTHING] if self.is_hopeless else []
        self._say(". ".join([*said, *([f"{item.session_id} {item.why}"] if item.why else [])]))

    def on_virtual_table_marks_changed(self, event: VirtualTable.MarksChanged) -> None:
        """Here nothing is marked: what is planned is what was marked before."""
        event.stop()
        self._table.clear_marks()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter does it."""
        event.stop()
        self.action_do()

    def on_input_changed(self, event: Input.Changed) -> None:
        """A mistake goes away when something else is written."""
        event.stop()
        self._say("")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do it, or leave it."""
        event.stop()
        self.action_do() if event.button.id == "do" else self.action_leave()

    def action_leave(self) -> None:
        """Leave it: nothing was done."""
        self.dismiss(None)

    def action_do(self) -> None:
        """Hand over the plan, if the number was typed."""
        plan = self._plan
        if plan is None or self.is_hopeless:
            return
        count = len(plan.planned)
        typed = self.query_one("#plan-count", Input).value.strip().replace(",", "")
        if self._is_final and count > 1 and typed != str(count):
            self._say(f"Type {count}, the number of sessions, or esc to leave them as they are")
            self.query_one("#plan-count").focus()
            return
        self.dismiss(Doing(plan, follow=self.query_one("#plan-drift", Choice).index == 1))


def rows_that_fit(height: int, others: int, most: int = 16) -> int:
    """Lines for a table in a dialog, so that nothing else in it is cut off.

    Args:
        height: The terminal's.
        others: Lines that the rest of the dialog takes, its frame included.
        most: What is enough.
    """
    return max(min(height * 92 // 100 - others, most), 3)


def _told(plan: Plan) -> tuple[list[Toned], ...]:
    done = f"{len(plan.planned):,} of {plural(len(plan.planned) + len(plan.left), 'session')}"
    first = [Toned(f"{done} to {plan.change.doing}", "info")]
    if plan.left:
        stay = "stays as it is" if len(plan.left) == 1 else "stay as they are"
        first.append(Toned(f"   {len(plan.left):,} {stay}", "warn"))
    second = []
    for status, count in plan.counts:
        mark = STATUS_MARKS[status]
        second.append(Toned(f"{mark.text} {count:,}   ", mark.tone))
    if not plan.away:
        return first, second
    names = ", ".join(clean(each, limit=40) for each in plan.away)
    theirs = "not connected: its sessions are" if len(plan.away) == 1 else "not connected: their sessions are"
    verb = "is" if len(plan.away) == 1 else "are"
    return first, second, [Toned(f"{names} {verb} {theirs} not in this plan", "warn")]
