"""FindingScreen: a screen that finds sessions: by a filter, by faults only, by saved views, and by what failed last.

What was found is copied from here too.
"""

from __future__ import annotations

from collections.abc import Sequence

from nexus.errors import NexusError
from nexus.model import Group
from nexus_tui.beginning import begin
from nexus_tui.filtering import completions, is_begun, mistake_in, right_part
from nexus_tui.panes.sessions import SessionsPane
from nexus_tui.screens.steering import SteeringScreen
from nexus_tui.screens.views import ViewsDialog
from nexus_widgets import Completion, FilterBar, count


class FindingScreen(SteeringScreen):
    """A filter bar over a table of sessions."""

    _groups: tuple[Group, ...] = ()
    """The groups that were read last, to complete their names."""

    @property
    def sessions(self) -> SessionsPane:
        """The pane with the table."""
        return self.query_one("#sessions", SessionsPane)

    @property
    def _bar(self) -> FilterBar:
        return self.query_one("#filter", FilterBar)

    def _complete(self, text: str, cursor: int) -> list[Completion]:
        groups = [group.id for group in self._groups]
        return completions(text, cursor, self.feed.statistics, groups, self.feed.seen.values())

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        """Show what matches while it is written; a filter that isn't one yet changes nothing."""
        event.stop()
        error = mistake_in(event.text)
        if error is None:
            if not is_begun(event.text):
                self.sessions.show_filter(event.text.strip())
        elif not error.incomplete:
            self.sessions.show_filter(right_part(event.text, error))
            event.bar.show_error(error.message, error.column - 1)

    def on_filter_bar_submitted(self, event: FilterBar.Submitted) -> None:
        """Go to the sessions that match, or to the mistake."""
        event.stop()
        error = mistake_in(event.text)
        if error is not None:
            self.sessions.show_filter(right_part(event.text, error))
            event.bar.show_error(error.message, error.column - 1)
            return
        self.sessions.show_filter(event.text.strip())
        self.sessions.table.focus()

    def on_filter_bar_cancelled(self, event: FilterBar.Cancelled) -> None:
        """Back to the table; a filter that was never right is taken back."""
        event.stop()
        if mistake_in(event.text) is not None:
            event.bar.set_text(self.sessions.filter)
        self.sessions.table.focus()

    def _filter(self, q: str) -> None:
        error = mistake_in(q)
        if error is not None:
            raise error
        self._bar.set_text(q)
        self.sessions.show_filter(q)

    def show_only(self, q: str) -> None:
        """Show what a filter matches, with the table in front.

        Args:
            q: A filter that reads.
        """
        self._filter(q)
        self.sessions.table.focus()

    def do_filter(self, q: str) -> None:
        """Write a filter, or show what matches the one given."""
        if q:
            self._filter(q)
        else:
            self._bar.focus()

    def do_last_error(self, _: str) -> None:
        """Open what failed last."""
        begin(self, self._open_last_error, "last-error", exclusive=True)

    async def _open_last_error(self) -> None:
        try:
            found = await self.feed.window("status:failed", "-last_activity", 0, 1)
        except NexusError as error:
            self.complain(error)
            return
        if found.items:
            self.console.open_session(found.items[0].id)
        else:
            self.tell("No session stands as failed")

    def do_faults(self, _: str) -> None:
        """Show only faults, or everything again."""
        self.sessions.show_faults(faults=not self.sessions.faults)

    def do_view(self, words: str) -> None:
        """Show, save or remove a view; without a name, choose one."""
        verb, _, name = words.partition(" ")
        views = self.console.kept.views
        if not words:
            self.app.push_screen(ViewsDialog(views), lambda chosen: self.do_view(chosen) if chosen else None)
        elif verb == "save":
            views.save(name.strip(), self.sessions.view)
            self.tell(f"Saved what is shown as {name.strip()}")
        elif verb == "remove":
            views.remove(name.strip())
            self.tell(f"Removed the view {name.strip()}")
        else:
            self._show_view(words)

    def _show_view(self, name: str) -> None:
        view = self.console.kept.views.get(name)
        error = mistake_in(view.q)
        if error is not None:
            raise error
        self._bar.set_text(view.q)
        self.sessions.show_view(view)
        self.sessions.table.focus()

    # Copying

    def do_copy(self, _: str) -> None:
        """Copy ids."""
        if self.sessions.table.marks_all:
            begin(self, self._copy_all, "copy", exclusive=True)
        elif self.sessions.chosen:
            self._copy(self.sessions.chosen)

    async def _copy_all(self) -> None:
        source, spared = self.sessions.source, self.sessions.table.spared
        try:
            ids, total = await self.feed.ids(source.q, source.sort.text)
        except NexusError as error:
            self.complain(error)
            return
        self._copy([each for each in ids if each not in spared])
        if total > len(ids):
            self.tell(f"Copied the first of {count(total)}: nexus sessions list --all -o id prints all")

    def _copy(self, ids: Sequence[str]) -> None:
        self.app.copy_to_clipboard("\n".join(ids))
        self.tell(f"Copied {ids[0] if len(ids) == 1 else f'{count(len(ids))} ids'}")
