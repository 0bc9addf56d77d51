"""SessionMoments: a session's own time: the state as it was at a moment of its history, and what changed since."""

from __future__ import annotations

from functools import partial

from nexus.errors import NexusError
from nexus_tui.asking import Detail
from nexus_tui.beginning import begin
from nexus_tui.panes.checkpoints import CheckpointsPane
from nexus_tui.past import NOW, START, Past, pair_to_compare
from nexus_tui.screens.session_panes import SessionPanes
from nexus_tui.viewmodels.moments import Moment
from nexus_widgets import DiffView, Timeline, clean
from nexus_widgets.json_branch import MISSING


class SessionMoments(SessionPanes):
    """The timeline and the checkpoints choose a moment; state and diff are those of it."""

    _past: Past
    _detail: Detail | None = None
    _moments: tuple[Moment, ...] = ()
    _at = NOW

    @property
    def _timeline(self) -> Timeline:
        return self.query_one("#timeline", Timeline)

    @property
    def _checkpoints(self) -> CheckpointsPane:
        return self.query_one("#pane-checkpoints", CheckpointsPane)

    # Time

    async def _show_state(self) -> None:
        """Show the state of the moment that was chosen, with what changed in it since the checkpoint before."""
        if self._detail is None:
            return
        at = self._at
        try:
            earlier, later = pair_to_compare(at, tuple(self._checkpoints.table.marks), self._detail.checkpoints)
            state = self._detail.session.state if at == NOW else await self._past.state(at)
            old, new = await self._past.state(earlier), await self._past.state(later)
        except NexusError as error:
            self.complain(error)
            return
        if at == self._at:
            self.json_tree("state").set_value(state, old if later == at and earlier != START else MISSING)
            self.query_one("#pane-diff", DiffView).set_values(
                old, new, before_name=clean(earlier), after_name=clean(later)
            )
            self.draw_frames()

    def _go_to(self, at: str) -> None:
        if at != self._at:
            self._at = at
            self._checkpoints.point_at(at)
            begin(self, self._show_state, "state", exclusive=True)

    def on_timeline_point_highlighted(self, event: Timeline.PointHighlighted) -> None:
        """Show the state as it was then."""
        event.stop()
        if event.index < len(self._moments):
            moment = self._moments[event.index]
            self._go_to(NOW if moment.is_now else moment.checkpoint_id or START)

    def on_checkpoints_pane_chosen(self, event: CheckpointsPane.Chosen) -> None:
        """Go to when the checkpoint was saved."""
        event.stop()
        index = self._index_of(event.checkpoint_id)
        if index is not None:
            self._timeline.cursor = index
        else:
            self._go_to(event.checkpoint_id)
        if event.opened:
            self.show_front("state")

    def on_checkpoints_pane_marks_changed(self, event: CheckpointsPane.MarksChanged) -> None:
        """Compare what is marked."""
        event.stop()
        begin(self, self._show_state, "state", exclusive=True)

    def _index_of(self, checkpoint_id: str) -> int | None:
        return next(
            (
                index
                for index, moment in enumerate(self._moments)
                if moment.checkpoint_id == checkpoint_id and moment.point.kind == "checkpoint"
            ),
            None,
        )

    # Commands

    def _last_error(self) -> int | None:
        kinds = [moment.point.kind for moment in self._moments]
        return len(kinds) - 1 - kinds[::-1].index("error") if "error" in kinds else None

    def do_last_error(self, _: str) -> None:
        """Go to when it last failed."""
        index = self._last_error()
        if index is None:
            self.tell("Its newest events tell of no failure")
        else:
            self._timeline.cursor = index
            self._timeline.focus()

    def do_earlier(self, _: str) -> None:
        """One checkpoint back."""
        self._timeline.action_move_to_kind(-1)

    def do_later(self, _: str) -> None:
        """One checkpoint on, at last to now."""
        cursor = self._timeline.cursor
        self._timeline.action_move_to_kind(1)
        if self._timeline.cursor == cursor:
            self._timeline.action_last()

    def do_diff(self, names: str) -> None:
        """Compare two states, those named or those marked."""
        self.bring("diff")
        if names:
            earlier, _, later = names.partition(" ")
            begin(self, partial(self._compare, earlier, later.strip() or NOW), "state", exclusive=True)

    async def _compare(self, earlier: str, later: str) -> None:
        try:
            old, new = await self._past.state(earlier), await self._past.state(later)
        except NexusError as error:
            self.complain(error)
            return
        view = self.query_one("#pane-diff", DiffView)
        view.set_values(old, new, before_name=clean(earlier), after_name=clean(later))

    def do_mark(self, _: str) -> None:
        """Mark a checkpoint to compare."""
        self.bring("checkpoints")
        self._checkpoints.table.action_toggle_mark()

    def do_clear(self, _: str) -> None:
        """Clear all marks."""
        self._checkpoints.table.clear_marks()
